"""Which trials cannot be told from the best: by hand, and by simulations with a known truth."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from noise_studies import models, told_apart, winners

from twostep.analysis.noise import find_rivals, repetition_noise
from twostep.data.arrays import load_split
from twostep.data.prepare import prepare
from twostep.data.source import read_headers
from twostep.data.validation_units import load_validation_units
from twostep.model.evaluate import N_BLOCKS, evaluate
from twostep.model.metrics import block_losses, unit_losses
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.objective import PLAIN


def test_the_noise_of_the_seeds_by_hand():
    factor = math.exp(0.1)
    noise = repetition_noise(models({1: [1, factor], 2: [2, 2 * factor], 3: [4, 4 * factor]}))
    assert (noise.n_trials, noise.n_repetitions) == (3, 2)
    assert noise.noise == pytest.approx(0.1 / 2**0.5)


def test_one_seed_or_one_trial_tells_nothing_of_noise():
    assert repetition_noise(models({1: [1], 2: [2]})) is None
    assert repetition_noise(models({1: [1, 2]})) is None
    failed = models({1: [1, 2], 2: [2, 3]})
    failed.loc[0, "status"] = "diverged"
    assert repetition_noise(failed) is None


def test_rivals_by_hand():
    losses = {4: [1.3], 1: [1.0], 3: [1.23], 2: [1.1]}
    rivals = find_rivals(models(losses, {2: 0.1, 3: 0.1, 4: 0.1}), None)
    # Of three comparisons each is two-sided at 0.05 / 3: 2.39 standard errors.
    assert (rivals.best, rivals.n_trials, rivals.trials) == (1, 4, [2, 3])
    assert rivals.allowance == pytest.approx(0.239, abs=0.001)
    assert rivals.sample and not rivals.seeds
    # Ten parts tell an error less well: 2.93 standard errors.
    few = find_rivals(models(losses, {2: 0.1, 3: 0.1, 4: 0.11}, parts=10), None)
    assert few.trials == [2, 3, 4]
    assert find_rivals(models({1: [1.0]}), None) is None


def test_rivals_are_those_whose_error_is_known():
    losses = {1: [1.0], 2: [1.1], 3: [1.19], 4: [1.3]}
    some = find_rivals(models(losses, {1: math.nan, 2: 0.1, 3: math.nan, 4: 0.1}), None)
    assert (some.n_trials, some.trials) == (3, [2])
    assert find_rivals(models(losses, dict.fromkeys(losses, math.nan)), None) is None


def test_the_seeds_alone_tell_if_the_validation_sample_does_not():
    table = models(
        {1: [1.0, 1.1], 2: [1.05, 1.15], 3: [5.0, 5.5]}, dict.fromkeys((1, 2, 3), np.nan)
    )
    rivals = find_rivals(table, repetition_noise(table))
    assert rivals.trials == [2] and rivals.seeds and not rivals.sample


def test_a_loss_of_zero_has_no_relative_noise():
    table = models({1: [0.0, 0.0], 2: [1.0, 1.1]}, {2: 0.1})
    assert repetition_noise(table) is None
    assert find_rivals(table, None) is None


def test_trials_without_any_noise_are_told_apart_and_equal_ones_are_not():
    assert find_rivals(models({1: [1.0], 2: [1.0], 3: [1.01]}), None).trials == [2]


def plain(n_outputs):
    """Return the plain mean squared error of some outputs."""
    return SplitLoss.of(PLAIN, [{}] * n_outputs)


def test_parts_of_units_have_the_loss_as_mean_and_are_linear(monkeypatch):
    monkeypatch.setattr("twostep.model.metrics.CHUNK", 7)
    random = np.random.default_rng(0)
    units = random.permutation(np.repeat(np.arange(40) * 3, random.integers(1, 9, 40)))
    predictions = random.normal(size=(len(units), 2))
    zeros = np.zeros_like(predictions)
    losses = (predictions**2).mean(axis=1)
    parts = unit_losses(lambda x: x, Split(predictions, zeros), plain(2), units, N_BLOCKS)
    assert parts.mean() == pytest.approx(losses.mean())
    twice = unit_losses(lambda x: 2**0.5 * x, Split(predictions, zeros), plain(2), units, N_BLOCKS)
    assert twice == pytest.approx(2 * parts)


def test_equal_units_are_a_part_each_and_one_large_unit_leaves_few():
    values = np.sqrt(np.arange(60.0))[:, None]
    split = Split(values, 0 * values)
    units = np.repeat(np.arange(12), 5)
    parts = unit_losses(lambda x: x, split, plain(1), units, N_BLOCKS)
    assert parts == pytest.approx(np.arange(60).reshape(12, 5).mean(axis=1))
    units = np.r_[np.zeros(40, int), np.arange(1, 21)]
    assert len(unit_losses(lambda x: x, split, plain(1), units, N_BLOCKS)) <= 3


@pytest.mark.parametrize(
    ("split", "n_parts"),
    [
        ({"method": "group", "variable": "day", "validation": 0.4}, 16),
        ({"method": "group", "variable": "day", "validation": 0.2}, 0),
        ({"method": "blocks", "n_blocks": 60, "validation": 0.25}, 15),
        ({"method": "random", "validation": 0.2}, 50),
    ],
)
def test_a_model_is_evaluated_on_whole_units_or_at_random(tmp_path, monkeypatch, split, n_parts):
    random = np.random.default_rng(0)
    columns = {name: ("sample", random.uniform(size=1200)) for name in ("x", "y")}
    columns["day"] = ("sample", np.arange(1200) // 30)
    xr.Dataset(columns).to_netcdf(tmp_path / "data.nc")
    dataset = {
        "inputs": [{"name": "x", "transform": "none"}],
        "outputs": [{"name": "y", "transform": "none"}],
        "max_dropped": 0.0,
        "constant_features": "refuse",
    }
    split = {"variable": None, "test": 0.2, "n_blocks": 50} | split
    source = read_headers([str(tmp_path / "data.nc")], ["x", "y"], ["sample"], split["variable"])
    prepare(source, dataset, split, output_activation="linear", seed=1, folder=tmp_path)
    manifest = str(tmp_path / "manifest.json")
    model = SimpleNamespace(predict_scaled=lambda inputs: inputs)
    monkeypatch.setattr("twostep.model.evaluate.load_model", lambda path, *, run_code: model)
    errors = evaluate("model.pt", {"best_epoch": 3}, manifest, PLAIN)
    found = np.array(errors["validation_blocks"])
    assert len(found) == n_parts
    inputs, targets = load_split(manifest, "validation")
    if split["method"] == "random":
        blocks = block_losses(lambda x: x, Split(inputs, targets), plain(1), N_BLOCKS)
        assert (found == blocks).all()
    elif n_parts:
        losses = ((inputs - targets) ** 2)[:, 0]
        units = load_validation_units(manifest)
        means = [losses[units == unit].mean() for unit in np.unique(units)]
        assert found == pytest.approx(np.array(means))


# Simulations with a known truth


@pytest.mark.parametrize(("n_groups", "unequal"), [(10, 0), (40, 0), (200, 0), (30, 0.7)])
def test_equal_models_on_grouped_data_are_told_apart_in_about_5_percent(n_groups, unequal):
    assert told_apart(n_groups=n_groups, by_groups=True, unequal=unequal) <= 0.1


def test_random_parts_of_grouped_data_tell_equal_models_apart_far_too_often():
    assert told_apart(n_groups=20, by_groups=False, n_studies=60, rows=400) > 0.35


@pytest.mark.parametrize(
    "setting",
    [
        {"n_trials": 12},
        {"n_trials": 12, "parts": 10, "spread": 0.0, "noise": 0.0},
        {"n_trials": 12, "seeds": 2},
        {"n_trials": 12, "seeds": 3, "sample": 0.001},
        {"n_trials": 3, "seeds": 2, "noise": 0.4},
        {"n_trials": 2, "seeds": 3, "spread": 0.0, "sample": 0.001},
    ],
)
def test_the_truly_best_trial_is_in_the_list_in_95_percent(setting):
    hits, _ = winners(**setting)
    assert hits >= 0.95


def test_the_list_is_short_where_the_noise_is_small():
    _, listed = winners(n_trials=12, sample=0.005)
    assert listed < 2
    _, listed = winners(n_trials=12, seeds=3, spread=0.5, noise=0.05)
    assert listed < 3
