"""Whether step 1 overfits its few samples, and large networks more than small ones.

The loss that a trial would have with far more training samples lies between its validation loss and
its training loss, because more samples lower the one and raise the other; about in the middle, for
least squares. Where the two are farther apart the larger the network is, step 1 shows large
networks worse than step 2 will. That matters where other trials would have been chosen.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

# Trials in each of the two groups that are compared, at least.
FEWEST_TRIALS = 8
CONFIDENCE = 0.95  # one-sided


@dataclass(frozen=True)
class Overfitting:
    """Validation loss over training loss of the smallest and the largest quarter of the networks.

    `small` and `large` are geometric means over `n_trials` trials each. `gain` is the factor by
    which the large ones would gain on the small ones if each loss were its middle, the geometric
    mean of validation and training loss; `lowest` is the lower end of its one-sided 95 % interval.
    `missed` is the factor by which the best middle of those that were not chosen is better than the
    best of the chosen ones: below 1 if it is worse, NaN if one of the two is missing.
    """

    n_trials: int
    small: float
    large: float
    gain: float
    lowest: float
    missed: float

    def is_relevant(self, tolerance: float) -> bool:
        """Whether overfitting surely hurts large networks, and may have cost a better trial."""
        return self.lowest > 1 + tolerance and self.missed > 1 + tolerance


def overfitting(trials: pd.DataFrame, top_k: int) -> Overfitting | None:
    """Return how validation and training losses differ by size; None for too few trials.

    Parameters
    ----------
    trials : the table of a search, with the columns status, rank, dropout, n_parameters,
        min_val_loss and train_loss (of the same epoch)
    top_k : how many of its first trials were chosen

    Trials with dropout are left out, because it raises their training losses alone. A training loss
    is the mean over an epoch in which the network got better, so that it is a little too high, and
    the ratio too low. All trials share their validation samples; should these be easier or harder
    than the training samples, both ratios change by the same factor, and nothing else does.
    """
    table = trials[(trials["status"] == "ok") & (trials["dropout"] == 0)]
    table = table[(table["train_loss"] > 0) & (table["min_val_loss"] > 0)]
    table = table.sort_values("n_parameters", kind="stable", ignore_index=True)
    n_trials, sizes = len(table) // 4, table["n_parameters"]
    if n_trials < FEWEST_TRIALS or sizes.iloc[n_trials - 1] == sizes.iloc[-n_trials]:
        return None
    losses = table[["min_val_loss", "train_loss"]].to_numpy(dtype=float)
    gaps = np.log(losses[:, 0] / losses[:, 1])
    small, large = gaps[:n_trials], gaps[-n_trials:]
    gain = (large.mean() - small.mean()) / 2
    lowest = gain - _half_width(small, large) / 2
    middles = np.sqrt(losses.prod(axis=1))
    chosen = (table["rank"] <= top_k).to_numpy(dtype=bool)
    missed = math.nan
    if 0 < chosen.sum() < len(chosen):
        missed = float(middles[chosen].min() / middles[~chosen].min())
    return Overfitting(
        n_trials=n_trials,
        small=math.exp(small.mean()),
        large=math.exp(large.mean()),
        gain=math.exp(gain),
        lowest=math.exp(lowest),
        missed=missed,
    )


def _half_width(first: np.ndarray, second: np.ndarray) -> float:
    """Return how far the interval of a difference of means goes to one side (Welch)."""
    errors = np.array([sample.var(ddof=1) / len(sample) for sample in (first, second)])
    if errors.sum() == 0:
        return 0.0
    n_free = (len(first) - 1) * errors.sum() ** 2 / (errors**2).sum()
    return float(np.sqrt(errors.sum()) * t.ppf(CONFIDENCE, n_free))
