"""The time of a prediction: measured, told and drawn, and without a say in the choice."""

from dataclasses import replace

import numpy as np
import pytest
import synthetic_study as made_up
import torch
from findings import numbers, rounded

from twostep.analysis.cost import step_costs
from twostep.figures.cost import draw_cost, draw_inference
from twostep.figures.style import NO_TEST_LOSS
from twostep.model import inference
from twostep.model.inference import BATCH_SIZES, measure_inference
from twostep.model.model import load_model
from twostep.report.costs import inference_section
from twostep.training.configuration import Configuration
from twostep.training.network import build_network
from twostep.training.tensor_file import save_tensors

SHOWN = {"layers": (1, 8), "loss_label": "MSE, dimensionless"}


def write_model(path, widths, *, trial, failed=False):
    """Write a model file with random weights, as `save_model` does."""
    configuration = Configuration(widths, 1e-3, 64, "relu", "adam", 0.0, 0.0)
    features = made_up.manifest()
    n_inputs, n_outputs = len(features["inputs"]), len(features["outputs"])
    network = build_network(configuration, n_inputs, n_outputs, "sigmoid")
    record = {
        "trial": trial,
        "seed": 0,
        "configuration": configuration.to_dict(),
        "n_parameters": configuration.count_parameters(n_inputs, n_outputs),
        "n_operations": configuration.count_operations(n_inputs, n_outputs),
        "message": "",
    }
    content = {"format": 2, "record": record, "timing": {}, "data_hash": "0123"}
    content |= {key: features[key] for key in ("inputs", "outputs", "output_activation")}
    save_tensors(path, content | {"weights": {} if failed else network.state_dict()})
    return str(path)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    paths = [
        write_model(folder / "a.pt", (8,), trial=3),
        write_model(folder / "b.pt", (1024, 1024, 1024), trial=7),
        write_model(folder / "c.pt", (8,), trial=9, failed=True),
    ]
    threads = torch.get_num_threads()
    table = measure_inference(paths, n_rounds=2)
    assert torch.get_num_threads() == threads
    return table


def test_each_model_is_measured_at_each_batch_size_and_failed_ones_are_left_out(measured):
    assert measured["trial"].tolist() == [3] * 3 + [7] * 3
    assert measured["batch_size"].tolist() == [1, 64, 1024] * 2 == [*BATCH_SIZES] * 2
    assert (measured["threads"] == 1).all()
    assert measured["processor"].str.len().min() > 0
    assert (measured["n_repeats"] >= 2).all()


def test_quartiles_enclose_the_median_and_operations_are_counted(measured):
    assert (measured["seconds_per_sample_25"] <= measured["seconds_per_sample"]).all()
    assert (measured["seconds_per_sample"] <= measured["seconds_per_sample_75"]).all()
    small = measured.iloc[0]
    n_parameters = (made_up.N_INPUTS + 1) * 8 + 9 * 2
    assert small["n_operations"] == made_up.N_INPUTS * 8 + 8 * 2
    assert (small["n_parameters"], small["weight_bytes"]) == (n_parameters, 4 * n_parameters)


def test_the_time_of_a_sample_is_that_of_its_batch_over_the_samples(tmp_path, monkeypatch):
    """By a clock that only forward passes move on, each by what there is to compute."""
    now = [0.0]

    def load_with_clock(path, *, run_code):
        model = load_model(path)

        def tick(network, inputs, outputs):
            now[0] += cost(model.record["n_operations"], len(outputs))

        model.network.register_forward_hook(tick)
        return model

    def cost(n_operations, n_samples):
        # One second a call, besides: of a larger batch each sample has less of it.
        return 1 + 1e-4 * n_operations * n_samples

    paths = [
        write_model(tmp_path / "a.pt", (8,), trial=3),
        write_model(tmp_path / "b.pt", (64, 64), trial=7),
    ]
    monkeypatch.setattr(inference, "load_model", load_with_clock)
    monkeypatch.setattr(inference.time, "thread_time", lambda: now[0])
    table = measure_inference(paths, n_rounds=2)
    sizes = zip(table["n_operations"], table["batch_size"], strict=True)
    expected = [cost(n_operations, n_samples) / n_samples for n_operations, n_samples in sizes]
    assert table["seconds_per_sample"].tolist() == pytest.approx(expected)
    assert table["n_operations"].nunique() == 2 and table["batch_size"].nunique() == 3


def test_the_table_of_the_script_is_read_with_its_types(tmp_path, measured):
    from measure_inference import main

    from twostep.util.tables import read_table

    path = write_model(tmp_path / "a.pt", (8,), trial=3)
    main(models=[path], output=str(tmp_path / "inference.csv"))
    table = read_table(tmp_path / "inference.csv")
    assert table.columns.tolist() == measured.columns.tolist()
    assert table["torch"].tolist() == [torch.__version__] * 3


@pytest.fixture(scope="module")
def study():
    return made_up.study()


def artist(axes, gid):
    (found,) = [child for child in axes.get_children() if child.get_gid() == gid]
    return found


def inference_figure(study, **changes):
    tables = {
        "inference": study.inference,
        "retrained": study.retrained,
        "selection": study.selection,
    }
    return draw_inference(**tables | changes, **SHOWN)


def test_test_loss_is_drawn_against_the_time_in_microseconds(study):
    figure = inference_figure(study)
    panels = figure.axes[:3]
    assert [numbers(axes.get_title("left")) for axes in panels] == [[1], [64], [1024]]
    losses = study.retrained.groupby("trial")["test_loss"].mean()
    for axes, batch_size in zip(panels, BATCH_SIZES, strict=True):
        table = study.inference[study.inference["batch_size"] == batch_size]
        points = artist(axes, "models").get_offsets()
        assert sorted(points[:, 0]) == pytest.approx(sorted(1e6 * table["seconds_per_sample"]))
        assert sorted(points[:, 1]) == pytest.approx(sorted(losses))
        (selected,) = artist(axes, "selected").get_ydata()
        assert selected == pytest.approx(losses[study.selected["trial"]])
        bars = artist(axes, "quartiles").get_segments()
        assert len(bars) == len(table)


def test_no_model_is_below_and_left_of_the_front(study):
    axes = inference_figure(study).axes[1]
    front = artist(axes, "front")
    x, y = front.get_xdata(), front.get_ydata()
    assert (np.diff(y[:-1]) < 0).all()
    for time, loss in artist(axes, "models").get_offsets():
        best_so_far = y[x <= time].min()
        assert loss >= best_so_far


def test_models_that_failed_have_no_point(study):
    retrained = study.retrained.copy()
    trial = retrained["trial"].iloc[-1]
    retrained.loc[retrained["trial"] == trial, ["status", "test_loss"]] = ["failed", np.nan]
    axes = inference_figure(study, retrained=retrained).axes[0]
    assert len(artist(axes, "models").get_offsets()) == retrained["trial"].nunique() - 1


def test_without_a_finite_test_loss_a_sentence_says_so(study):
    figure = inference_figure(study, retrained=study.retrained.assign(test_loss=np.nan))
    (text,) = figure.texts
    assert text.get_gid() == "nothing" and text.get_text() == NO_TEST_LOSS


def test_the_summary_tells_the_time_of_the_best_and_the_selected_model(study):
    measured = study.inference.assign(processor="Abacus 3000")
    title, sentence, table, figure = inference_section(replace(study, inference=measured))
    assert title == "### Inference"
    assert "one thread" in sentence and "Abacus 3000" in sentence
    rows = table.splitlines()
    assert len(rows) == 2 + 2 * 3
    row = study.inference[study.inference["trial"] == study.selected["trial"]].iloc[1]
    expected = f"| selected (trial {row['trial']}) | 64 | {1e6 * row['seconds_per_sample']:.3g} µs"
    assert any(line.startswith(expected) for line in rows)
    assert "(figures/inference.png)" in figure


# The cost of the study


def test_the_cost_of_the_steps_is_drawn_beside_that_of_the_search_on_all_data(study):
    costs = {search.fraction: step_costs(study, search) for search in study.searches}
    assert list(costs["0.05"]) == ["step_1", "step_2", "both", "full", "full_as_searched"]
    figure = draw_cost(costs)
    left, right = figure.axes
    labels = [text.get_text() for text in left.get_yticklabels()]
    # Five rows of each fraction, the first of which names it.
    assert [numbers(label) for label in labels if numbers(label)] == [[0.05], [0.2]]
    assert [bool(numbers(label)) for label in labels] == 2 * [True, False, False, False, False]
    assert [label.split(":")[0] for label in labels[:2]] == ["step 1", "step 2"]
    for axes, quantity in ((left, "cpu_seconds"), (right, "work")):
        assert axes.get_xscale() == "log"
        marks = {
            name: [line.get_xdata()[0] for line in axes.lines if line.get_gid() == name]
            for name in costs["0.05"]
        }
        for name in marks:
            assert marks[name] == [getattr(cost[name], quantity) for cost in costs.values()]
        low, high = axes.get_xlim()
        assert low < min(marks["step_1"] + marks["step_2"]) < max(marks["full"]) < high
    saving = costs["0.05"]["full"].work / costs["0.05"]["both"].work
    # The work of the search on all data, and how many times that of both steps it is.
    (full,) = [text for text in right.texts if text.xy == (costs["0.05"]["full"].work, 3)]
    assert numbers(full.get_text()) == [
        rounded(costs["0.05"]["full"].work, 2),
        rounded(saving, 2),
    ]


def test_a_search_on_all_data_is_compared_with_nothing():
    study = made_up.study(("1",))
    (search,) = study.searches
    costs = step_costs(study, search)
    assert list(costs) == ["step_1", "step_2", "both"]
    assert costs["both"].work == costs["step_1"].work + costs["step_2"].work
    figure = draw_cost({"1": costs})
    # What it is, and no ratio.
    assert [len(numbers(text.get_text())) for text in figure.axes[0].texts] == [1, 1, 1]
