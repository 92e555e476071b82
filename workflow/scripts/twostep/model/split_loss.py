"""The loss of predictions on a split, as training has it, and the samples that it is taken over.

Training computes losses in single precision, and cross-entropies from the sums of the last layer.
Here they follow from what a network, or anything else, predicts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twostep.data.arrays import load_split, load_weights
from twostep.training.objective import Objective

# Networks give probabilities in single precision: one that is 1 there was a little less.
LARGEST_PROBABILITY = 1 - 2.0**-25
SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Split:
    """Standardised inputs (n_samples, n_inputs) and targets (n_samples, n_outputs) of samples.

    Targets are in the units of the loss, NaN where missing. Samples may have weights,
    (n_samples, 1).
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None

    @classmethod
    def load(cls, manifest: str | Path, name: str, n_rows: int | None = None) -> "Split":
        """Return a split of the folder with this manifest, or only its first `n_rows` samples."""
        return cls(*load_split(manifest, name, n_rows), load_weights(manifest, name, n_rows))

    def __len__(self) -> int:
        return len(self.targets)

    def weigh(self, rows: slice) -> np.ndarray:
        """Return the weight of each target of some rows, (n_rows, n_outputs), 0 where missing."""
        weights = (~np.isnan(self.targets[rows])).astype(np.float64)
        return weights if self.weights is None else weights * self.weights[rows]


def _huber(predicted: np.ndarray, targets: np.ndarray, delta: float) -> np.ndarray:
    size = np.abs(predicted - targets)
    return np.where(size < delta, size**2 / 2, delta * (size - delta / 2))


def _binary_cross_entropy(predicted: np.ndarray, targets: np.ndarray, delta: float) -> np.ndarray:
    likely = predicted.clip(SMALLEST_PROBABILITY, LARGEST_PROBABILITY)
    return -(targets * np.log(likely) + (1 - targets) * np.log1p(-likely))


def _cross_entropy(predicted: np.ndarray, targets: np.ndarray, delta: float) -> np.ndarray:
    likely = predicted.clip(SMALLEST_PROBABILITY, 1.0)
    return -(targets * np.log(likely)).sum(axis=1, keepdims=True)


# (predicted, targets, huber_delta) -> (n_samples, n_means)
_LOSSES: dict[str, Callable[[np.ndarray, np.ndarray, float], np.ndarray]] = {
    "mse": lambda predicted, targets, delta: (predicted - targets) ** 2,
    "mae": lambda predicted, targets, delta: np.abs(predicted - targets),
    "huber": _huber,
    "binary_cross_entropy": _binary_cross_entropy,
    "cross_entropy": _cross_entropy,
}


@dataclass(frozen=True)
class SplitLoss:
    """The loss of predictions; `shares`, (n_means,), are those of the outputs in it.

    There is a mean for each output, or a single one if the loss is one of all outputs.
    """

    objective: Objective
    shares: np.ndarray

    @classmethod
    def of(cls, objective: Objective, outputs: list[dict]) -> "SplitLoss":
        """Return the loss of these outputs of a manifest."""
        if objective.loss == "cross_entropy":
            return cls(objective, np.ones(1))
        # Only outputs that do not have the default say so.
        weights = np.array([output.get("weight", 1.0) for output in outputs])
        return cls(objective, weights / weights.sum())

    @property
    def by_output(self) -> bool:
        """Whether there is a mean for each output."""
        return self.objective.loss != "cross_entropy"

    @property
    def of_probabilities(self) -> bool:
        """Whether what is predicted are the probabilities of classes or events."""
        return self.objective.loss in ("binary_cross_entropy", "cross_entropy")

    def losses(self, predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return the losses, (n_samples, n_means), NaN where the target is missing."""
        return _LOSSES[self.objective.loss](predicted, targets, self.objective.huber_delta)

    def weighed(self, predicted: np.ndarray, split: Split, rows: slice) -> tuple[np.ndarray, ...]:
        """Return losses times weights, and weights, of predictions for some rows of a split.

        Both are (n_rows, n_means), and 0 where the target is missing.
        """
        weights = split.weigh(rows)[:, : len(self.shares)]
        with np.errstate(over="ignore"):
            losses = self.losses(predicted, split.targets[rows])
        return np.where(weights > 0, losses, 0.0) * weights, weights

    def combine(self, means: np.ndarray) -> float:
        """Return the loss from its means, (n_means,)."""
        if not self.objective.is_weighed:
            return float(means.mean())
        return float(means @ self.shares)
