"""The loss of the best constant, below which a network has learned something."""

import torch
from torch import Tensor

from twostep.training.backpropagation import BatchMemory, Loss

# Rows looked at at a time.
CHUNK = 262_144
# Of a class, or of an event, that a split does not have.
SMALLEST_PROBABILITY = 1e-7


def constant_losses(loss: Loss, targets: Tensor, weights: Tensor | None) -> list[float]:
    """Return the means by output of the loss of a constant prediction, the best one that is tried.

    That is the mean, which is the best for squared errors and cross-entropies, or the median, which
    is the best for absolute errors. For the Huber loss, the best one lies between the two.

    Parameters
    ----------
    loss : any but the plain mean squared error
    targets : (n_samples, n_outputs), in the units of the loss, NaN where missing, in random order
    weights : (n_samples, 1), or None
    """
    constants = [_mean(targets, weights)]
    if loss.from_sums:
        probabilities = constants[0].clamp(SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        constants = [probabilities.logit() if loss.by_output else probabilities.log()]
    else:
        constants.append(targets[:CHUNK].nanmedian(dim=0).values)
    found = [_measure(loss, constant, targets, weights) for constant in constants]
    return [min(means) for means in zip(*found, strict=True)]


def _mean(targets: Tensor, weights: Tensor | None) -> Tensor:
    """Return the weighted mean of the values that are there, (n_outputs,)."""
    total = targets.new_zeros(2, targets.shape[1], dtype=torch.float64)
    for values, own in _chunks(targets, weights):
        there = torch.logical_not(torch.isnan(values)).to(torch.float64)
        there = there if own is None else there * own
        total += torch.stack([(values.nan_to_num(0.0) * there).sum(0), there.sum(0)])
    return (total[0] / total[1]).to(targets.dtype)


def _measure(loss: Loss, constant: Tensor, targets: Tensor, weights: Tensor | None) -> list[float]:
    """Return the means of the loss of a constant, (n_outputs,)."""
    total = torch.zeros((), dtype=torch.float64)
    for values, own in _chunks(targets, weights):
        outputs = constant.expand_as(values)
        # The targets are a copy, as those that are missing are filled.
        memory = BatchMemory(outputs, values.clone(), torch.empty_like(values), own)
        total = total + loss.bind(memory).measure()
    return loss.means(total, len(targets))


def _chunks(targets: Tensor, weights: Tensor | None) -> list[tuple[Tensor, Tensor | None]]:
    """Return pieces of targets with the weights of their samples."""
    pieces = targets.split(CHUNK)
    own = [None] * len(pieces) if weights is None else weights.split(CHUNK)
    return list(zip(pieces, own, strict=True))
