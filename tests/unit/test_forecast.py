"""The forecast of a study's cost: its model by hand, and against real training."""

import numpy as np
import pytest
import torch

from twostep import forecast
from twostep.files import write_json
from twostep.forecast import Sizes, Speed
from twostep.forecast_report import Plan, describe_forecast
from twostep.space import Configuration
from twostep.training import Budget, TrainingData, train, warm_up

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


@pytest.fixture(scope="module")
def data() -> TrainingData:
    torch.set_num_threads(1)
    values = torch.rand(2500, 5, generator=torch.Generator().manual_seed(1))
    return TrainingData(values[:2000, :3], values[:2000, 3:], values[2000:, :3], values[2000:, 3:])


def test_real_trainings_are_predicted(data, monkeypatch):
    """The sum over some networks is right within a factor, on a noisy machine, of two."""
    monkeypatch.setattr(forecast, "SECONDS_PER_TIMING", 0.2)
    warm_up()
    configurations = [network(*[width] * n) for width in (8, 64, 256) for n in (1, 3, 5)]
    speed = forecast.measure_speed(configurations, data, output_activation="linear")
    sizes = Sizes(3, 2, 2000, 500)
    budget = {"max_epochs": 5, "max_updates": None}
    predicted = sum(speed.trial_seconds(each, budget, sizes) for each in configurations)
    trained = [
        train(each, data, Budget(max_epochs=5), output_activation="linear", seed=1)
        for each in configurations
    ]
    real = sum(each.train_cpu_seconds + each.validation_cpu_seconds for each in trained)
    assert real / 2 < predicted < 2 * real


def describe(tmp_path, budget, *, controls=5) -> dict[str, str]:
    """Return the rows of the report on 100 equal trials, of which each update takes 36 ms."""
    manifest = tmp_path / "manifest.json"
    features = {"inputs": [{}] * 3, "outputs": [{}] * 2}
    write_json(manifest, {**features, "splits": {"training": 10_000, "validation": 100}})
    space = {"n_hidden_layers": {"min": 1, "max": 2}, "width": [4, 8], "batch_size": 100}
    plan = Plan(
        config={
            "study": "mine",
            "training": {"gpu": 0},
            "search": {"budget": budget, "shard_size": 50, "space": space},
            "retrain": {"budget": budget, "top_k": 10, "controls": controls, "seeds": 1},
        },
        configurations=[network(8)] * 100,
        manifest=str(manifest),
        subsets={"0.1": str(manifest)},
        sizes=Sizes(3, 2, 10_000, 100),
        subset_sizes={"0.1": SIZES},
        data_bytes=3_000_000_000,
    )
    speed = Speed(np.array([36e-3, 0, 0, 0]), np.zeros(3))
    return dict(
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in describe_forecast(plan, speed, "a processor").splitlines()
        if line.startswith("|") and "---" not in line
    )


def test_the_report_sums_what_a_study_takes(tmp_path):
    """100 trials of 100 updates are 6 minutes; 10 of 1,000 updates, too."""
    rows = describe(tmp_path, EPOCHS)
    assert rows["step 1 on fraction 0.1, 100 trials"] == "6 min"
    assert rows["a typical shard of 50 trials"] == "3 min"
    assert rows["the longest single trial"] == "3.6 s"
    assert rows["step 2, 10 models"] == "6 min (6 min to 6 min)"
    assert rows["controls, 5 models"] == "3 min"
    assert rows["**both steps and the controls**"] == "**15 min**"
    assert rows["the same search on all data"] == "60 min"
    assert rows["disk: prepared data and subsets"] == "3 GB"


def test_records_are_as_long_in_epochs_as_in_updates(tmp_path):
    """Ten epochs of ten updates each."""
    by_updates = describe(tmp_path, {"max_epochs": None, "max_updates": 100})
    by_epochs = describe(tmp_path, EPOCHS)
    assert by_updates["disk: records of step 1"] == by_epochs["disk: records of step 1"] == "0.5 MB"


def test_there_are_no_more_controls_than_trials_cut_off(tmp_path):
    assert "controls, 90 models" in describe(tmp_path, EPOCHS, controls=95)
