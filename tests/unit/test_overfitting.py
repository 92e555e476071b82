"""Whether large networks overfit the samples of step 1: least squares with known truth."""

import math

import numpy as np
import pandas as pd
import pytest
from simulated_searches import least_squares_search, missed_factor, true_gain

from twostep.analysis.overfitting import overfitting

TOLERANCE = 0.25
TOP_K = 8


def test_many_samples_are_no_doubt():
    """No false alarm in 6 searches, where no better model is missed."""
    for seed in range(6):
        table = least_squares_search(1000, seed=seed)
        assert missed_factor(table, TOP_K) < 1 + TOLERANCE
        assert not overfitting(table, TOP_K).is_relevant(TOLERANCE)


@pytest.mark.parametrize(("n_samples", "noise"), [(100, 0.2), (150, 0.5), (300, 0.5)])
def test_the_gain_is_about_what_far_more_samples_bring(n_samples, noise):
    tables = [least_squares_search(n_samples, seed=seed, noise=noise) for seed in range(8)]
    found = [overfitting(table, TOP_K) for table in tables]
    true = np.mean([math.log(true_gain(table)) for table in tables])
    assert np.mean([math.log(each.gain) for each in found]) == pytest.approx(true, rel=0.3)
    assert all(each.lowest < each.gain and each.small < each.large for each in found)


def test_few_samples_that_cost_a_better_model_are_a_doubt():
    """Mostly, and seldom in those that missed less, see `benchmarks/signatures.py`.

    The factor that was missed is right on the average.
    """
    tables = [least_squares_search(80, seed=seed, noise=0.15) for seed in range(20)]
    found = [overfitting(table, TOP_K) for table in tables]
    doubts = np.array([each.is_relevant(TOLERANCE) for each in found])
    factors = np.array([missed_factor(table, TOP_K) for table in tables])
    missed = factors > 1 + TOLERANCE
    assert 0 < missed.sum() < len(missed)
    assert doubts[missed].mean() >= 0.6 and doubts[~missed].mean() <= 0.25
    told = np.mean([math.log(each.missed) for each in found])
    assert told == pytest.approx(np.log(factors).mean(), abs=0.1)


def test_a_validation_sample_that_is_harder_changes_no_verdict():
    table = least_squares_search(150, seed=1)
    harder = table.assign(min_val_loss=1.5 * table["min_val_loss"])
    found, other = overfitting(table, TOP_K), overfitting(harder, TOP_K)
    assert other.gain == pytest.approx(found.gain) and other.missed == pytest.approx(found.missed)
    assert other.large == pytest.approx(1.5 * found.large)


def test_dropout_and_failures_are_left_out():
    table = least_squares_search(150, seed=1)
    more = table.assign(dropout=0.2, train_loss=9.0), table.assign(status="diverged")
    assert overfitting(pd.concat([table, *more], ignore_index=True), TOP_K) == overfitting(
        table, TOP_K
    )


def test_too_few_trials_or_sizes_tell_nothing():
    table = least_squares_search(150, seed=1)
    assert overfitting(table.head(31), TOP_K) is None
    assert overfitting(table.assign(n_parameters=5), TOP_K) is None
    assert overfitting(table.assign(dropout=0.1), TOP_K) is None


def test_where_no_chosen_trial_can_be_compared_there_is_no_doubt():
    table = least_squares_search(90, seed=1)
    found = overfitting(table.assign(dropout=np.where(table["rank"] <= TOP_K, 0.1, 0)), TOP_K)
    assert math.isnan(found.missed) and not found.is_relevant(TOLERANCE)
