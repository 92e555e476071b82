"""Whether a better trial is left: simulated studies with known truth, in short."""

import numpy as np
import pandas as pd
import pytest
from simulated_studies import simulate

from twostep.analysis import floor, remaining
from twostep.analysis.remaining import RISK, better_left

TOLERANCE = 0.05


def study_of(correlation, seed, **sizes):
    return simulate(np.random.default_rng(seed), correlation=correlation, **sizes)


def ask(steps, n_trials=400, top_k=20):
    return better_left(steps, n_trials=n_trials, top_k=top_k, tolerance=TOLERANCE)


@pytest.mark.parametrize(
    ("correlation", "dead", "least_answers"),
    [(0.0, 0, 0), (0.4, 0, 0), (0.8, 0, 0.3), (0.95, 0, 0.9), (0.95, 0.2, 0.9)],
)
def test_enough_is_hardly_ever_wrong_and_is_said_where_the_steps_agree(
    correlation, dead, least_answers
):
    studies = [study_of(correlation, seed, dead=dead) for seed in range(60)]
    answers = [(study, ask(study.steps).enough) for study in studies]
    told = [(study, enough) for study, enough in answers if enough is not None]
    assert len(told) >= least_answers * len(studies)
    wrong = sum(study.has_lost(enough, TOLERANCE) for study, enough in told)
    assert wrong <= max(2, 2 * RISK * len(told))
    if correlation < 0.5:
        assert len(told) <= 3


def test_where_losses_have_a_floor_it_is_found_and_less_is_left(monkeypatch):
    studies = [study_of(0.8, seed, floor=3.0) for seed in range(12)]
    # Otherwise the studies without a floor in the model would get no answer.
    monkeypatch.setattr(remaining, "WEAKEST_CORRELATION", -1.0)
    with_floors = [ask(study.steps).probability for study in studies]
    monkeypatch.setattr(floor, "FLOORS", np.zeros(1))
    monkeypatch.setattr(floor, "PRIOR", np.ones(1))
    without = [ask(study.steps).probability for study in studies]
    assert not any(study.lost_now(TOLERANCE) for study in studies)
    assert np.mean(with_floors) < 0.5 * np.mean(without)


def test_the_unit_of_the_loss_makes_no_difference():
    steps = study_of(0.8, 2, floor=0.3).steps
    scaled = ask(steps.assign(step_2_loss=steps["step_2_loss"] * 1024))
    assert scaled.enough == ask(steps).enough
    assert scaled.probability == pytest.approx(ask(steps).probability)


def test_the_probability_falls_with_the_number_that_is_retrained():
    study = study_of(0.85, 12)
    answer = ask(study.steps)
    assert answer.enough > 20 and answer.probability > RISK
    # The others of the ranking up to there are retrained, too.
    first = np.arange(21, answer.enough + 1)
    more = pd.DataFrame({"step_1_rank": first, "step_2_loss": study.losses[first - 1]})
    steps = pd.concat([study.steps[["step_1_rank", "step_2_loss", "control"]], more])
    steps = steps.drop_duplicates("step_1_rank").fillna({"control": False})
    steps["control"] = steps["control"].astype(bool)
    assert ask(steps, top_k=answer.enough).probability <= RISK


def test_all_retrained_leaves_nothing():
    steps = study_of(0.8, 3, n_trials=40, n_controls=20).steps
    answer = better_left(steps, n_trials=40, top_k=20, tolerance=TOLERANCE)
    assert (answer.probability, answer.enough) == (0.0, 20)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda steps: steps[~steps["control"]], "at least 8 finalists and 6 controls"),
        (lambda steps: steps[steps["control"] | (steps["step_1_rank"] <= 5)], "at least 8"),
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
    steps = study_of(0.95, 1).steps
    answer = ask(change(steps))
    assert answer.probability is None and answer.enough is None
    assert pd.Series([answer.reason]).str.contains(reason).all(), answer.reason
