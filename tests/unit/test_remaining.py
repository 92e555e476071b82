"""Whether a better trial is left: simulated studies with known truth, in short."""

import numpy as np
import pandas as pd
import pytest

from twostep.analysis.remaining import RISK, better_left

TOLERANCE = 0.05


def simulate(correlation, *, seed, n_trials=400, top_k=20, n_controls=12):
    """Return the steps table of a study, and the losses of the trials that were left, by rank."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal(n_trials)
    slope = 0.3 * correlation / np.sqrt(1 - correlation**2)
    losses = np.exp(slope * np.sort(first) + 0.3 * rng.standard_normal(n_trials))
    ranks = np.arange(1, n_trials + 1)
    controls = rng.choice(ranks[top_k:], n_controls, replace=False)
    tried = np.r_[ranks[:top_k], controls]
    steps = pd.DataFrame(
        {
            "step_1_rank": tried,
            "step_2_loss": losses[tried - 1],
            "control": np.isin(tried, controls),
        }
    )
    return steps, losses


def ask(steps, n_trials=400, top_k=20):
    return better_left(steps, n_trials=n_trials, top_k=top_k, tolerance=TOLERANCE)


def is_lost(steps, losses, first):
    """Tell whether a trial that is neither among the first ones nor tried is better."""
    untried = np.setdiff1d(np.arange(first + 1, len(losses) + 1), steps["step_1_rank"])
    return losses[untried - 1].min() < steps["step_2_loss"].min() / (1 + TOLERANCE)


@pytest.mark.parametrize(
    ("correlation", "least_answers"), [(0.0, 0), (0.4, 0), (0.8, 0.4), (0.95, 0.9)]
)
def test_enough_is_hardly_ever_wrong_and_is_said_where_the_steps_agree(correlation, least_answers):
    studies = [simulate(correlation, seed=seed) for seed in range(60)]
    answers = [(ask(steps), steps, losses) for steps, losses in studies]
    told = [(a, steps, losses) for a, steps, losses in answers if a.enough is not None]
    assert len(told) >= least_answers * len(studies)
    wrong = sum(is_lost(steps, losses, answer.enough) for answer, steps, losses in told)
    assert wrong <= max(2, 2 * RISK * len(told))
    if correlation < 0.5:
        assert len(told) <= 3


def test_the_probability_falls_with_the_number_that_is_retrained():
    steps, _ = simulate(0.8, seed=3)
    answer = ask(steps)
    assert answer.enough > 20 and answer.probability > RISK
    # Nothing is left beyond all trials.
    assert ask(steps, n_trials=int(steps["step_1_rank"].max())).probability <= 1


def test_all_retrained_leaves_nothing():
    steps, _ = simulate(0.8, seed=3, n_trials=40, n_controls=20)
    answer = better_left(steps, n_trials=40, top_k=20, tolerance=TOLERANCE)
    assert (answer.probability, answer.enough) == (0.0, 20)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda steps: steps[~steps["control"]], "at least 12 finalists and 6 controls"),
        (lambda steps: steps[steps["control"] | (steps["step_1_rank"] <= 5)], "at least 12"),
        (lambda steps: steps.assign(step_2_loss=0.5), "all the same"),
        (lambda steps: steps.assign(step_2_loss=0.0), "above 0"),
        (
            lambda steps: steps.assign(
                step_2_loss=steps["step_2_loss"].where(steps["step_1_rank"] != 10, 1e-4)
            ),
            "far better|agree too little",
        ),
        (
            lambda steps: steps.assign(step_2_loss=steps["step_2_loss"].to_numpy()[::-1]),
            "agree too little",
        ),
    ],
)
def test_where_it_cannot_be_told_the_reason_is(change, reason):
    steps, _ = simulate(0.95, seed=1)
    answer = ask(change(steps))
    assert answer.probability is None and answer.enough is None
    assert pd.Series([answer.reason]).str.contains(reason).all(), answer.reason
