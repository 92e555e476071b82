"""Losses and gradients of fully connected networks: backpropagation, written out.

A search trains small networks by many small updates. Most of the time of such an update goes into
recording operations for automatic differentiation and into allocating their results; here both are
done once for each network. Matrix products on a processor are numpy's: float32 throughout, and
OpenBLAS behind them makes better use of AMD processors, and of thin matrices on any, than the
library that torch calls.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from twostep.training.activations import IN_PLACE
from twostep.training.recorded import Recorded


@dataclass(frozen=True)
class BatchMemory:
    """What the loss of a batch is computed from, and the gradient that it is to fill.

    `outputs`, `targets` and `gradient` are (n_rows, n_outputs). The outputs are the network's, in
    the units of the loss, or the sums of its last layer. The gradient is the one by them. `weights`
    are those of the samples, (n_rows, 1), if they have any.
    """

    outputs: Tensor
    targets: Tensor
    gradient: Tensor
    weights: Tensor | None = None


class BatchLoss(Protocol):
    """The loss of a batch in its memory."""

    def backpropagate(self) -> Tensor:
        """Fill the gradient; return sums, which are added up over an epoch's batches."""

    def measure(self) -> Tensor:
        """Return sums by output, which are added up over batches, float64."""


class Loss(Protocol):
    """What a training minimises.

    With `from_sums` it is computed from the sums of the last layer, whose activation it implies.
    With `by_output` it has a value for each output. Means are made from the sums of a `BatchLoss`.
    """

    from_sums: bool
    by_output: bool

    def zeros(self, n_outputs: int) -> Tensor:
        """Return what the sums of `backpropagate` are added to, float64."""

    def bind(self, memory: BatchMemory) -> BatchLoss:
        """Return the loss of the batches in some memory."""

    def training_mean(self, total: Tensor, n_values: int) -> float:
        """Return the mean loss of `n_values` targets whose sums, by `backpropagate`, are these."""

    def means(self, total: Tensor, n_rows: int) -> list[float]:
        """Return the mean loss by output of `n_rows` samples whose sums, by `measure`, are these.

        It is a single one if the loss is one of all outputs.
        """

    def combine(self, means: list[float]) -> float:
        """Return the loss from its means by output."""


class SquaredErrors:
    """The plain mean squared error, of which all values count alike."""

    from_sums, by_output = False, True

    def zeros(self, n_outputs: int) -> Tensor:
        """Return a single sum."""
        return torch.zeros((), dtype=torch.float64)

    def bind(self, memory: BatchMemory) -> "_SquaredErrorsOfBatch":
        """Return the loss of the batches in some memory."""
        return _SquaredErrorsOfBatch(memory)

    def training_mean(self, total: Tensor, n_values: int) -> float:
        """Return the mean of `n_values` squares."""
        return total.item() / n_values

    def means(self, total: Tensor, n_rows: int) -> list[float]:
        """Return the mean of the squares by output."""
        return (total / n_rows).tolist()

    def combine(self, means: list[float]) -> float:
        """Return the mean over the outputs."""
        return math.fsum(means) / len(means)


class _SquaredErrorsOfBatch:
    """The squared errors of a batch."""

    def __init__(self, memory: BatchMemory) -> None:
        self._outputs, self._targets = memory.outputs, memory.targets
        self._gradient, self._flat_gradient = memory.gradient, memory.gradient.view(-1)
        self._factor = torch.tensor(2 / memory.targets.numel(), device=memory.targets.device)

    def backpropagate(self) -> Tensor:
        """Fill the gradient; return the sum of all squares, ()."""
        torch.sub(self._outputs, self._targets, out=self._gradient)
        squares = torch.dot(self._flat_gradient, self._flat_gradient)
        self._gradient.mul_(self._factor)
        return squares

    def measure(self) -> Tensor:
        """Return the sums of squares by output, (n_outputs,), and leave these in the outputs."""
        return self._outputs.sub_(self._targets).square_().sum(0, dtype=torch.float64)


SQUARED_ERRORS = SquaredErrors()


def lay_out(tensors: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return all parameters and their gradient, (n_parameters,), one tensor behind the other.

    The tensors and their gradients become views of them.
    """
    sizes = [tensor.numel() for tensor in tensors]
    parameters, gradient = tensors[0].detach().new_zeros(2, sum(sizes))
    places = zip(parameters.split(sizes), gradient.split(sizes), strict=True)
    for tensor, (values, slopes) in zip(tensors, places, strict=True):
        tensor.data = values.view(tensor.shape).copy_(tensor.detach())
        tensor.grad = slopes.view(tensor.shape)
    return parameters, gradient


class Backpropagation:
    """A network from `build_network` with the memory to train it on up to `max_rows` samples.

    `parameters` and `gradient`, (n_parameters,), hold all parameters of the network and the
    gradient of the `loss` by them, one behind the other. The network's own parameters become views
    of them, which autograd does not follow any more. Batches hold weights of the samples, too, if
    they are `weighed`.
    """

    def __init__(
        self,
        network: nn.Sequential,
        max_rows: int,
        loss: Loss = SQUARED_ERRORS,
        *,
        weighed: bool = False,
    ) -> None:
        self.loss = loss
        network.requires_grad_(False)
        self.parameters, self.gradient = lay_out(list(network.parameters()))
        self._layers = _layers(network, max_rows, to_sums=loss.from_sums)
        new = self.parameters.new_empty
        self._inputs = new(max_rows, self._layers[0].weights.shape[1])
        self._targets = torch.empty_like(self._layers[-1].outputs)
        self._weights = new(max_rows, 1) if weighed else None
        self._ones = torch.ones(1, max_rows, device=self.parameters.device)
        # Gradients by results are needed of one layer and of the one before, in turns.
        self._scratch = new(2, max(layer.outputs.numel() for layer in self._layers))
        self._batches: dict[int, Batch | RecordedBatch] = {}

    def zeros(self) -> Tensor:
        """Return what the sums of the batches' losses are added to."""
        return self.loss.zeros(self._targets.shape[1]).to(self.parameters.device)

    def batch(self, n_rows: int) -> "Batch | RecordedBatch":
        """Return the memory for a batch of this many samples: the same one each time."""
        if n_rows not in self._batches:
            passes: list[_LayerPass] = []
            inputs, before = self._inputs[:n_rows], None
            for layer, scratch in zip(self._layers, itertools.cycle(self._scratch)):
                gradient = scratch[: layer.outputs[:n_rows].numel()].view(n_rows, -1)
                passes.append(_LayerPass(layer, inputs, gradient, before, self._ones[:, :n_rows]))
                inputs, before = passes[-1].results, gradient
            weights = None if self._weights is None else self._weights[:n_rows]
            targets = self._targets[:n_rows]
            memory = BatchMemory(passes[-1].results, targets, passes[-1].gradient, weights)
            batch = Batch(passes, self._inputs[:n_rows], memory, self.loss)
            self._batches[n_rows] = RecordedBatch(batch) if self._inputs.is_cuda else batch
        return self._batches[n_rows]


class Batch:
    """The memory for a number of samples; `inputs`, `targets` and `weights` are to be filled.

    Inputs (n_rows, n_inputs) are standardised; targets and outputs (n_rows, n_outputs) are in the
    units of the loss. Weights are (n_rows, 1), or None if the samples have none.
    """

    def __init__(
        self, passes: "list[_LayerPass]", inputs: Tensor, memory: BatchMemory, loss: Loss
    ) -> None:
        self.inputs, self.targets, self.weights = inputs, memory.targets, memory.weights
        self._forward, self._backward = passes, passes[::-1]
        self._outputs, self._loss = memory.outputs, loss.bind(memory)

    def predict(self) -> Tensor:
        """Return the outputs for the inputs, without dropout, in memory that is used again.

        They are the sums of the last layer if the loss is computed from these.
        """
        for layer in self._forward:
            layer.forward(dropping=False)
        return self._outputs

    def measure(self) -> Tensor:
        """Return the sums of the loss by output, without dropout."""
        self.predict()
        return self._loss.measure()

    def backpropagate(self) -> Tensor:
        """Compute the gradient of the mean loss; return the sums of it."""
        for layer in self._forward:
            layer.forward(dropping=True)
        sums = self._loss.backpropagate()
        for layer in self._backward:
            layer.backward()
        return sums


class RecordedBatch:
    """The same on a GPU, where each computation is asked for as one."""

    def __init__(self, batch: Batch) -> None:
        self.inputs, self.targets, self.weights = batch.inputs, batch.targets, batch.weights
        self.backpropagate, self.measure = Recorded(batch.backpropagate), Recorded(batch.measure)


class _Layer:
    """A layer's parameters, which have their gradients, and its memory for all rows.

    All memory is (max_rows, n_units). `results` are the outputs after dropout, which multiplies
    them by `factors`.
    """

    def __init__(
        self, linear: nn.Linear, activation: nn.Module, dropout: float, max_rows: int
    ) -> None:
        self.weights, self.biases = linear.weight, linear.bias
        self.activation, self.dropout = IN_PLACE[type(activation)], dropout
        new = partial(linear.weight.new_empty, max_rows, linear.out_features)
        self.sums = new()
        self.outputs = new() if self.activation.keeps_sums else self.sums
        self.results = new() if dropout else self.outputs
        self.factors = new() if dropout else self.outputs


def _layers(network: nn.Sequential, max_rows: int, *, to_sums: bool) -> list[_Layer]:
    """Return the layers of a network; with `to_sums` the last one has no activation."""
    layers = []
    modules = list(network)
    if to_sums:
        modules[-1] = nn.Identity()
    for place, module in enumerate(modules):
        if isinstance(module, nn.Linear):
            after = modules[place + 2 : place + 3]
            dropout = after[0].p if after and isinstance(after[0], nn.Dropout) else 0.0
            layers.append(_Layer(module, modules[place + 1], dropout, max_rows))
    return layers


class _LayerPass:
    """What a layer does with the rows of a batch.

    `gradient` is the one by its results, then by its sums; `before` that by its inputs, which the
    first layer does not need. The operands of matrix products are made once: inputs @ weights.T,
    and for the gradients by weights, biases and inputs gradient.T @ inputs, ones @ gradient and
    gradient @ weights.
    """

    def __init__(
        self,
        layer: _Layer,
        inputs: Tensor,
        gradient: Tensor,
        before: Tensor | None,
        ones: Tensor,
    ) -> None:
        rows = slice(len(inputs))
        self._layer, self._activation, self.gradient = layer, layer.activation, gradient
        self._sums, self._outputs = layer.sums[rows], layer.outputs[rows]
        self.results, self._factors = layer.results[rows], layer.factors[rows]
        self._kept = self._sums if self._activation.keeps_sums else self._outputs
        self._multiply, operands = _matrix_products(inputs.device)
        self._for_sums = operands(inputs, layer.weights.t(), self._sums)
        # `Backpropagation` has given each parameter its part of the gradient.
        assert layer.biases.grad is not None
        self._for_weights = operands(gradient.t(), inputs, layer.weights.grad)
        self._for_biases = operands(ones, gradient, layer.biases.grad.unsqueeze(0))
        self._for_inputs = None if before is None else operands(gradient, layer.weights, before)

    def forward(self, *, dropping: bool) -> None:
        """Fill `results` from the inputs, with units dropped or without."""
        self._multiply(*self._for_sums)
        self._sums.add_(self._layer.biases)
        self._activation.forward(self._sums, self._outputs)
        if self._layer.dropout:
            if dropping:
                kept = 1 - self._layer.dropout
                self._factors.bernoulli_(kept).div_(kept)
                torch.mul(self._outputs, self._factors, out=self.results)
            else:
                self.results.copy_(self._outputs)

    def backward(self) -> None:
        """Turn `gradient`, by the results, into those by the weights, biases and inputs."""
        if self._layer.dropout:
            self.gradient.mul_(self._factors)
        self._activation.backward(self.gradient, self._kept)
        self._multiply(*self._for_weights)
        self._multiply(*self._for_biases)
        if self._for_inputs:
            self._multiply(*self._for_inputs)


def _matrix_products(device: torch.device) -> tuple[Callable, Callable]:
    """Return `multiply(a, b, result)` and what makes its operands from tensors on a device."""
    if device.type == "cpu":
        return np.dot, lambda *tensors: [tensor.numpy() for tensor in tensors]
    return (lambda a, b, result: torch.mm(a, b, out=result)), lambda *tensors: list(tensors)
