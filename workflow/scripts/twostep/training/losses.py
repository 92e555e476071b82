"""The losses by their names.

This is not in the keys of trials, which hold the modules of their own loss.
"""

from collections.abc import Callable

from twostep.training.backpropagation import SQUARED_ERRORS, Loss
from twostep.training.cross_entropies import BinaryCrossEntropy, CrossEntropy
from twostep.training.objective import Objective
from twostep.training.value_losses import AbsoluteError, HuberLoss, SquaredError
from twostep.training.weighing import ValueLoss, WeighedLoss

LOSSES: dict[str, Callable[[Objective], ValueLoss]] = {
    "mse": lambda objective: SquaredError(),
    "mae": lambda objective: AbsoluteError(),
    "huber": lambda objective: HuberLoss(objective.huber_delta),
    "binary_cross_entropy": lambda objective: BinaryCrossEntropy(),
    "cross_entropy": lambda objective: CrossEntropy(),
}


def make_loss(
    objective: Objective, output_weights: list[float] | None = None, *, is_masked: bool = False
) -> Loss:
    """Return what a training minimises.

    Parameters
    ----------
    objective : the loss, and whether there are weights or masks
    output_weights : (n_outputs,), the weights of the outputs, all equal if None
    is_masked : whether a target that is NaN has no part in the loss
    """
    if not objective.to_dict():
        return SQUARED_ERRORS
    values = LOSSES[objective.loss](objective)
    return WeighedLoss(values, output_weights, is_masked=is_masked)
