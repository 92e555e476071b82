"""Whether step 1 is biased against large networks: simulated studies with known truth."""

import math

import numpy as np
import pandas as pd
import pytest

from twostep.analysis.size_bias import size_bias

TOLERANCE = 0.25


def simulate(
    bias, *, seed, n_trials=200, top_k=12, n_controls=12, quality=0.5, noise=0.3, slope=1.0
):
    """Return the tables of a study; `bias` is in standard deviations of the quality.

    The quality, a log loss, correlates with size by `quality`; `noise` is that of step 1, which is
    0.12 in step 2, whose losses are the power `slope` of those of step 1.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(math.log(1e2), math.log(1e6), n_trials)
    size = (sizes - sizes.mean()) / sizes.std()
    log_loss = -quality * size + math.sqrt(1 - quality**2) * rng.standard_normal(n_trials)
    first = log_loss + bias * size + noise * rng.standard_normal(n_trials)
    second = slope * log_loss + 0.12 * rng.standard_normal(n_trials)
    ranks = np.argsort(np.argsort(first)) + 1
    trials = pd.DataFrame(
        {"trial": np.arange(n_trials), "rank": ranks, "n_parameters": np.exp(sizes)}
    )
    controls = rng.choice(np.flatnonzero(ranks > top_k), n_controls, replace=False)
    tried = np.r_[np.flatnonzero(ranks <= top_k), controls]
    steps = pd.DataFrame(
        {
            "trial": tried,
            "step_2_loss": np.exp(second[tried]),
            "control": np.isin(tried, controls),
        }
    )
    return trials, steps


def rate(n_studies, bias, **settings):
    """Return in which share of studies there is a doubt, and in which a bias is excluded."""
    found = [size_bias(*simulate(bias, seed=seed, **settings)) for seed in range(n_studies)]
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
    """In at most 5 % of the studies."""
    doubts, _ = rate(40, 0.0, **settings)
    assert doubts <= 0.05


@pytest.mark.parametrize(("bias", "least"), [(0.5, 0.8), (1.0, 0.95)])
def test_a_bias_is_found_and_never_excluded(bias, least):
    """A factor of 3.7 or 14 between small and large networks."""
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
    found = [size_bias(*simulate(0.5, seed=seed)) for seed in range(30)]
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
    assert size_bias(*change(*simulate(0.5, seed=1))) is None


def test_without_a_cut_no_controls_are_needed_and_failed_trials_do_not_count():
    trials, steps = simulate(1.0, seed=2, n_trials=60, top_k=60, n_controls=0)
    assert size_bias(trials, steps).is_relevant(TOLERANCE)
    failed = trials.head(5).assign(trial=range(100, 105), rank=pd.NA)
    assert size_bias(pd.concat([trials, failed]), steps) == size_bias(trials, steps)
