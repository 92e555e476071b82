"""Whether large networks overfit the samples of step 1: least squares with known truth."""

import math

import numpy as np
import pandas as pd
import pytest

from twostep.analysis.overfitting import overfitting

TOLERANCE = 0.25
TOP_K = 8
N_FEATURES = 64


def simulate(n_samples, *, seed, noise=0.5, n_trials=60):
    """Return the table of a search among linear models of the first features, with true losses `t`.

    The larger a model, the better it would be with far more samples; with few, it overfits.
    """
    rng = np.random.default_rng(seed)
    coefficients = 1 / np.arange(1, N_FEATURES + 1)
    rows = []
    split = [rng.standard_normal((n, N_FEATURES)) for n in (n_samples, 3000)]
    targets = [x @ coefficients + noise * rng.standard_normal(len(x)) for x in split]
    for trial in range(n_trials):
        size = int(rng.integers(2, N_FEATURES))
        # Models of one size differ in a feature that they lack.
        kept = np.delete(np.arange(size + 1), rng.integers(size // 2, size + 1))
        fit = np.linalg.lstsq(split[0][:, kept], targets[0], rcond=None)[0]
        losses = [np.mean((x[:, kept] @ fit - y) ** 2) for x, y in zip(split, targets, strict=True)]
        true = noise**2 + (np.delete(coefficients, kept) ** 2).sum()
        rows.append((trial, size, losses[0], losses[1], true))
    table = pd.DataFrame(rows, columns=["trial", "n_parameters", "train_loss", "min_val_loss", "t"])
    table = table.sort_values("min_val_loss", ignore_index=True).assign(status="ok", dropout=0.0)
    return table.assign(rank=np.arange(1, n_trials + 1))


def true_gain(table):
    """Return by which factor large models gain on small ones, with far more samples."""
    sizes = table["n_parameters"].sort_values(kind="stable").index
    gains = np.log(table["min_val_loss"] / table["t"])
    n = len(table) // 4
    return math.exp(gains[sizes[-n:]].mean() - gains[sizes[:n]].mean())


def missed_factor(table):
    """Return by which factor the best of the others is truly better than the best chosen one."""
    chosen = table["rank"] <= TOP_K
    return table.loc[chosen, "t"].min() / table.loc[~chosen, "t"].min()


def test_many_samples_are_no_doubt():
    """No false alarm in 10 searches, where no better model is missed."""
    for seed in range(10):
        table = simulate(1000, seed=seed)
        assert missed_factor(table) < 1 + TOLERANCE
        assert not overfitting(table, TOP_K).is_relevant(TOLERANCE)


@pytest.mark.parametrize(("n_samples", "noise"), [(100, 0.2), (150, 0.5), (300, 0.5)])
def test_the_gain_is_about_what_far_more_samples_bring(n_samples, noise):
    tables = [simulate(n_samples, seed=seed, noise=noise) for seed in range(8)]
    found = [overfitting(table, TOP_K) for table in tables]
    true = np.mean([math.log(true_gain(table)) for table in tables])
    assert np.mean([math.log(each.gain) for each in found]) == pytest.approx(true, rel=0.3)
    assert all(each.lowest < each.gain and each.small < each.large for each in found)


def test_few_samples_that_cost_a_better_model_are_a_doubt():
    """In 56 to 100 % of such searches, and in 0 to 18 % of those that missed less, 25 a setting.

    Here for one setting in short. The factor that was missed is right on the average.
    """
    tables = [simulate(80, seed=seed, noise=0.15) for seed in range(20)]
    found = [overfitting(table, TOP_K) for table in tables]
    doubts = np.array([each.is_relevant(TOLERANCE) for each in found])
    factors = np.array([missed_factor(table) for table in tables])
    missed = factors > 1 + TOLERANCE
    assert 0 < missed.sum() < len(missed)
    assert doubts[missed].mean() >= 0.6 and doubts[~missed].mean() <= 0.25
    told = np.mean([math.log(each.missed) for each in found])
    assert told == pytest.approx(np.log(factors).mean(), abs=0.1)


def test_a_validation_sample_that_is_harder_changes_no_verdict():
    table = simulate(150, seed=1)
    harder = table.assign(min_val_loss=1.5 * table["min_val_loss"])
    found, other = overfitting(table, TOP_K), overfitting(harder, TOP_K)
    assert other.gain == pytest.approx(found.gain) and other.missed == pytest.approx(found.missed)
    assert other.large == pytest.approx(1.5 * found.large)


def test_dropout_and_failures_are_left_out():
    table = simulate(150, seed=1)
    more = table.assign(dropout=0.2, train_loss=9.0), table.assign(status="diverged")
    assert overfitting(pd.concat([table, *more], ignore_index=True), TOP_K) == overfitting(
        table, TOP_K
    )


def test_too_few_trials_or_sizes_tell_nothing():
    table = simulate(150, seed=1)
    assert overfitting(table.head(31), TOP_K) is None
    assert overfitting(table.assign(n_parameters=5), TOP_K) is None
    assert overfitting(table.assign(dropout=0.1), TOP_K) is None


def test_where_no_chosen_trial_can_be_compared_there_is_no_doubt():
    table = simulate(90, seed=1)
    found = overfitting(table.assign(dropout=np.where(table["rank"] <= TOP_K, 0.1, 0)), TOP_K)
    assert math.isnan(found.missed) and not found.is_relevant(TOLERANCE)
