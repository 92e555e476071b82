"""Fully connected networks whose large matrix products are computed in bfloat16.

It has the range of float32 and eight significant bits, and processors with instructions for it
multiply twice as fast. What is rounded are the operands of a product and its result. Parameters,
optimizer, activations, biases and their gradients, the output layer and the loss are float32.

All is as in `training.backpropagation`, which is in the key of every trial and knows nothing of
this module: only trials in bfloat16 have it in theirs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from twostep.training.backpropagation import Backpropagation, Batch, Loss, _Layer, _LayerPass
from twostep.training.train import FullyConnected

# The multiplications of a layer's product (rows x units before x units) from which bfloat16 is
# used. It depends on the shape alone, so that a study gives the same numbers on each processor.
# Measured (benchmarks/precision.py): an update takes about 0.8 of the time in float32 with as many,
# 0.9 to 1.1 of it with half as many.
FEWEST_MULTIPLICATIONS = 2**23


def is_rounded(n_rows: int, n_inputs: int, n_units: int) -> bool:
    """Tell whether a hidden layer's products of so many rows are computed in bfloat16."""
    return n_rows * n_inputs * n_units >= FEWEST_MULTIPLICATIONS


class RoundedNetworks(FullyConnected):
    """The networks of `build_network`, trained with large products in bfloat16."""

    def bind(
        self,
        network: nn.Sequential,
        max_rows: int,
        loss: Loss,
        *,
        n_inputs: int,
        n_outputs: int,
        weighed: bool,
    ) -> "RoundedBackpropagation":
        """Return its backpropagation."""
        return RoundedBackpropagation(network, max_rows, loss, weighed=weighed)


class RoundedBackpropagation(Backpropagation):
    """A network with the memory to train it, in which large products are computed in bfloat16."""

    def __init__(
        self, network: nn.Sequential, max_rows: int, loss: Loss, *, weighed: bool = False
    ) -> None:
        super().__init__(network, max_rows, loss, weighed=weighed)
        large = [layer for layer in self._layers[:-1] if _is_rounded(layer, max_rows)]
        self._rounded = {layer: _RoundedOperands(layer, max_rows) for layer in large}
        # Used by one product after the other.
        sizes = [max(max_rows * max(shape), shape.numel()) for shape in map(_shape, large)]
        self._rounded_scratch = torch.empty(2, max(sizes, default=0), dtype=torch.bfloat16)

    def batch(self, n_rows: int) -> Batch:
        """Return the memory for a batch of this many samples: the same one each time."""
        is_new = n_rows not in self._batches
        batch = super().batch(n_rows)
        assert isinstance(batch, Batch)  # as there is no GPU
        if is_new:
            batch._forward = self._rounded_passes(batch, n_rows)
            batch._backward = batch._forward[::-1]
        return batch

    def _rounded_passes(self, batch: Batch, n_rows: int) -> list[_LayerPass]:
        """Return the passes of a batch, those with large products in bfloat16."""
        passes: list[_LayerPass] = []
        inputs, before = batch.inputs, None
        for each in batch._forward:
            layer, gradient = each._layer, each.gradient
            if layer in self._rounded and _is_rounded(layer, n_rows):
                ones, rounded = self._ones[:, :n_rows], self._rounded[layer]
                each = _RoundedPass(
                    layer, inputs, gradient, before, ones, rounded, self._rounded_scratch
                )
            passes.append(each)
            inputs, before = each.results, gradient
        return passes


def _shape(layer: _Layer) -> torch.Size:
    """Return (n_units, n_inputs) of a layer."""
    return layer.weights.shape


def _is_rounded(layer: _Layer, n_rows: int) -> bool:
    return is_rounded(n_rows, *_shape(layer))


class _RoundedOperands:
    """What several products of a layer use: inputs (max_rows, n_inputs) and weights, bfloat16."""

    def __init__(self, layer: _Layer, max_rows: int) -> None:
        self.weights = torch.empty_like(layer.weights, dtype=torch.bfloat16)
        self.inputs = self.weights.new_empty(max_rows, _shape(layer)[1])


class _RoundedPass(_LayerPass):
    """What a layer does with the rows of a batch, with its products in bfloat16.

    `scratch` (2, n) is memory for a gradient and for a result, which is needed no longer than the
    products of one layer.
    """

    def __init__(
        self,
        layer: _Layer,
        inputs: Tensor,
        gradient: Tensor,
        before: Tensor | None,
        ones: Tensor,
        rounded: _RoundedOperands,
        scratch: Tensor,
    ) -> None:
        super().__init__(layer, inputs, gradient, before, ones)
        rounded_inputs, weights = rounded.inputs[: len(inputs)], rounded.weights
        rounded_gradient = _start(scratch[0], gradient)

        def product(first: Tensor, second: Tensor, result: Tensor) -> Sequence[Tensor]:
            return first, second, _start(scratch[1], result), result

        assert layer.weights.grad is not None  # as `Backpropagation` has seen to
        self._to_round = (inputs, rounded_inputs), (layer.weights, weights)
        self._gradient_to_round = gradient, rounded_gradient
        self._multiply_plainly, self._multiply = self._multiply, _multiply_rounded
        self._for_sums = product(rounded_inputs, weights.t(), self._sums)
        self._for_weights = product(rounded_gradient.t(), rounded_inputs, layer.weights.grad)
        self._for_inputs = before if before is None else product(rounded_gradient, weights, before)

    def forward(self, *, dropping: bool) -> None:
        """Fill `results` from the inputs, with units dropped or without."""
        # Anew each time: an update, or another batch, may have changed them.
        for exact, rounded in self._to_round:
            rounded.copy_(exact)
        super().forward(dropping=dropping)

    def backward(self) -> None:
        """Turn `gradient`, by the results, into those by the weights, biases and inputs."""
        if self._layer.dropout:
            self.gradient.mul_(self._factors)
        self._activation.backward(self.gradient, self._kept)
        exact, rounded = self._gradient_to_round
        rounded.copy_(exact)
        self._multiply(*self._for_weights)
        self._multiply_plainly(*self._for_biases)
        if self._for_inputs:
            self._multiply(*self._for_inputs)


def _start(memory: Tensor, like: Tensor) -> Tensor:
    """Return the start of some memory in the shape of another tensor."""
    return memory[: like.numel()].view(like.shape)


def _multiply_rounded(first: Tensor, second: Tensor, rounded: Tensor, result: Tensor) -> None:
    """Fill `result`, float32, with a product in bfloat16."""
    torch.mm(first, second, out=rounded)
    result.copy_(rounded)
