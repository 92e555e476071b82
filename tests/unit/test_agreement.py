"""The agreement of the two steps: correlations by hand, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau, spearmanr

from twostep.analysis import agreement
from twostep.analysis.agreement import (
    compare_steps,
    rank_agreement,
    rank_correlation,
    whole_range_correlation,
)


def test_the_coefficients_are_those_computed_by_hand():
    # Ranks 1 2 3 4 against 1 2 4 3: one discordant pair of six, squared differences of 2.
    found = rank_agreement([0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 9.0, 3.0])
    assert found.n_trials == 4
    assert found.spearman.value == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert found.kendall.value == pytest.approx((5 - 1) / 6)


def test_the_same_order_gives_one_and_the_reverse_minus_one():
    losses = np.arange(10.0)
    assert rank_agreement(losses, losses**3).spearman.value == pytest.approx(1)
    assert rank_agreement(losses, -losses).kendall.value == pytest.approx(-1)


def test_the_coefficients_are_scipys_also_with_ties_and_in_resamples():
    random = np.random.default_rng(2)
    first, second = random.integers(0, 8, (2, 15)).astype(float)
    found = rank_agreement(first, second, seed=4)
    assert found.spearman.value == pytest.approx(spearmanr(first, second).statistic)
    assert found.kendall.value == pytest.approx(kendalltau(first, second).statistic)
    rows = np.random.default_rng(4).integers(15, size=(1000, 15))
    resampled = [kendalltau(first[row], second[row]).statistic for row in rows]
    interval = [found.kendall.low, found.kendall.high]
    assert interval == pytest.approx(np.percentile(resampled, [2.5, 97.5]).tolist())


def test_the_interval_holds_the_value_repeats_and_narrows_with_more_trials():
    random = np.random.default_rng(0)
    first = random.normal(size=400)
    second = first + random.normal(size=400)
    few, many = (rank_agreement(first[:n], second[:n]) for n in (20, 400))
    assert rank_agreement(first[:20], second[:20]) == few
    for found in (few, many):
        for coefficient in (found.spearman, found.kendall):
            assert -1 <= coefficient.low < coefficient.value < coefficient.high <= 1
    assert many.spearman.high - many.spearman.low < 0.5 * (few.spearman.high - few.spearman.low)


def test_the_interval_of_unrelated_losses_includes_zero():
    random = np.random.default_rng(1)
    found = rank_agreement(random.normal(size=30), random.normal(size=30))
    assert found.spearman.low < 0 < found.spearman.high


@pytest.mark.parametrize("losses", [[], [1.0, 2.0], [3.0, 3.0, 3.0]])
def test_there_is_no_correlation_of_too_few_or_equal_losses(losses):
    assert rank_agreement(losses, list(range(len(losses)))) is None


def test_three_trials_suffice():
    assert rank_agreement([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]).spearman.value == pytest.approx(1)


def test_resamples_are_vectorised_and_give_scipys_coefficients():
    random = np.random.default_rng(2)
    first, second = random.integers(0, 8, (2, 15)).astype(float)
    found = rank_agreement(first, second, seed=4)
    rows = np.random.default_rng(4).integers(15, size=(1000, 15))
    resampled = [spearmanr(first[row], second[row]).statistic for row in rows]
    interval = [found.spearman.low, found.spearman.high]
    assert interval == pytest.approx(np.percentile(resampled, [2.5, 97.5]).tolist())


def test_more_trials_are_resampled_in_another_way_to_the_same_end(monkeypatch):
    first, second = np.random.default_rng(5).integers(0, 20, (2, 30)).astype(float)
    together = rank_agreement(first, second)
    monkeypatch.setattr(agreement, "MOST_PAIRED", 10)
    singly = rank_agreement(first, second)
    assert together.kendall.low == pytest.approx(singly.kendall.low)
    assert together.kendall.high == pytest.approx(singly.kendall.high)


def test_weights_count_as_that_many_trials():
    random = np.random.default_rng(3)
    first, second = random.normal(size=(2, 8))
    weights = np.array([1, 1, 1, 1, 1, 4, 4, 4])
    value = rank_correlation(first, second, weights=weights).value
    repeated = spearmanr(np.repeat(first, weights), np.repeat(second, weights)).statistic
    assert value == pytest.approx(repeated)


def test_resamples_of_equal_losses_have_no_say():
    coefficient = rank_correlation([1.0, 1.0, 1.0, 2.0], [0.1, 0.2, 0.3, 0.4])
    assert np.isfinite([coefficient.low, coefficient.high]).all()


def test_a_hundred_thousand_trials_are_resampled_less_often():
    """A hundred times, which bounds the time and the memory."""
    assert agreement.count_resamples(12) == 1000
    assert agreement.count_resamples(100_000) == 100
    first, second = np.random.default_rng(0).normal(size=(2, 100_000))
    assert abs(rank_correlation(first, second).value) < 0.02


@pytest.fixture
def retrained():
    """Trial 7 has the best mean, 5 a failed seed, 2 failed on the fraction, 9 is not its choice."""
    rows = [
        (4, 0, "ok", 1, 0.10, 0.040),
        (4, 1, "ok", 1, 0.10, 0.060),
        (7, 0, "ok", 2, 0.20, 0.030),
        (7, 1, "ok", 2, 0.20, 0.050),
        (5, 0, "ok", 3, 0.30, 0.001),
        (5, 1, "diverged", 3, 0.30, 0.002),
        (9, 0, "ok", 40, 0.90, 0.070),
        (9, 1, "ok", 40, 0.90, 0.070),
        (2, 0, "ok", None, None, 0.020),
        (2, 1, "ok", None, None, 0.020),
    ]
    names = ["trial", "seed", "status", "rank[0.1]", "search_val_loss[0.1]", "min_val_loss"]
    table = pd.DataFrame(rows, columns=names).assign(n_hidden_layers=2)
    return table.assign(control=table["trial"] == 9)


def test_steps_are_compared_by_the_mean_over_the_seeds(retrained):
    steps = compare_steps(retrained, "0.1", top_k=3, n_others=50)
    assert steps["trial"].tolist() == [7, 4, 9]
    assert steps["step_2_loss"].tolist() == pytest.approx([0.04, 0.05, 0.07])
    assert steps["step_1_loss"].tolist() == [0.2, 0.1, 0.9]
    assert steps["step_1_rank"].tolist() == [2, 1, 40]
    assert steps["step_2_rank"].tolist() == [1, 2, 3]


def test_a_control_stands_for_its_share_of_those_that_were_cut_off(retrained):
    steps = compare_steps(retrained, "0.1", top_k=3, n_others=50)
    assert steps["control"].tolist() == [False, False, True]
    assert steps["weight"].tolist() == [1, 1, 50]
    # One that failed in step 2 was drawn, too, and stands for its own share.
    failed = retrained.loc[retrained["trial"] == 9].assign(trial=8, status="diverged")
    steps = compare_steps(pd.concat([retrained, failed]), "0.1", top_k=3, n_others=50)
    assert steps["weight"].tolist() == [1, 1, 25]


def test_the_whole_range_needs_ten_controls_and_counts_their_weight():
    rng = np.random.default_rng(2)
    steps = pd.DataFrame(
        {
            "control": [False] * 3 + [True] * 10,
            "step_1_loss": rng.permutation(13) + 1.0,
            "step_2_loss": rng.permutation(13) + 1.0,
            "weight": [1.0] * 3 + [10.0] * 10,
        }
    )
    rows = np.repeat(np.arange(13), [1] * 3 + [10] * 10)
    expected = spearmanr(steps["step_1_loss"][rows], steps["step_2_loss"][rows]).statistic
    assert whole_range_correlation(steps).value == pytest.approx(expected)
    assert whole_range_correlation(steps[:12]) is None


def test_trials_of_another_fraction_are_told_apart(retrained):
    assert compare_steps(retrained, "0.1", top_k=3, n_others=50)["among_top_k"].tolist() == [
        True,
        True,
        False,
    ]
