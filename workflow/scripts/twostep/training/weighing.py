"""Losses of single values, and how weights and masks make one loss of them."""

import math
from typing import Protocol

import torch
from torch import Tensor

from twostep.training.backpropagation import BatchMemory


class ValueLoss(Protocol):
    """The loss of each value, as a function of outputs and targets, (n_rows, n_outputs).

    Outputs are those of the network, or the sums of its last layer if `from_sums`. With `by_output`
    there is a loss for each output, (n_rows, n_outputs), else one of all outputs, (n_rows, 1).
    """

    from_sums: bool
    by_output: bool

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the losses."""

    def slopes(self, outputs: Tensor, targets: Tensor, out: Tensor) -> None:
        """Fill `out`, (n_rows, n_outputs), with the derivatives of the losses by the outputs."""


class WeighedLoss:
    """The mean of the losses of values: over the samples, by output, then over the outputs.

    `output_weights` are the weights of that second mean, all equal if None. Samples may have
    weights, which the batches then hold. With `is_masked` a target that is NaN is missing: it has
    no part in any sum, and the mean of an output is one over the values that are there.

    A batch is trained on the sum of its weighted losses over their number. So the gradient is, on
    average, that of all samples, whose weights have the mean 1. What is told of an epoch or a split
    is the weighted mean: the sum over that of the weights.
    """

    def __init__(
        self,
        values: ValueLoss,
        output_weights: list[float] | None = None,
        *,
        is_masked: bool = False,
    ) -> None:
        self.values, self.is_masked = values, is_masked
        self.from_sums, self.by_output = values.from_sums, values.by_output
        self._output_weights = output_weights

    def zeros(self, n_outputs: int) -> Tensor:
        """Return sums of losses and of weights, (2, n_means)."""
        return torch.zeros(2, n_outputs if self.by_output else 1, dtype=torch.float64)

    def bind(self, memory: BatchMemory) -> "_WeighedBatch":
        """Return the loss of a batch in this memory."""
        n_means = memory.targets.shape[1] if self.by_output else 1
        weights = self._output_weights or [1.0] * n_means
        shares = [weight / math.fsum(weights) for weight in weights]
        return _WeighedBatch(self, memory, memory.outputs.new_tensor(shares))

    def training_mean(self, total: Tensor, n_values: int) -> float:
        """Return the mean of an epoch from the sum of what `backpropagate` returned."""
        return self.combine(self.means(total, n_values))

    def means(self, total: Tensor, n_rows: int) -> list[float]:
        """Return the mean by output from the sum of what `measure` returned."""
        losses, weights = total.tolist()
        # Of an epoch that the budget cuts short, an output may have no value at all.
        return [loss / w if w else 0.0 for loss, w in zip(losses, weights, strict=True)]

    def combine(self, means: list[float]) -> float:
        """Return the mean over the outputs of their means."""
        weights = self._output_weights or [1.0] * len(means)
        weighed = [weight * mean for weight, mean in zip(weights, means, strict=True)]
        return math.fsum(weighed) / math.fsum(weights)


class _WeighedBatch:
    """The loss of one batch; `shares`, (n_means,), are those of the outputs in the mean."""

    def __init__(self, loss: WeighedLoss, memory: BatchMemory, shares: Tensor) -> None:
        self._loss, self._memory, self._shares = loss, memory, shares
        n_rows = len(memory.targets)
        # Of each value if none is missing, and of the values of each output.
        self._all = memory.outputs.new_ones(n_rows, len(shares))
        self._factors = shares / n_rows

    def backpropagate(self) -> Tensor:
        """Fill the gradient; return the sums of weighted losses and of weights, (2, n_means)."""
        memory, values = self._memory, self._loss.values
        weights, factors = self._weigh()
        values.slopes(memory.outputs, memory.targets, memory.gradient)
        memory.gradient.mul_(weights * factors)
        losses = values.losses(memory.outputs, memory.targets).mul_(weights)
        return torch.stack([losses.sum(0), weights.sum(0)])

    def measure(self) -> Tensor:
        """Return the same sums in double precision, without a gradient."""
        weights, _ = self._weigh()
        losses = self._loss.values.losses(self._memory.outputs, self._memory.targets).mul_(weights)
        return torch.stack([part.sum(0, dtype=torch.float64) for part in (losses, weights)])

    def _weigh(self) -> tuple[Tensor, Tensor]:
        """Return the weight of each value, (n_rows, n_means), and a factor of each output.

        The weight of a missing value is 0, and its target becomes 0. The factors, (n_means,), turn
        weighted slopes into those of the mean.
        """
        memory, there, factors = self._memory, self._all, self._factors
        if self._loss.is_masked:
            missing = torch.isnan(memory.targets)
            memory.targets.masked_fill_(missing, 0.0)
            there = torch.logical_not(missing).to(there.dtype)
            factors = self._shares / there.sum(0).clamp_(min=1.0)
        return (there if memory.weights is None else there * memory.weights), factors
