"""Whether the ranking on a fraction of the data carries over to all of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import kendalltau

from twostep.trials.selection import complete_trials
from twostep.util.columns import is_fully_connected

CONFIDENCE = 0.95  # of the bootstrap intervals
TAILS = (50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE))  # their ends in per cent
MOST_PAIRED = 1000  # trials of which all pairs are held at a time
# With fewer controls the bootstrap interval of the whole range holds the truth too seldom: in 66 to
# 82 % of simulated studies with 5 or 6 of them, in 93 to 99 % with 17, where 95 % are nominal.
FEWEST_CONTROLS = 10
# As many resamples as keep a bootstrap quick, whatever the number of trials.
MOST_RESAMPLES, FEWEST_RESAMPLES, DRAWS = 1000, 100, 2_000_000


@dataclass(frozen=True)
class Coefficient:
    """A rank correlation coefficient with its bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True)
class Agreement:
    """Rank correlation between the losses of `n_trials` trials in the two steps."""

    n_trials: int
    spearman: Coefficient
    kendall: Coefficient


def compare_steps(
    retrained: pd.DataFrame, fraction: str, top_k: int, *, n_others: int
) -> pd.DataFrame:
    """Return one row per retrained trial with its loss and rank in either step.

    Parameters
    ----------
    retrained : the table of retrained models, one row per trial and repetition
    fraction : the fraction of the training split that step 1 used
    top_k : how many trials of each fraction's ranking are retrained
    n_others : how many trials the controls were drawn from

    Returns
    -------
    Table with the columns trial, n_hidden_layers (of fully connected networks), control,
    step_1_loss, step_1_rank, step_2_loss (the mean over the repetitions), step_2_rank (1 ... number
    of rows), among_top_k: whether this fraction's ranking chose the trial, or only another
    fraction's did, and weight: how many trials it stands for, of which a control has n_others /
    (number of controls), any other trial 1.
    Validation losses in the units of training. Trials that failed in step 1, or in any
    repetition in step 2, are left out.
    """
    complete = complete_trials(retrained)
    usable = complete[complete[f"rank[{fraction}]"].notna()]
    trials = usable.groupby("trial", as_index=False).agg(
        **({"n_hidden_layers": ("n_hidden_layers", "first")} if is_fully_connected(usable) else {}),
        control=("control", "first"),
        step_1_loss=(f"search_val_loss[{fraction}]", "first"),
        step_1_rank=(f"rank[{fraction}]", "first"),
        step_2_loss=("min_val_loss", "mean"),
    )
    trials = trials.sort_values(["step_2_loss", "trial"], ignore_index=True)
    trials["step_1_rank"] = trials["step_1_rank"].astype(int)
    trials["step_2_rank"] = np.arange(1, len(trials) + 1)
    trials["among_top_k"] = trials["step_1_rank"] <= top_k
    n_controls = retrained.loc[retrained["control"], "trial"].nunique()
    trials["weight"] = np.where(trials["control"], n_others / max(n_controls, 1), 1.0)
    return trials


def join_rankings(before: pd.DataFrame, after: pd.DataFrame, name: str, top_k: int) -> pd.DataFrame:
    """Return what was trained after a cut, with its ranks before, as `compare_steps` wants it.

    Parameters
    ----------
    before : the ranking that was cut, of `name`; what is not in it is left out
    after : the table of retrained models, or the ranking of a rung with the column seed
    top_k : how many trials of the ranking passed the cut; any other one is a control
    """
    joined = after[after["trial"].isin(before["trial"])]
    known = before.set_index("trial").loc[joined["trial"]]
    ranks = known["rank"].set_axis(joined.index)
    return joined.assign(
        **{
            f"rank[{name}]": ranks,
            f"search_val_loss[{name}]": known["min_val_loss"].set_axis(joined.index),
            "control": ~(ranks <= top_k).fillna(False).astype(bool),
        }
    )


def rank_agreement(first: ArrayLike, second: ArrayLike, *, seed: int = 0) -> Agreement | None:
    """Return the rank correlation of two sets of losses, with bootstrap intervals.

    Parameters
    ----------
    first, second : (n_trials,)
        The losses of the same trials in the two steps, finite.
    seed : of the bootstrap, so that the same losses always give the same interval

    Returns
    -------
    Agreement, or None where no correlation exists: fewer than three trials, or equal losses. The
    intervals are percentiles over resamples of the trials, each with both of its losses.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    spearman = rank_correlation(first, second, seed=seed)
    if spearman is None:
        return None
    resampled = (_resample_kendall if len(first) <= MOST_PAIRED else _resample_kendall_singly)(
        first, second, seed
    )
    kendall = kendalltau(first, second).statistic
    return Agreement(len(first), spearman, _coefficient(kendall, resampled))


def _resample_kendall(first: np.ndarray, second: np.ndarray, seed: int) -> np.ndarray:
    """Return Kendall's tau-b in each resample, from the signs of all pairs of trials."""
    signs = [np.sign(losses[:, None] - losses) for losses in (first, second)]
    pairs = (signs[0] * signs[1], signs[0] ** 2, signs[1] ** 2)
    resampled = []
    for counts in _draw_counts([np.arange(len(first))], seed):
        agreeing, *untied = (((counts @ pair) * counts).sum(axis=1) for pair in pairs)
        scale = np.sqrt(untied[0] * untied[1])
        resampled.append(agreeing / np.where(scale == 0, np.nan, scale))
    return np.concatenate(resampled)


def _resample_kendall_singly(first: np.ndarray, second: np.ndarray, seed: int) -> np.ndarray:
    """Return the same for more trials than there should be a matrix of pairs of."""
    batches = _draw_rows(len(first), len(first), seed)
    return np.array([kendalltau(first[i], second[i]).statistic for rows in batches for i in rows])


def rank_correlation(
    first: ArrayLike,
    second: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    seed: int = 0,
) -> Coefficient | None:
    """Return Spearman's rank correlation of two sets of losses with a bootstrap interval.

    Parameters
    ----------
    first, second : (n_trials,)
        The losses of the same trials, finite.
    weights : (n_trials,), how many trials each of them stands for; one each by default
    strata : (n_trials,), labels of parts that are resampled each by itself
    seed : of the bootstrap

    Returns
    -------
    Coefficient, or None where there is none. With weights it is the correlation of the population
    in which each trial is there `weight` times.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    weights = np.ones(len(first)) if weights is None else np.asarray(weights, dtype=float)
    strata = np.zeros(len(first)) if strata is None else np.asarray(strata)
    parts = [np.flatnonzero(strata == label) for label in np.unique(strata)]
    value = _correlate(first, second, weights[None])[0]
    resampled = [
        _correlate(first, second, counts * weights) for counts in _draw_counts(parts, seed)
    ]
    return _coefficient(value, np.concatenate(resampled))


def whole_range_correlation(steps: pd.DataFrame) -> Coefficient | None:
    """Return Spearman's correlation of the steps over all trials, estimated by the controls.

    `steps` is the table of `compare_steps`; None with too few controls in it, which would resample
    into much the same value. In the bootstrap the controls and the trials that a ranking chose are
    resampled each by themselves.
    """
    if steps["control"].sum() < FEWEST_CONTROLS:
        return None
    return rank_correlation(
        steps["step_1_loss"],
        steps["step_2_loss"],
        weights=steps["weight"],
        strata=steps["control"],
    )


def count_resamples(n_trials: int) -> int:
    """Return the number of resamples of a bootstrap over so many trials."""
    return min(MOST_RESAMPLES, max(FEWEST_RESAMPLES, DRAWS // n_trials))


def _draw_rows(n_part: int, n_trials: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the resamples of a part of all trials, its rows 0 ... n_part - 1, in batches."""
    random = np.random.default_rng(seed)
    n_left = count_resamples(n_trials)
    while n_left:
        batch = min(n_left, max(1, DRAWS // n_trials))
        yield random.integers(n_part, size=(batch, n_part))
        n_left -= batch


def _draw_counts(parts: list[np.ndarray], seed: int) -> Iterator[np.ndarray]:
    """Yield batches of how often each trial is in a resample, each part resampled by itself."""
    n_trials = sum(map(len, parts))
    draws = [_draw_rows(len(part), n_trials, seed + i) for i, part in enumerate(parts)]
    for batches in zip(*draws, strict=True):
        counts = np.zeros((len(batches[0]), n_trials))
        for part, rows in zip(parts, batches, strict=True):
            places = part[rows] + n_trials * np.arange(len(rows))[:, None]
            counts += np.bincount(places.ravel(), minlength=counts.size).reshape(counts.shape)
        yield counts


def _correlate(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted rank correlation for each row of `weights`, (n_samples, n_trials)."""
    total = weights.sum(axis=1, keepdims=True)
    ranks = [_weighted_ranks(losses, weights) for losses in (first, second)]
    x, y = (rank - (weights * rank).sum(axis=1, keepdims=True) / total for rank in ranks)
    spread = np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    # Equal losses in a resample have ranks that differ by rounding alone, and no correlation.
    spread[spread < 1e-9 * total[:, 0] ** 3] = np.nan
    return (weights * x * y).sum(axis=1) / spread


def _weighted_ranks(losses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean ranks of each loss where trial i is there weights[:, i] times.

    Mean ranks less one half, which changes no correlation.
    """
    order = np.argsort(losses, kind="stable")
    first_of_tie = np.r_[True, np.diff(losses[order]) > 0]
    sums = np.add.reduceat(weights[:, order], np.flatnonzero(first_of_tie), axis=1)
    ranks = np.cumsum(sums, axis=1) - sums / 2
    group = np.empty(len(losses), dtype=int)
    group[order] = np.cumsum(first_of_tie) - 1
    return ranks[:, group]


def _coefficient(value: float, resampled: np.ndarray) -> Coefficient:
    """Return a coefficient from its value in the sample and in the resamples."""
    low, high = np.nanpercentile(resampled, TAILS)
    return Coefficient(float(value), float(low), float(high))
