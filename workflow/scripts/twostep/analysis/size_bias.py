"""Whether step 1 puts large networks at a disadvantage, as compared with step 2.

The retrained trials were selected by their rank in step 1, and a ratio of their losses in the two
steps would be biased by that. A regression of the loss of step 2 on that rank is not. But where
large networks are better, they come out better than their rank lets expect without any bias, too,
because the rank is noisy. The noise of step 2 does the opposite at equal losses in step 2. So
only what shows in both directions is a bias, and its size lies between the two.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from twostep.analysis.regression import Regression
from twostep.analysis.remaining import normal_scores
from twostep.trials.rounds import FEWEST_CONTROLS, FEWEST_FINALISTS

# The sizes that are compared: the middle part of all trials of the search lies between them.
MIDDLE = 0.8
CONFIDENCE = 0.95  # of each statement
N_DRAWS = 400
# So many trials of the search tell as much as all of them.
MOST_TRIALS = 1000


@dataclass(frozen=True)
class SizeBias:
    """What large networks gain by step 2, as compared with small ones, `size_ratio` times smaller.

    The gains are natural logarithms of ratios of losses in step 2, positive if step 1 shows large
    networks too bad: `gain` is the smaller estimate of the two directions and `most` the upper end
    of the one-sided 95 % interval of the larger one. `is_sure` tells whether both are above 0.
    """

    size_ratio: float
    gain: float
    most: float
    is_sure: bool

    def is_relevant(self, tolerance: float) -> bool:
        """Whether step 1 surely is biased, by more than the tolerance."""
        return self.is_sure and self.gain > math.log1p(tolerance)

    def is_excluded(self, tolerance: float) -> bool:
        """Whether a bias of more than the tolerance is excluded."""
        return self.most < math.log1p(tolerance)


def size_bias(trials: pd.DataFrame, steps: pd.DataFrame) -> SizeBias | None:
    """Return what step 2 tells of a bias of step 1 against large networks; None if too little.

    Parameters
    ----------
    trials : the table of the search, with the columns trial, rank (missing where a trial failed)
        and n_parameters
    steps : one row per retrained trial that this ranking chose or that is a control, with the
        columns trial, step_2_loss (finite) and control

    It takes as many finalists and controls as `analysis.remaining`, or all trials retrained.
    """
    ranked = trials[trials["rank"].notna()].sort_values("rank", ignore_index=True)
    n_controls = int(steps["control"].sum())
    n_finalists = len(steps) - n_controls
    has_cut = len(steps) < len(ranked)
    if has_cut and (n_controls < FEWEST_CONTROLS or n_finalists < FEWEST_FINALISTS):
        return None
    sizes = np.log(ranked["n_parameters"].to_numpy(dtype=float))
    scores = normal_scores(np.arange(1.0, len(ranked) + 1), len(ranked))
    retrained = ranked.index[ranked["trial"].isin(steps["trial"])]
    losses = ranked["trial"].map(steps.set_index("trial")["step_2_loss"])[retrained].to_numpy()
    too_few = len(losses) < FEWEST_CONTROLS + FEWEST_FINALISTS
    if too_few or (losses <= 0).any() or np.ptp(losses) == 0 or np.ptp(sizes[retrained]) == 0:
        return None
    low, high = np.quantile(sizes, ((1 - MIDDLE) / 2, (1 + MIDDLE) / 2))
    if low == high:
        return None
    # The straight line and the parabola must agree, as either may be wrong.
    gains = [
        (high - low) * _gains(scores, sizes, retrained.to_numpy(), np.log(losses), degree)
        for degree in (1, 2)
    ]
    return SizeBias(
        size_ratio=math.exp(high - low),
        gain=float(min(np.median(gain, axis=1).min() for gain in gains)),
        most=float(max(np.quantile(gain.max(axis=0), CONFIDENCE) for gain in gains)),
        is_sure=all((gain > 0).all(axis=0).mean() >= CONFIDENCE for gain in gains),
    )


def _gains(
    scores: np.ndarray, sizes: np.ndarray, retrained: np.ndarray, values: np.ndarray, degree: int
) -> np.ndarray:
    """Return (2, N_DRAWS): the gain per unit of size at equal results of step 1, and of step 2.

    `scores` and `sizes` are (n_trials,), `values` the log losses (n_retrained,) of step 2. They are
    regressed on polynomials of the scores and on the sizes, with flat priors. Each draw from the
    posterior then makes up losses for all trials, of which the scores are regressed.
    """
    random = np.random.default_rng(0)
    design = np.column_stack([np.vander(scores, degree + 1, increasing=True), sizes])
    found = Regression.of(design[retrained], values, random, N_DRAWS)
    rows = np.arange(len(scores))
    if len(rows) > MOST_TRIALS:
        rows = random.choice(rows, MOST_TRIALS, replace=False)
    made_up = found.coefficients @ design[rows].T
    made_up += found.deviations[:, None] * random.standard_normal(made_up.shape)
    score, size = scores[rows] - scores[rows].mean(), sizes[rows] - sizes[rows].mean()
    loss = made_up - made_up.mean(axis=1, keepdims=True)
    variance, covariance = (loss**2).sum(axis=1), loss @ size
    determinant = variance * (size @ size) - covariance**2
    # How much worse a score large networks have at equal losses of step 2, times what a score is
    # worth there.
    worse = (variance * (score @ size) - covariance * (loss @ score)) / determinant
    worth = (loss @ score) / (score @ score)
    return np.stack([-found.coefficients[:, -1], worse * worth])
