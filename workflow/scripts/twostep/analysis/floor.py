"""A regression of losses that may have a floor, that is, a value that no trial can reach.

The best networks of a study are often nearly as good as each other, because what is left of the
loss lies in the data or in the budget. A normal distribution of log losses knows no such limit: it
sees better trials left where there can be none. How high the floor is, if there is any, the losses
of the retrained trials tell themselves.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import log_ndtr

from twostep.analysis.regression import Regression

# Shares of the lowest loss. Above the last one, two losses that are alike by chance would decide.
FLOORS = np.arange(10) / 10
# ASSUME: losses without a floor are as likely as losses with any.
PRIOR = np.r_[0.5, np.full(len(FLOORS) - 1, 0.5 / (len(FLOORS) - 1))]


@dataclass(frozen=True)
class FlooredFit:
    """Regressions of log(loss - floor) on a polynomial of scores, each with its floor.

    Each floor has as many draws from its regression as its probability asks for.
    """

    regressions: list[tuple[float, Regression]]

    @classmethod
    def of(cls, scores: np.ndarray, losses: np.ndarray, degree: int, n_draws: int) -> Self:
        """Fit losses (n,), above 0 and not all the same, at scores (n,)."""
        design = np.vander(scores, degree + 1, increasing=True)
        floors = FLOORS * losses.min()
        values = np.log(losses[:, None] - floors)
        weights = _probabilities(design, values)
        ends = np.round(np.cumsum(weights) * n_draws).astype(int)
        random = np.random.default_rng(0)
        return cls(
            [
                (float(floor), Regression.of(design, column, random, n))
                for floor, column, n in zip(floors, values.T, np.diff(ends, prepend=0), strict=True)
                if n > 0
            ]
        )

    def correlations(self) -> np.ndarray:
        """Return the correlation of scores and log(loss - floor) over all trials, for each draw."""
        return np.concatenate(
            [
                drawn.coefficients[:, 1] / np.hypot(drawn.coefficients[:, 1], drawn.deviations)
                for _, drawn in self.regressions
            ]
        )

    def better_from(self, scores: np.ndarray, counts: np.ndarray, limit: float) -> np.ndarray:
        """Return for each place the probability of a loss below the limit there or later on.

        `scores` and `counts` are (n_places,): each place stands for so many trials of that score.
        """
        none_here = np.concatenate(
            [
                counts * _log_not_below(limit - floor, regression, scores)
                for floor, regression in self.regressions
            ]
        )
        none_later = np.cumsum(none_here[:, ::-1], axis=1)[:, ::-1]
        return 1 - np.exp(none_later).mean(axis=0)


def _probabilities(design: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return how likely each floor is, (n_floors,), from log(loss - floor), (n, n_floors).

    These are marginal likelihoods, with the density of the losses themselves, times the prior. The
    scales of coefficients and residuals change with the floor, and the prior of both with them.
    """
    q, _ = np.linalg.qr(design)
    squares = ((values - q @ (q.T @ values)) ** 2).sum(axis=0)
    logs = np.log(PRIOR) - len(values) / 2 * np.log(squares) - values.sum(axis=0)
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def _log_not_below(height: float, regression: Regression, scores: np.ndarray) -> np.ndarray:
    """Return the log probability of a value that is not below a height above the floor.

    For each draw and score, (n_draws, n_scores).
    """
    means = (
        regression.coefficients
        @ np.vander(scores, regression.coefficients.shape[1], increasing=True).T
    )
    if height <= 0:
        return np.zeros_like(means)
    return log_ndtr((means - np.log(height)) / regression.deviations[:, None])
