"""Costs: sums and estimates by hand."""

import math

import pandas as pd
import pytest

from twostep.analysis.cost import Cost, estimate_full_search, retrain_cost, search_cost


@pytest.fixture
def trials():
    """A trial of ten epochs, one that diverged in the second, one that never started."""
    return pd.DataFrame(
        {
            "trial": [0, 1, 2],
            "status": ["ok", "diverged", "failed"],
            "n_parameters": [100, 1000, 5000],
            "n_train": 500,
            "n_validation": 200,
            "batch_size": 100,
            "epochs": [10, 2, 0],
            "updates": [50, 10, 0],
        }
    )


@pytest.fixture
def timings():
    return pd.DataFrame(
        {
            "trial": [2, 0, 1],
            "cpu_seconds": [0.5, 8.0, 4.0],
            "train_cpu_seconds": [0.0, 5.0, 3.0],
            "validation_cpu_seconds": [0.0, 2.0, 1.0],
        }
    )


def test_failed_trials_have_their_cost(trials, timings):
    cost = search_cost(trials, timings)
    assert cost.cpu_seconds == pytest.approx(12.5)
    assert cost.work == 500 * (10 * 100 + 2 * 1000)


def test_a_training_that_ended_within_an_epoch_counts_the_samples_it_saw(trials, timings):
    trials.loc[0, ["epochs", "updates"]] = [1, 2]
    assert search_cost(trials, timings).work == 2 * 100 * 100 + 500 * 2 * 1000


def test_retraining_counts_all_training_samples():
    retrained = pd.DataFrame(
        {
            "trial": [7, 5],
            "seed": 0,
            "epochs": [3, 4],
            "updates": [300, 400],
            "batch_size": 100,
            "n_parameters": [10, 20],
        }
    )
    timings = pd.DataFrame({"trial": [5, 6, 7], "seed": 0, "cpu_seconds": [9.0, 1.0, 7.0]})
    assert retrain_cost(retrained, timings, 10_000) == Cost(16.0, 10_000 * (3 * 10 + 4 * 20))


def test_the_estimate_scales_training_and_validation_each_by_its_samples(trials, timings):
    estimate = estimate_full_search(trials, timings, n_train=5000, n_validation=1000)
    # Training times 10, validation times 5; what remains (1, 0 and 0.5 s) stays.
    assert estimate.cpu_seconds == pytest.approx(10 * (5 + 3) + 5 * (2 + 1) + 1.5)
    assert estimate.work == pytest.approx(10 * 500 * (10 * 100 + 2 * 1000))


def test_the_estimate_on_the_same_data_is_the_measured_cost(trials, timings):
    estimate = estimate_full_search(trials, timings, n_train=500, n_validation=200)
    assert estimate.cpu_seconds == pytest.approx(search_cost(trials, timings).cpu_seconds)
    assert estimate.work == pytest.approx(search_cost(trials, timings).work)


def test_with_the_epochs_of_step_2_each_trial_takes_these(trials, timings):
    estimate = estimate_full_search(trials, timings, n_train=5000, n_validation=1000, epochs=2)
    # Trial 0: 2 epochs of 5,000 samples for 10 of 500, 2 validations of 1,000 for 10 of 200; the
    # trial that diverged does so in the same epoch.
    assert estimate.work == pytest.approx(2 * 5000 * 100 + 2 * 5000 * 1000)
    assert estimate.cpu_seconds == pytest.approx(2 * 5 + 10 * 3 + 2 * 1 + 5 * 1 + 1.5)


def test_a_limit_in_updates_holds_on_all_data_too(trials, timings):
    estimate = estimate_full_search(
        trials, timings, n_train=5000, n_validation=200, max_updates=100
    )
    # Trial 0: twice its 50 updates, and 2 epochs and validations for 10; trial 1: ten times its
    # 10 updates, in as many epochs.
    assert estimate.work == pytest.approx(500 * (2 * 10 * 100 + 10 * 2 * 1000))
    assert estimate.cpu_seconds == pytest.approx(2 * 5 + 10 * 3 + 2 * 2 / 10 + 1 + 1.5)


def test_the_saving_is_the_ratio_of_the_estimate_to_both_steps():
    saving = Cost(100.0, 900.0) / (Cost(10.0, 100.0) + Cost(15.0, 200.0))
    assert saving == Cost(4.0, 3.0)
    assert math.isnan((Cost(1.0, 1.0) / Cost(0.0, 0.0)).work)
