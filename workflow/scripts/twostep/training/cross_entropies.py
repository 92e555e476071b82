"""Cross-entropies, from the sums of the last layer: so no logarithm meets a probability of 0."""

import torch
from torch import Tensor


class BinaryCrossEntropy:
    """The cross-entropy of each output by itself: targets are probabilities, within 0 and 1."""

    from_sums, by_output = True, True

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return -t log(p) - (1 - t) log(1 - p) with p the sigmoid of the sums, in nats."""
        # softplus(z) - t z; written so that exp never overflows.
        rest = torch.abs(outputs).neg_().exp_().log1p_()
        return torch.clamp(outputs, min=0.0).addcmul_(outputs, targets, value=-1.0).add_(rest)

    def slopes(self, outputs: Tensor, targets: Tensor, out: Tensor) -> None:
        """Fill `out` with p - t."""
        torch.sigmoid(outputs, out=out).sub_(targets)


class CrossEntropy:
    """The cross-entropy of classes that exclude each other; targets are 1 for one, 0 for others."""

    from_sums, by_output = True, False

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return -log(p) of each sample's class with p the softmax of the sums, in nats."""
        logarithms = torch.logsumexp(outputs, 1, keepdim=True)
        return logarithms.sub_((outputs * targets).sum(1, keepdim=True))

    def slopes(self, outputs: Tensor, targets: Tensor, out: Tensor) -> None:
        """Fill `out` with p - t."""
        torch.softmax(outputs, 1, out=out).sub_(targets)
