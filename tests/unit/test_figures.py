"""The figures: what they show, on which axes, and that the same tables give the same files."""

import json
import math

import numpy as np
import pytest
import synthetic_study as made_up
from matplotlib.colors import to_rgba

from twostep.analysis.complexity import Complexity
from twostep.analysis.pareto import lower_envelope, pareto_front
from twostep.figures.size import draw_retrained, draw_search, layer_range
from twostep.figures.steps import draw_loss_curves
from twostep.figures.style import describe_loss, layer_colours, save
from twostep.report.entries import figure_entries

BASELINES = {"constant": made_up.CONSTANT, "linear": made_up.LINEAR}
SHARED = {"layers": (1, 8), "loss_label": "MSE, dimensionless"}


@pytest.fixture(scope="module")
def searches():
    return {
        "0.05": made_up.trials_table(),
        "0.2": made_up.trials_table(fraction_seed=2, n_train=14_000),
    }


@pytest.fixture(scope="module")
def retrained(searches):
    return made_up.retrained_table(searches, seeds=2)


@pytest.fixture(scope="module")
def selection(retrained):
    return made_up.selection_table(retrained)


def artist(axes, gid):
    """Return the one artist of the axes that has this name."""
    (found,) = [child for child in axes.get_children() if child.get_gid() == gid]
    return found


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def search_figure(trials, **changes):
    arguments = {
        "fraction": "0.05",
        "baselines": BASELINES,
        "retrained": {1, 2},
        "complexity": Complexity(20_000, 9_000, 70_000),
        "tolerance": 0.1,
    }
    return draw_search(trials, **arguments | SHARED | changes)


# The envelope and the front


def test_the_envelope_is_the_best_loss_at_or_below_each_size():
    sizes, envelope = lower_envelope([30, 10, 20, 10, 40], [0.2, 0.5, 0.6, 0.4, 0.2])
    assert sizes.tolist() == [10, 20, 30, 40]
    assert envelope.tolist() == [0.4, 0.4, 0.2, 0.2]


def test_the_front_holds_the_trials_that_none_beats():
    # 1 and 4 lose to 3 and 0 at the same size or loss, 2 to the smaller and better 3.
    front = pareto_front([30, 10, 20, 10, 40, 50], [0.2, 0.5, 0.6, 0.4, 0.2, 0.1])
    assert front.tolist() == [3, 0, 5]


def test_of_equal_trials_the_first_is_on_the_front():
    assert pareto_front([10, 10], [0.1, 0.1]).tolist() == [0]


def test_no_trial_on_the_front_is_beaten_and_every_other_is():
    random = np.random.default_rng(0)
    sizes, losses = random.integers(1, 50, 300), random.integers(1, 50, 300)
    front = set(pareto_front(sizes, losses).tolist())
    for i in range(len(sizes)):
        no_worse = (sizes <= sizes[i]) & (losses <= losses[i])
        beaten = (no_worse & ((sizes < sizes[i]) | (losses < losses[i]))).any()
        twin = (sizes[:i] == sizes[i]) & (losses[:i] == losses[i])
        assert (i in front) == (not beaten and not twin.any())


# Style


@pytest.mark.parametrize(
    ("activation", "units", "transform", "text"),
    [
        ("sigmoid", ["1", "1"], "none", "MSE of cloud cover, dimensionless"),
        ("sigmoid", [""], "none", "MSE of cloud cover, dimensionless"),
        ("sigmoid", ["kg m-3"], "none", "MSE of cloud cover, (kg m-3)²"),
        ("sigmoid", ["1", "kg"], "none", "MSE of cloud cover, mixed units"),
        ("sigmoid", ["kg"], "log10", "MSE of log10(cloud cover), transformed"),
        ("linear", ["K"], "none", "MSE of cloud cover, standardised"),
        ("linear", ["K"], "log1p", "MSE of log1p(cloud cover), standardised"),
    ],
)
def test_the_loss_says_of_what_and_in_which_unit(activation, units, transform, text):
    output = {"variable": "clt", "long_name": "cloud cover", "transform": transform}
    assert describe_loss(activation, [{**output, "units": unit} for unit in units]) == text


@pytest.mark.parametrize(
    ("loss", "activation", "unit", "text"),
    [
        ("mae", "sigmoid", "1", "MAE of cloud cover, dimensionless"),
        ("mae", "sigmoid", "kg m-3", "MAE of cloud cover, kg m-3"),
        ("mae", "linear", "K", "MAE of cloud cover, standardised"),
        ("huber", "sigmoid", "kg", "Huber loss of cloud cover, units of the data"),
        ("huber", "linear", "kg", "Huber loss of cloud cover, standardised"),
        ("binary_cross_entropy", "sigmoid", "1", "Cross-entropy, nats"),
        ("cross_entropy", "softmax", "1", "Cross-entropy, nats"),
    ],
)
def test_each_loss_has_its_name_and_its_unit(loss, activation, unit, text):
    output = {"variable": "clt", "long_name": "cloud cover", "transform": "none", "units": unit}
    assert describe_loss(activation, [output], loss) == text


def test_the_loss_of_several_or_long_quantities_has_no_name():
    output = {"variable": "a", "long_name": "a" * 60, "transform": "none", "units": "1"}
    assert describe_loss("sigmoid", [output]) == "MSE, dimensionless"
    other = {**output, "variable": "b", "long_name": "b"}
    assert describe_loss("linear", [output, other]) == "MSE, standardised"


def test_deeper_networks_are_lighter_so_that_grey_readers_see_the_order():
    colour_map, norm = layer_colours(1, 20)
    colours = np.array([colour_map(norm(layers)) for layers in range(1, 21)])
    assert (np.diff(colours[:, :3] @ [0.299, 0.587, 0.114]) > 0).all()


def test_the_names_need_no_plotting_library():
    each = ("search", "layers", "depth_width", "hyperparameters", "steps", "regret")
    once = ["retrained", "loss_curves", "cost", "inference", "predicted", "errors_by_output"]
    once.append("errors_by_input")
    names = [f"{name}_{fraction}" for name in each for fraction in ("0.05", "1")]
    assert list(figure_entries(["0.05", "1"])) == [*names, "fractions", *once]
    assert "fractions" not in figure_entries(["0.05"])


# The search


def test_the_search_has_one_point_per_trial_that_succeeded(searches):
    trials = searches["0.05"]
    axes = search_figure(trials).axes[0]
    points = artist(axes, "trials").get_offsets()
    succeeded = trials[trials["status"] == "ok"]
    assert len(points) == 196
    assert sorted(map(tuple, points)) == sorted(
        zip(succeeded["n_parameters"], succeeded["min_val_loss"], strict=True)
    )
    assert "200 trials, 4 failed" in axes.get_title("left")
    assert "3,500 training samples" in axes.get_title("left")


def test_the_search_has_logarithmic_axes_with_units(searches):
    figure = search_figure(searches["0.05"])
    axes, scale = figure.axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "Learnable parameters"
    assert axes.get_ylabel() == "Validation loss\n(MSE, dimensionless)"
    assert scale.get_ylabel() == "Number of hidden layers"
    assert figure.get_size_inches()[0] == 3.5


def test_points_are_coloured_by_the_number_of_hidden_layers(searches):
    trials = searches["0.05"]
    points = artist(search_figure(trials).axes[0], "trials")
    succeeded = trials[trials["status"] == "ok"].sort_values("trial")
    assert points.get_array().tolist() == succeeded["n_hidden_layers"].tolist()
    assert points.norm.boundaries.tolist() == [layer + 0.5 for layer in range(9)]


def test_the_search_draws_the_envelope_and_its_front(searches):
    trials = searches["0.05"]
    succeeded = trials[trials["status"] == "ok"]
    axes = search_figure(trials).axes[0]
    line = artist(axes, "envelope")
    assert line.get_drawstyle() == "steps-post"
    assert line.get_xdata()[-1] == succeeded["n_parameters"].max()
    assert line.get_ydata()[-1] == succeeded["min_val_loss"].min()
    front = artist(axes, "front")
    assert set(front.get_xdata()) <= set(line.get_xdata())
    assert (np.diff(front.get_ydata()) < 0).all()


def test_retrained_trials_are_ringed(searches):
    trials = searches["0.05"]
    chosen = set(trials["trial"].head(12))
    rings = artist(search_figure(trials, retrained=chosen).axes[0], "retrained").get_offsets()
    assert sorted(rings[:, 1]) == sorted(trials["min_val_loss"].head(12))


def test_the_search_has_the_baselines_as_lines(searches):
    figure = search_figure(searches["0.05"])
    levels = [line.get_ydata()[0] for line in figure.axes[0].lines if line.get_gid() is None]
    assert {made_up.CONSTANT, made_up.LINEAR} <= set(levels)
    assert {"constant prediction", "linear regression"} <= set(legend_texts(figure))


def test_the_search_shows_the_minimal_complexity_with_its_interval(searches):
    figure = search_figure(searches["0.05"])
    line = artist(figure.axes[0], "minimal complexity")
    assert set(line.get_xdata()) == {20_000}
    band = artist(figure.axes[0], "interval")
    assert (band.get_x(), band.get_x() + band.get_width()) == (9_000, 70_000)
    assert "smallest within 10 %:\n20,000\n(9,000 to 70,000)" in legend_texts(figure)


def test_few_trials_have_a_minimal_complexity_without_interval(searches):
    figure = search_figure(searches["0.05"], complexity=Complexity(20_000, None, None))
    assert "smallest within 10 %:\n20,000" in legend_texts(figure)
    assert all(child.get_gid() != "interval" for child in figure.axes[0].get_children())


def test_the_baselines_of_a_search_are_in_sight(searches):
    worst = searches["0.05"]["min_val_loss"].max()
    baselines = {"constant": 5 * worst, "linear": 1e-5}
    axes = search_figure(searches["0.05"], baselines=baselines).axes[0]
    bottom, top = axes.get_ylim()
    assert bottom < 1e-5 < 5 * worst < top


def test_a_baseline_far_above_the_search_is_named_and_squeezes_nothing(searches):
    worst = searches["0.05"]["min_val_loss"].max()
    figure = search_figure(searches["0.05"], baselines={"constant": 50 * worst, "linear": 1e-5})
    assert figure.axes[0].get_ylim()[1] < 2 * worst
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert any("constant" in label and "off the axis" in label for label in labels)


def test_trials_that_went_astray_do_not_squeeze_the_others(searches):
    trials = searches["0.05"].copy()
    trials.loc[trials["rank"] == 100, "min_val_loss"] = 1e6
    axes = search_figure(trials).axes[0]
    assert axes.get_ylim()[1] < 1
    assert "1 above the axis" in axes.get_title("left")


def test_a_hundred_thousand_points_are_drawn_as_an_image(tmp_path):
    trials = made_up.trials_table(2000, n_failed=0)
    trials = trials.loc[trials.index.repeat(50)].reset_index(drop=True)
    figure = search_figure(trials, retrained=set())
    points = artist(figure.axes[0], "trials")
    assert len(points.get_offsets()) == 100_000
    assert points.get_rasterized()
    save(figure, tmp_path / "search")
    # As vectors they would take megabytes.
    assert (tmp_path / "search.pdf").stat().st_size < 500_000


# After retraining


def test_retrained_models_are_points_of_test_loss_joined_by_trial(retrained, selection):
    figure = draw_retrained(retrained, selection, baselines=BASELINES, tolerance=0.1, **SHARED)
    axes = figure.axes[0]
    points = artist(axes, "trials").get_offsets()
    assert sorted(points[:, 1]) == sorted(retrained["test_loss"])
    assert axes.get_xscale() == "log"
    assert axes.get_ylabel() == "Test loss\n(MSE, dimensionless)"
    joining = [line for line in axes.lines if len(line.get_xdata()) == 2 and not line.get_gid()]
    assert len(joining) == retrained["trial"].nunique()


def test_the_best_and_the_selected_model_are_marked(retrained, selection):
    figure = draw_retrained(retrained, selection, baselines=BASELINES, tolerance=0.1, **SHARED)
    models = retrained.set_index(["trial", "seed"])
    for choice in selection.itertuples():
        (loss,) = artist(figure.axes[0], choice.choice).get_ydata()
        assert loss == models.loc[(choice.trial, choice.seed), "test_loss"]
    assert "selected: cheapest within 10 % of it" in legend_texts(figure)


def test_a_far_baseline_is_in_the_legend_and_a_near_one_in_the_picture(retrained, selection):
    near = 2 * retrained["test_loss"].max()
    figure = draw_retrained(
        retrained,
        selection,
        baselines={"constant": 1.0, "linear": near},
        tolerance=0.1,
        **SHARED,
    )
    assert "constant prediction: 1 (off the axis)" in legend_texts(figure)
    assert near in [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert near < figure.axes[0].get_ylim()[1] < 1


def test_models_that_failed_are_counted(retrained, selection):
    retrained = retrained.copy()
    retrained.loc[retrained.index[-1], ["status", "test_loss"]] = ["diverged", math.nan]
    figure = draw_retrained(retrained, selection, baselines={}, tolerance=0.1, **SHARED)
    assert (
        figure.axes[0].get_title("left")
        == "15 trials retrained on all data, 30 models,\n1 of which failed"
    )
    assert len(artist(figure.axes[0], "trials").get_offsets()) == len(retrained) - 1


def test_without_a_finite_test_loss_a_sentence_says_so(retrained, selection):
    unknown = retrained.assign(test_loss=math.nan)
    figure = draw_retrained(unknown, selection, baselines=BASELINES, tolerance=0.1, **SHARED)
    (text,) = figure.texts
    assert text.get_gid() == "nothing" and "No model has a finite test loss" in text.get_text()


# The loss curves


def test_the_loss_curves_label_the_best_few_and_the_selected_model(retrained, selection):
    records = made_up.retrain_records(retrained)
    figure = draw_loss_curves(
        records, selection, baselines=BASELINES, loss_label="MSE, standardised"
    )
    left, right = figure.axes
    best, selected = selection["trial"]
    labels = legend_texts(figure)
    (best_label,) = [label for label in labels if f"trial {best}:" in label]
    (selected_label,) = [label for label in labels if f"trial {selected}:" in label]
    assert (best_label[-6:], selected_label[-10:]) == (", best", ", selected")
    assert 4 <= len(labels) <= 5
    assert (left.get_ylabel(), right.get_ylabel()) == (
        "Training loss\n(MSE, standardised)",
        "Validation loss\n(MSE, standardised)",
    )
    assert (left.get_xlabel(), left.get_yscale()) == ("Epoch", "log")
    assert len(left.lines) == len(records)
    grey = [line for line in left.lines if to_rgba(line.get_color()) == to_rgba("#B0B0B0")]
    assert len(grey) == len(records) - (len(labels) - 1)


def test_epochs_count_from_one_and_the_best_is_marked(retrained, selection):
    records = made_up.retrain_records(retrained)
    right = draw_loss_curves(records, selection, baselines=BASELINES, loss_label="MSE, 1").axes[1]
    losses = {record["min_val_loss"]: record["best_epoch"] for record in records}
    dots = [line for line in right.lines if line.get_gid() == "best epoch"]
    assert len(dots) >= 3
    for dot in dots:
        assert losses[dot.get_ydata()[0]] == dot.get_xdata()[0]
    assert all(line.get_xdata()[0] == 1 for line in right.lines if line not in dots)


def test_a_single_epoch_is_a_visible_point(retrained, selection):
    records = made_up.retrain_records(retrained)
    for record in records:
        record |= {"train_loss": [0.1], "val_loss": [0.2], "best_epoch": 1}
    left = draw_loss_curves(records, selection, baselines=BASELINES, loss_label="MSE, 1").axes[0]
    assert all(line.get_marker() == "." for line in left.lines)


def test_a_model_that_failed_at_once_has_no_curve_and_no_label(retrained, selection):
    records = made_up.retrain_records(retrained)
    dead = {"trial": 999, "seed": 0, "status": "failed", "best_epoch": None, "n_parameters": 9}
    records.append(dead | {"min_val_loss": None, "train_loss": [], "val_loss": []})
    figure = draw_loss_curves(records, selection, baselines=BASELINES, loss_label="MSE, 1")
    assert not any("999" in label for label in legend_texts(figure))


# Files


def test_the_script_writes_every_figure_and_the_same_bytes_again(tmp_path, monkeypatch):
    from figures import main

    # Fewer trees are as reproducible, and sooner grown.
    monkeypatch.setattr("twostep.analysis.importance.N_TREES", 5)
    study = made_up.study(("0.05",))
    files, config = made_up.write_study(study, tmp_path), json.dumps(study.config)
    contents = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        main(files=files, config=config, folder=folder)
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
    names = list(figure_entries(["0.05"]))
    assert set(contents[0]) == {f"{name}.{suffix}" for name in names for suffix in ("png", "pdf")}
    assert contents[0] == contents[1]
    # Two runs within a second would not betray a clock.
    assert all(b"CreationDate" not in content for content in contents[0].values())


def test_the_range_of_layers_covers_all_tables(searches, retrained):
    assert layer_range([*searches.values(), retrained]) == (1, 8)
