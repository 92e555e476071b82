"""Whether step 1 is biased against large networks: simulated studies with known truth."""

import math

import numpy as np
import pandas as pd
import pytest
from simulated_searches import biased_study

from twostep.analysis.size_bias import size_bias

TOLERANCE = 0.25


def rate(n_studies, bias, **settings):
    """Return in which share of studies there is a doubt, and in which a bias is excluded."""
    found = [size_bias(*biased_study(bias, seed=seed, **settings)) for seed in range(n_studies)]
    doubts = [bias.is_relevant(TOLERANCE) for bias in found]
    return np.mean(doubts), np.mean([bias.is_excluded(TOLERANCE) for bias in found])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        # Large networks are much better, the ranking is noisy, step 2 spreads the losses.
        {"quality": 0.8},
        {"noise": 0.6},
        {"slope": 1.5},
        {"n_controls": 6},
        {"n_trials": 2000, "top_k": 50, "n_controls": 20},
    ],
)
def test_without_a_bias_a_doubt_is_rare(settings):
    """In 0 to 6 % of the studies in larger simulations, see `benchmarks/signatures.py`."""
    doubts, _ = rate(20, 0.0, **settings)
    assert doubts <= 0.1


@pytest.mark.parametrize(("bias", "least"), [(0.5, 0.8), (1.0, 0.95)])
def test_a_bias_is_found_and_never_excluded(bias, least):
    """A factor of 4 or 16 between small and large networks."""
    doubts, excluded = rate(30, bias)
    assert doubts >= least and excluded == 0


def test_where_the_steps_agree_closely_a_bias_is_excluded():
    doubts, excluded = rate(30, 0.0, noise=0.05, quality=0.2, n_controls=20)
    assert doubts == 0 and excluded >= 0.6


def test_a_bias_for_large_networks_is_none_against_them():
    doubts, excluded = rate(20, -0.5)
    assert doubts == 0 and excluded >= 0.9


def test_the_size_of_the_bias_lies_above_the_estimate_and_below_the_upper_end():
    """Sizes 10^4 apart at most, of which the middle 80 % span 0.8 times as much."""
    truth = 0.5 * math.sqrt(12) * 0.8
    found = [size_bias(*biased_study(0.5, seed=seed)) for seed in range(30)]
    assert np.mean([bias.gain < 1.15 * truth for bias in found]) >= 0.9
    assert np.mean([bias.most > truth for bias in found]) >= 0.9
    assert np.median([bias.gain for bias in found]) > 0.6 * truth
    assert found[0].size_ratio == pytest.approx(10**3.2, rel=0.5)


@pytest.mark.parametrize(
    "change",
    [
        lambda trials, steps: (trials, steps[~steps["control"]]),
        lambda trials, steps: (trials, steps[steps["control"]]),
        lambda trials, steps: (trials, steps.assign(step_2_loss=0.0)),
        lambda trials, steps: (trials, steps.assign(step_2_loss=0.5)),
        lambda trials, steps: (trials.assign(n_parameters=100), steps),
        lambda trials, steps: (trials[trials["trial"].isin(steps["trial"])].head(9), steps.head(9)),
    ],
)
def test_too_little_tells_nothing(change):
    assert size_bias(*change(*biased_study(0.5, seed=1))) is None


def test_without_a_cut_no_controls_are_needed_and_failed_trials_do_not_count():
    trials, steps = biased_study(1.0, seed=2, n_trials=60, top_k=60, n_controls=0)
    assert size_bias(trials, steps).is_relevant(TOLERANCE)
    failed = trials.head(5).assign(trial=range(100, 105), rank=pd.NA)
    assert size_bias(pd.concat([trials, failed]), steps) == size_bias(trials, steps)
