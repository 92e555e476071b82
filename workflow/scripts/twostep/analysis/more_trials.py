"""Whether twice as many trials would find a better one.

The best losses of a search are taken as the tail of a distribution, as extreme-value theory has it:
the distances from a threshold among them follow a generalised Pareto distribution (Pickands 1975,
doi 10.1214/aos/1176343003). What it predicts for as many trials again, with all that is uncertain
about its shape and scale, answers the question.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

# Fewer trials have no tail: in simulations of 50 on a plateau, 27 % were told for 7 %.
FEWEST_TRIALS = 100
# How many of the best trials make the tail: a part of all, within limits.
PART, FEWEST_BEST, MOST_BEST = 5, 20, 60
# ASSUME: the shape is known so well before any trial: mostly there is a lowest loss, and a random
# search in d dimensions comes near it with a shape of about -2 / d.
SHAPE, SHAPE_DEVIATION = -0.3, 0.5
CONFIDENCE = 0.95


@dataclass(frozen=True)
class MoreTrials:
    """What as many trials again as the `n_trials` of a search would bring.

    `probability` is that of a best loss that is lower by more than the tolerance; with `CONFIDENCE`
    it is lower by at most the share `most`. In 38,000 comparisons of simulated searches with heavy,
    normal and exponential tails and plateaus, 1, 15, 26, 38, 47 and 59 % had such a best loss where
    5, 15, 25, 35, 45 and 55 % were told; `most` held in 88 to 100 %.
    """

    n_trials: int
    probability: float
    most: float


def double_trials(losses: ArrayLike, tolerance: float) -> MoreTrials | None:
    """Return what twice as many trials would bring; None if the losses are too few or alike.

    Parameters
    ----------
    losses : (n_trials,), of the trials that succeeded, finite
    tolerance : a loss is better if it is below the best one divided by 1 + tolerance
    """
    ordered = np.sort(np.asarray(losses, dtype=float))
    n_best = min(max(FEWEST_BEST, len(ordered) // PART), MOST_BEST)
    if len(ordered) < FEWEST_TRIALS or ordered[0] <= 0 or ordered[0] == ordered[n_best]:
        return None
    logs = np.log(ordered[: n_best + 1])
    tail = _Tail.of(logs[-1] - logs[:-1])
    probability = tail.exceeded(math.log1p(tolerance))
    return MoreTrials(len(ordered), probability, 1 - math.exp(-_largest_gain(tail)))


def _largest_gain(tail: "_Tail") -> float:
    """Return by how much the logarithm falls at most, with `CONFIDENCE`."""
    low, high = 0.0, 1.0
    while tail.exceeded(high) > 1 - CONFIDENCE:
        low, high = high, 2 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if tail.exceeded(middle) > 1 - CONFIDENCE else (low, middle)
    return high


@dataclass(frozen=True)
class _Tail:
    """The posterior of a generalised Pareto distribution on a grid, for `n_best` distances.

    `shapes` (n_shapes, 1), `scales` (1, n_scales), `weights` (n_shapes, n_scales); `farthest` is
    the distance of the best trial from the threshold.
    """

    n_best: int
    farthest: float
    shapes: np.ndarray
    scales: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, distances: np.ndarray) -> "_Tail":
        """Fit distances (n_best,) from the threshold, at least 0 and not all of them 0."""
        # No 0 is among the shapes, where the formula is another one, and none below -1, where the
        # density has no upper limit.
        shapes = np.linspace(-0.99, 1.0, 60)[:, None]
        scales = distances.mean() * np.exp(np.linspace(-2, 2.5, 60))[None]
        log_density = np.zeros((len(shapes), scales.size))
        for distance in distances:
            log_density += _log_survival(distance, shapes, scales) * (1 + shapes)
        log_density -= len(distances) * np.log(scales)
        log_density -= ((shapes - SHAPE) / SHAPE_DEVIATION) ** 2 / 2
        weights = np.exp(log_density - log_density.max())
        return cls(len(distances), distances[0], shapes, scales, weights / weights.sum())

    def exceeded(self, gain: float) -> float:
        """Return the probability that as many trials again have one that is farther by a gain."""
        survival = np.exp(_log_survival(self.farthest + gain, self.shapes, self.scales))
        return float((self.weights * -np.expm1(-self.n_best * survival)).sum())


def _log_survival(distance: float, shapes: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return the logarithm of the probability of a larger distance."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.log(np.maximum(1 + shapes * distance / scales, 0)) / shapes
