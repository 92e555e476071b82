"""Whether the ranking on a fraction of the data carries over to all of it."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ConstantInputWarning, kendalltau, spearmanr

N_RESAMPLES = 1000
CONFIDENCE = 0.95  # of the bootstrap intervals


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


def compare_steps(retrained: pd.DataFrame, fraction: str, top_k: int) -> pd.DataFrame:
    """Return one row per retrained trial with its loss and rank in either step.

    Parameters
    ----------
    retrained : the table of retrained models, one row per trial and seed
    fraction : the fraction of the training split that step 1 used
    top_k : how many trials of each fraction's ranking are retrained

    Returns
    -------
    Table with the columns trial, n_hidden_layers, step_1_loss, step_1_rank, step_2_loss (the mean
    over the seeds), step_2_rank (1 ... number of rows) and among_top_k: whether this fraction's
    ranking chose the trial, or only another fraction's did. Validation losses in the units of
    training. Trials that failed in step 1, or with any seed in step 2, are left out.
    """
    complete = retrained.groupby("trial")["status"].transform(lambda status: (status == "ok").all())
    usable = retrained[complete & retrained[f"rank[{fraction}]"].notna()]
    trials = usable.groupby("trial", as_index=False).agg(
        n_hidden_layers=("n_hidden_layers", "first"),
        step_1_loss=(f"search_val_loss[{fraction}]", "first"),
        step_1_rank=(f"rank[{fraction}]", "first"),
        step_2_loss=("min_val_loss", "mean"),
    )
    trials = trials.sort_values(["step_2_loss", "trial"], ignore_index=True)
    trials["step_1_rank"] = trials["step_1_rank"].astype(int)
    trials["step_2_rank"] = np.arange(1, len(trials) + 1)
    trials["among_top_k"] = trials["step_1_rank"] <= top_k
    return trials


def rank_agreement(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> Agreement | None:
    """Return the rank correlation of two sets of losses, with bootstrap intervals.

    Parameters
    ----------
    first, second : (n_trials,)
        The losses of the same trials in the two steps, finite.
    seed : of the bootstrap, so that the same losses always give the same interval

    Returns
    -------
    Agreement, or None where no correlation exists: fewer than three trials, or equal losses.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    # The trials are resampled, each with both of its losses; the first row is the sample itself.
    rows = np.random.default_rng(seed).integers(len(first), size=(N_RESAMPLES, len(first)))
    rows = [np.arange(len(first)), *rows]
    with warnings.catch_warnings():
        # A resample of equal losses has no correlation, and leaves the interval to the others.
        warnings.simplefilter("ignore", ConstantInputWarning)
        spearman = [spearmanr(first[row], second[row]).statistic for row in rows]
        kendall = [kendalltau(first[row], second[row]).statistic for row in rows]
    return Agreement(len(first), _coefficient(spearman), _coefficient(kendall))


def _coefficient(values: list[float]) -> Coefficient:
    """Return a coefficient from its value in the sample (first) and in the resamples."""
    tail = 50 * (1 - CONFIDENCE)
    low, high = np.nanpercentile(values[1:], [tail, 100 - tail])
    return Coefficient(float(values[0]), float(low), float(high))
