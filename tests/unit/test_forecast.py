"""The forecast of a study's cost: its model by hand, and against real training."""

import re

import numpy as np
import pytest
import torch

from twostep.running import forecast
from twostep.running.forecast import Sizes, Speed
from twostep.running.forecast_report import Plan, describe_forecast
from twostep.running.needed import count_needed
from twostep.training.configuration import Configuration
from twostep.training.train import Tensors, Training
from twostep.util.files import write_json

SIZES = Sizes(n_inputs=3, n_outputs=2, n_train=1000, n_validation=100)
EPOCHS = {"max_epochs": 10, "max_updates": None}


def network(*widths: int, batch_size: int = 100) -> Configuration:
    return Configuration(widths, 1e-3, batch_size, "relu", "adam", 0.0, 0.0)


def test_the_time_of_a_trial_by_hand():
    """An update takes 1 ms and 2 ms a layer, a validation 10 ms."""
    speed = Speed(np.array([1e-3, 2e-3, 0, 0]), np.array([10e-3, 0, 0]))
    seconds = speed.trial_seconds(network(8, 8), EPOCHS, SIZES)
    assert seconds == pytest.approx(10 * 10 * 5e-3 + 10 * 10e-3)
    # 25 updates are two epochs and a half, of which each part is validated.
    updates = {"max_epochs": None, "max_updates": 25}
    assert speed.trial_seconds(network(8), updates, SIZES) == pytest.approx(25 * 3e-3 + 3 * 10e-3)
    both = {"max_epochs": 1, "max_updates": 25}
    assert speed.trial_seconds(network(8), both, SIZES) == pytest.approx(10 * 3e-3 + 10e-3)


def test_the_time_follows_work_and_parameters():
    """One operation takes 1 us and one of the 4 * 8 + 9 * 2 parameters 1 ns."""
    speed = Speed(np.array([0, 0, 1e-6, 1e-9]), np.array([0, 0, 1e-6]))
    configuration = network(8)
    operations = configuration.count_operations(3, 2)
    update = 100 * operations * 1e-6 + 50e-9
    seconds = speed.trial_seconds(configuration, {"max_epochs": 1, "max_updates": None}, SIZES)
    assert seconds == pytest.approx(10 * update + 100 * operations * 1e-6)


def test_the_fit_finds_the_coefficients():
    rng = np.random.default_rng(1)
    terms = np.column_stack([np.ones(16), rng.uniform(1, 20, 16), 10 ** rng.uniform(3, 9, 16)])
    coefficients = np.array([1e-4, 3e-4, 1e-10])
    assert forecast.fit(list(terms), list(terms @ coefficients)) == pytest.approx(coefficients)


def test_the_fit_is_never_negative():
    terms = [np.array([1.0, n]) for n in range(1, 9)]
    assert (forecast.fit(terms, [1 / n for n in range(1, 9)]) >= 0).all()


def test_small_and_large_networks_are_timed():
    configurations = [network(width) for width in range(1, 201)]
    chosen = forecast.choose_spread(configurations, SIZES)
    assert len(chosen) == forecast.N_TIMED
    assert {network(1), network(200)} <= set(chosen)
    assert forecast.choose_spread(configurations[:2], SIZES) == configurations[:2]


@pytest.fixture
def clock(monkeypatch) -> dict[str, float]:
    """What the parts of a training take, in seconds, on a machine that is never disturbed."""
    seconds = {"update": 1e-3, "layer": 2e-4, "operation": 1e-9, "validation": 5e-4}

    def train(configuration, data, budget, **_):
        updates = budget.max_updates
        epochs = -(-updates // -(-len(data.training_inputs) // configuration.batch_size))
        operations = configuration.count_operations(3, 2)
        n_layers = len(configuration.hidden_widths)
        of_update = seconds["update"] + n_layers * seconds["layer"]
        of_update += configuration.batch_size * operations * seconds["operation"]
        of_validation = seconds["validation"]
        of_validation += len(data.validation_inputs) * operations * seconds["operation"]
        # The first updates of a network are slower than the rest.
        slow = 5 if updates <= 2 else 1
        return Training(
            updates=updates,
            epochs=epochs,
            train_cpu_seconds=slow * updates * of_update,
            validation_cpu_seconds=epochs * of_validation,
        )

    monkeypatch.setattr(forecast, "train", train)
    return seconds


def test_what_was_timed_is_predicted_for_other_budgets_and_sizes(clock):
    values = torch.zeros(2500, 5)
    data = Tensors(values[:2000, :3], values[:2000, 3:], values[2000:, :3], values[2000:, 3:])
    configurations = [network(*[width] * n) for width in (8, 64, 256) for n in (1, 3, 5)]
    told = []
    speed = forecast.measure_speed(
        configurations,
        data,
        output_activation="linear",
        progress=lambda done, of: told.append((done, of)),
    )
    assert told == [(done, 9) for done in range(1, 10)]
    sizes, budget = Sizes(3, 2, 20_000, 1000), {"max_epochs": 5, "max_updates": None}
    for each in configurations:
        of_update = clock["update"] + len(each.hidden_widths) * clock["layer"]
        operations = each.count_operations(3, 2)
        of_update += each.batch_size * operations * clock["operation"]
        of_validation = clock["validation"] + 1000 * operations * clock["operation"]
        expected = 5 * (-(-20_000 // each.batch_size) * of_update + of_validation)
        assert speed.trial_seconds(each, budget, sizes) == pytest.approx(expected, rel=1e-6)


def describe(tmp_path, budget, **changes) -> dict[str, str | list[str]]:
    """Return the rows of the report.

    The first cell is the key, the others are the value, which is one text where there is one cell.
    """
    rows = {}
    precision = changes.get("precision", "float32")
    for line in forecast_text(tmp_path, budget, **changes).splitlines():
        if precision in line:
            rows["precision"] = line
        if line.startswith("|") and "---" not in line:
            name, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows[name] = cells[0] if len(cells) == 1 else cells
    return rows


def forecast_text(
    tmp_path,
    budget,
    *,
    controls=5,
    probability=None,
    rungs=(),
    precision="float32",
    top_k=10,
    widths=(8,) * 100,
) -> str:
    """Return the report on 100 trials, of which each update takes 36 ms, in bfloat16 18 ms.

    All are of one size, unless `widths` differ: then an update takes 1 ms for each parameter.
    """
    manifest = tmp_path / "manifest.json"
    features = {"inputs": [{}] * 3, "outputs": [{}] * 2}
    write_json(manifest, {**features, "splits": {"training": 10_000, "validation": 100}})
    space = {"n_hidden_layers": {"min": 1, "max": 2}, "width": [4, 8], "batch_size": 100}
    plan = Plan(
        config={
            "study": "mine",
            "training": {"gpu": 0},
            "search": {
                "n_trials": 100,
                "sampler": "random",
                "generation_size": 100,
                "enqueue": [],
                "fractions": [0.1],
                "rungs": list(rungs),
                "budget": budget,
                "shard_size": 50,
                "precision": precision,
                "space": space,
                "constraints": {"max_parameters": None, "max_operations": None},
            },
            "retrain": {
                "budget": budget,
                "top_k": top_k,
                "controls": controls,
                "until": {"probability": probability, "round_size": 4},
                "seeds": 1,
            },
        },
        configurations=[network(width) for width in widths],
        manifest=str(manifest),
        subsets={"0.1": str(manifest), "0.5": str(manifest)},
        sizes=Sizes(3, 2, 10_000, 100),
        subset_sizes={"0.1": SIZES, "0.5": Sizes(3, 2, 5_000, 100)},
        data_bytes=3_000_000_000,
    )
    speed, faster = (Speed(np.array([ms * 1e-3, 0, 0, 0]), np.zeros(3)) for ms in (36, 18))
    searching = speed if precision == "float32" else faster
    if len(set(widths)) > 1:
        searching = speed = Speed(np.array([0, 0, 0, 1e-3]), np.zeros(3))
    return describe_forecast(plan, searching, speed, "a processor")


def test_the_report_sums_what_a_study_takes(tmp_path):
    """100 trials of 100 updates are 6 minutes; 10 of 1,000 updates, too."""
    rows = describe(tmp_path, EPOCHS)
    assert rows["step 1 on fraction 0.1, 100 trials"] == "6 min"
    assert rows["a typical shard of 50 trials"] == "3 min"
    assert rows["the longest single trial"] == "3.6 s"
    assert rows["step 2, 10 models"] == "6 min (6 min to 6 min)"
    assert rows["controls, 5 models"] == "3 min"
    assert rows["**both steps and the controls**"] == "**15 min**"
    assert rows["the same search on all data, with step 2's budget"] == "60 min"
    assert rows["the same, with step 1's budget"] == "60 min"
    assert rows["disk: prepared data and subsets"] == "3 GB"


def test_the_estimate_of_step_2_lies_between_its_bounds(tmp_path):
    """The largest quarter of the networks has fewer than are retrained."""
    rows = describe(tmp_path, EPOCHS, top_k=40, widths=range(1, 101))
    estimate, low, high = re.findall(r"([\d.]+) h", rows["step 2, 40 models"])
    assert float(low) < float(estimate) <= float(high)


@pytest.mark.parametrize(("top_k", "warned"), [(10, False), (89, False), (90, True)])
def test_a_study_that_costs_more_than_the_search_on_all_data_is_warned(tmp_path, top_k, warned):
    """Step 1 costs as much as 10 of the 100 trainings on all data."""
    text = forecast_text(tmp_path, EPOCHS, top_k=top_k)
    assert ("**The steps cost no less than" in text) == warned


def test_only_step_1_and_rungs_are_faster_in_bfloat16(tmp_path):
    assert "precision" not in describe(tmp_path, EPOCHS)
    rung = {"fraction": 0.5, "top_k": 20, "budget": EPOCHS}
    rows = describe(tmp_path, EPOCHS, rungs=[rung], precision="bfloat16")
    assert "Step 1 and rungs are taken in bfloat16" in rows["precision"]
    assert rows["step 1 on fraction 0.1, 100 trials"] == "3 min"
    assert rows["rung 1 on fraction 0.5, 20 trials and 5 controls"] == "3.75 min"
    assert rows["step 2, 10 models"] == "6 min (6 min to 6 min)"
    assert rows["the same search on all data, with step 2's budget"] == "60 min"
    assert rows["the same, with step 1's budget"] == "60 min"


def test_rounds_of_retraining_are_told_as_a_range(tmp_path):
    rows = describe(tmp_path, EPOCHS, probability=0.05)
    step_2 = "step 2, 4 to 10 models, as `retrain.until` decides; all of them"
    assert rows[step_2] == "6 min (2.4 min to 6 min)"
    assert rows["**both steps and the controls**"] == "**11.4 min to 15 min**"


def test_rungs_are_told_with_their_controls_and_in_the_sum(tmp_path):
    """20 trials and 5 controls of 500 updates are 7.5 minutes; the last cut adds 5 controls."""
    assert not [name for name in describe(tmp_path, EPOCHS) if "rung" in name or "after" in name]
    rung = {"fraction": 0.5, "top_k": 20, "budget": EPOCHS}
    rows = describe(tmp_path, EPOCHS, rungs=[rung])
    assert rows["rung 1 on fraction 0.5, 20 trials and 5 controls"] == "7.5 min"
    assert rows["controls, 10 models"] == "6 min"
    assert rows["**both steps, the rungs and the controls**"] == "**25.5 min**"
    for name in ("after the search: 20 of 100 do", "after rung 1: 10 of 20 do"):
        needed = [int(cell) for cell in rows[name]]
        assert needed == sorted(needed, reverse=True)


def test_how_many_must_pass_agrees_with_a_simulation():
    """Of 500 trials each, ranked by losses with a correlation of 0.9 to those that come after."""
    random = np.random.default_rng(1)
    after = random.normal(size=(2000, 500))
    before = 0.9 * after + np.sqrt(1 - 0.9**2) * random.normal(size=after.shape)
    best = np.argmin(after, axis=1)
    ranks = 1 + (before < before[np.arange(len(best)), best][:, None]).sum(axis=1)
    needed = count_needed(500, 0.9, 0.05)
    assert needed == pytest.approx(np.quantile(ranks, 0.95), rel=0.1)
    assert count_needed(500, 0.9, 0.2) < needed < count_needed(500, 0.8, 0.05)
    assert count_needed(1, 0.5, 0.05) == 1


def test_records_are_as_long_in_epochs_as_in_updates(tmp_path):
    """Ten epochs of ten updates each."""
    by_updates = describe(tmp_path, {"max_epochs": None, "max_updates": 100})
    by_epochs = describe(tmp_path, EPOCHS)
    name = "disk: records of step 1"
    assert by_updates[name] == by_epochs[name] == "0.53 MB"


def test_there_are_no_more_controls_than_trials_cut_off(tmp_path):
    assert "controls, 90 models" in describe(tmp_path, EPOCHS, controls=95)
