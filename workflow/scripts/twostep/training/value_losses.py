"""Losses of single values of outputs that are numbers, in the units of the targets."""

import torch
from torch import Tensor
from torch.nn import functional


class SquaredError:
    """The square of the error."""

    from_sums, by_output = False, True

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the squared errors."""
        return torch.sub(outputs, targets).square_()

    def slopes(self, outputs: Tensor, targets: Tensor, out: Tensor) -> None:
        """Fill `out` with twice the errors."""
        torch.sub(outputs, targets, out=out).mul_(2.0)


class AbsoluteError:
    """The size of the error."""

    from_sums, by_output = False, True

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the absolute errors."""
        return torch.sub(outputs, targets).abs_()

    def slopes(self, outputs: Tensor, targets: Tensor, out: Tensor) -> None:
        """Fill `out` with the signs of the errors, 0 where there is none."""
        torch.sub(outputs, targets, out=out).sign_()


class HuberLoss:
    """Half the square of an error up to `delta`, and linear beyond it.

    Huber (1964), doi 10.1214/aoms/1177703732.
    """

    from_sums, by_output = False, True

    def __init__(self, delta: float) -> None:
        self._delta = delta

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the losses."""
        return functional.huber_loss(outputs, targets, reduction="none", delta=self._delta)

    def slopes(self, outputs: Tensor, targets: Tensor, out: Tensor) -> None:
        """Fill `out` with the errors, cut at `delta`."""
        torch.sub(outputs, targets, out=out).clamp_(-self._delta, self._delta)
