"""How many trials of step 1 had to be retrained, and what the cut has lost."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from twostep.analysis.agreement import CONFIDENCE


@dataclass(frozen=True)
class Regret:
    """The best loss among the first k trials of step 1's ranking over that of all retrained ones.

    Entry k - 1 of `ratio` is for k; it is NaN where none of the first k trials succeeded in step 2.
    It has no interval: the best of a resample is never better than the best there is.
    """

    ratio: np.ndarray

    def sufficient(self, tolerance: float) -> int | None:
        """Return the smallest k with a regret within a tolerance; None if there is none."""
        good = np.flatnonzero(self.ratio <= 1 + tolerance)
        return int(good[0]) + 1 if len(good) else None


@dataclass(frozen=True)
class Cut:
    """What the controls tell of the trials that were cut off.

    `n_better` of `n_controls`, drawn at random from `n_others`, are better after retraining, by
    more than the tolerance, than the best of the `n_chosen` trials of the ranking; `low` and `high`
    are the ends of the exact (Clopper-Pearson) interval of the share of better ones among all
    others; `ratio` is the loss of the best control over that of the best chosen trial.
    """

    n_chosen: int
    n_controls: int
    n_others: int
    n_better: int
    low: float
    high: float
    ratio: float


def measure_regret(steps: pd.DataFrame) -> Regret | None:
    """Return the regret of retraining fewer trials of a fraction's ranking.

    `steps` is the table of `compare_steps`. None if none of the chosen trials is in it.
    """
    chosen = steps[steps["among_top_k"]]
    if chosen.empty:
        return None
    # In the order of the ranking; a trial that failed in step 2 brings nothing.
    losses = np.full(chosen["step_1_rank"].max(), np.inf)
    losses[chosen["step_1_rank"] - 1] = chosen["step_2_loss"]
    return Regret(_excess(losses, steps["step_2_loss"].min()))


def _excess(losses: np.ndarray, best: float) -> np.ndarray:
    """Return the best loss so far over the best of all; NaN where there is none."""
    so_far = np.minimum.accumulate(losses)
    known = np.where(np.isfinite(so_far), so_far, np.nan)
    # A loss may be 0: then the best is as good as itself, and anything else infinitely worse.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known == best, 1.0, known / best)


def top_recall(steps: pd.DataFrame) -> np.ndarray:
    """Return for each k the share of step 2's best k trials that are step 1's first k, too.

    `steps` is the table of `compare_steps`. Of the trials that were not retrained nothing is
    known, and an estimate by the controls is far too good: so these are the best of the retrained.
    """
    ordered = steps.sort_values("step_2_loss")
    losses = ordered["step_2_loss"].to_numpy()
    ranks = 1 + np.searchsorted(losses, losses, side="left")
    chosen = ordered["among_top_k"].to_numpy()
    needed = np.maximum(ordered["step_1_rank"].to_numpy(), ranks)[chosen]
    k = np.arange(1, ordered.loc[chosen, "step_1_rank"].max() + 1) if chosen.any() else np.array([])
    return np.searchsorted(np.sort(needed), k, side="right") / k


def explain_no_cut(*, n_others: int, n_fractions: int, n_controls: int) -> str:
    """Return why `judge_cut` tells nothing, as a sentence.

    Parameters
    ----------
    n_others : how many trials were cut off
    n_fractions : how many rankings chose trials
    n_controls : how many of the others were retrained, failed ones included
    """
    if n_others == 0 and n_fractions == 1:
        return "All trials that succeeded were retrained: there is no cut."
    if n_others == 0:
        return "No trial that succeeded on every fraction was left out of step 2."
    reason = "no control or no chosen trial succeeded" if n_controls else "none was retrained"
    return f"Nothing is known of the {n_others:,} trials that were cut off, as {reason}."


def judge_cut(steps: pd.DataFrame, *, n_others: int, tolerance: float) -> Cut | None:
    """Return what the controls tell of the trials that a fraction's ranking cut off.

    `steps` is the table of `compare_steps`, `n_others` the number of trials that the controls were
    drawn from; a loss below the best one divided by 1 + `tolerance` is better. None without
    controls or without chosen trials.
    """
    chosen, controls = (
        steps.loc[steps[column], "step_2_loss"] for column in ("among_top_k", "control")
    )
    if chosen.empty or controls.empty:
        return None
    n_better = int((controls < chosen.min() / (1 + tolerance)).sum())
    if len(controls) == n_others:
        low = high = n_better / n_others
    else:
        interval = binomtest(n_better, len(controls)).proportion_ci(CONFIDENCE, method="exact")
        low, high = float(interval.low), float(interval.high)
    ratio = _excess(np.array([[controls.min()]]), chosen.min()).item()
    return Cut(len(chosen), len(controls), n_others, n_better, low, high, ratio)
