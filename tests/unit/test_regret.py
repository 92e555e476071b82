"""Regret, recall and what the cut lost, by hand; fractions, too."""

import math

import pandas as pd
import pytest
from findings import numbers

from twostep.analysis.fractions import correlate_rankings, overlap, overlap_by_chance
from twostep.analysis.regret import explain_no_cut, judge_cut, measure_regret, top_recall

# Four trials of the top 5 of a ranking (number 3 failed in step 2), a control that stands for ten
# trials, one that stands for ten and is bad, and a trial that another fraction chose.
STEPS = pd.DataFrame(
    [
        # rank, step 2's loss, among top_k, control, weight
        (1, 0.40, True, False, 1.0),
        (2, 0.20, True, False, 1.0),
        (4, 0.30, True, False, 1.0),
        (5, 0.10, True, False, 1.0),
        (17, 0.25, False, True, 10.0),
        (20, 0.90, False, True, 10.0),
        (9, 0.15, False, False, 1.0),
    ],
    columns=["step_1_rank", "step_2_loss", "among_top_k", "control", "weight"],
)


def test_the_regret_by_hand():
    regret = measure_regret(STEPS)
    assert regret.ratio == pytest.approx([4, 2, 2, 2, 1])
    assert regret.sufficient(0) == 5
    assert regret.sufficient(1.0) == 2


def test_the_best_of_all_may_be_a_trial_that_was_not_chosen():
    steps = STEPS.assign(step_2_loss=STEPS["step_2_loss"].where(~STEPS["control"], 0.05))
    regret = measure_regret(steps)
    assert regret.ratio == pytest.approx([8, 4, 4, 4, 2])
    assert regret.sufficient(0.5) is None


def test_the_first_trial_may_have_failed():
    regret = measure_regret(STEPS[STEPS["step_1_rank"] > 1])
    assert math.isnan(regret.ratio[0])
    assert regret.ratio[1:] == pytest.approx([2, 2, 2, 1])
    assert measure_regret(STEPS[~STEPS["among_top_k"]]) is None


def test_the_recall_by_hand():
    """Ranks in step 2: 0.10 1st, 0.15 2nd, 0.20 3rd, a control 4th, 0.30 5th, 0.40 6th."""
    # Within the first 5 of step 1 are, of the best 1 to 5, the third from 3 on, the first and the
    # fifth from 5. A control stands for itself.
    assert top_recall(STEPS) == pytest.approx([0, 0, 1 / 3, 1 / 4, 3 / 5])
    # Without controls 0.30 is the fourth of the retrained trials, 0.40 the fifth.
    alone = STEPS[~STEPS["control"]]
    assert top_recall(alone) == pytest.approx([0, 0, 1 / 3, 2 / 4, 4 / 5])


def test_the_cut_by_hand():
    cut = judge_cut(STEPS, n_others=20, tolerance=0.1)
    assert (cut.n_chosen, cut.n_controls, cut.n_others, cut.n_better) == (4, 2, 20, 0)
    assert cut.ratio == pytest.approx(2.5)
    # Exact: (1 - p)^2 = 2.5 %.
    assert (cut.low, cut.high) == pytest.approx((0, 1 - 0.025**0.5))
    lost = judge_cut(STEPS[STEPS["step_2_loss"] > 0.2], n_others=20, tolerance=0.1)
    assert (lost.n_better, lost.ratio) == (1, pytest.approx(0.25 / 0.3))
    # It is better by a fifth, and no more than the tolerance.
    near = judge_cut(STEPS[STEPS["step_2_loss"] > 0.2], n_others=20, tolerance=0.2)
    assert near.n_better == 0


def test_controls_that_are_all_there_is_leave_nothing_open():
    cut = judge_cut(STEPS, n_others=2, tolerance=0.1)
    assert cut.low == cut.high == 0
    assert judge_cut(STEPS[~STEPS["control"]], n_others=20, tolerance=0.1) is None


WITHOUT_CUT = [
    # others, fractions, controls, what tells the reason from the other ones
    (0, 1, 0, "no cut"),
    (0, 2, 0, "every fraction"),
    (9, 1, 0, "none"),
    (9, 2, 5, "control"),
]


@pytest.mark.parametrize(("n_others", "n_fractions", "n_controls", "reason"), WITHOUT_CUT)
def test_it_is_said_why_nothing_is_told_of_the_cut(n_others, n_fractions, n_controls, reason):
    text = explain_no_cut(n_others=n_others, n_fractions=n_fractions, n_controls=n_controls)
    assert numbers(text) == ([n_others] if n_others else [])
    assert [entry[3] for entry in WITHOUT_CUT if entry[3] in text] == [reason]


# Fractions


def ranking(losses):
    """Return a ranked table of trials 0, 1, ... with these losses; NaN has failed."""
    table = pd.DataFrame({"trial": range(len(losses)), "min_val_loss": losses})
    return table.assign(rank=table["min_val_loss"].rank())


def test_the_rankings_of_fractions_by_hand():
    first, second = ranking([1.0, 2.0, 3.0, 4.0, math.nan]), ranking([1.0, 3.0, 2.0, 4.0, 0.5])
    # Ranks 1 2 3 4 against 2 4 3 5 of those that both have: the last is the second's first.
    assert overlap(first, second).tolist() == [0, 1, 2, 3]
    matrix, n_trials = correlate_rankings({"0.1": first, "0.2": second})
    assert n_trials == 4
    assert matrix.at["0.1", "0.2"] == pytest.approx(1 - 6 * 2 / (4 * 15))


def test_an_overlap_is_judged_by_what_chance_would_give():
    # Two of two out of four: one in six pairs.
    assert overlap_by_chance(2, 2, 4) == pytest.approx(1 / 6)
    assert overlap_by_chance(0, 2, 4) == pytest.approx(1)
    assert overlap_by_chance(8, 12, 200) < 1e-6
