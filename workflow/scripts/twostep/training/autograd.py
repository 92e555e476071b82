"""Losses and gradients of any network, by torch's automatic differentiation.

It has the interface of `Backpropagation`, so that trainings, optimizers and losses are the same.
"""

import torch
from torch import Tensor, nn

from twostep.training.backpropagation import BatchMemory, Loss, lay_out


class Autograd:
    """A network and its output activation, with the memory to train it on up to `max_rows` samples.

    `parameters` and `gradient`, (n_parameters,), hold all learnable parameters of the network and
    the gradient of the `loss` by them, one behind the other. The network's own parameters become
    views of them. Batches hold weights of the samples, too, if they are `weighed`.
    """

    def __init__(
        self,
        network: nn.Sequential,
        max_rows: int,
        loss: Loss,
        *,
        n_inputs: int,
        n_outputs: int,
        weighed: bool = False,
    ) -> None:
        self.network, self.loss = network, loss
        # The activation is called only where it changes anything.
        own, activation = network
        is_plain = loss.from_sums or isinstance(activation, nn.Identity)
        self.forward: nn.Module = own if is_plain else network
        learnable = [each for each in network.parameters() if each.requires_grad]
        # Autograd adds to a gradient that is there, and keeps its memory.
        self.parameters, self.gradient = lay_out(learnable)
        new = self.parameters.new_empty
        self._inputs, self._weights = new(max_rows, n_inputs), new(max_rows, 1) if weighed else None
        self._targets, self._outputs, self._scratch = (new(max_rows, n_outputs) for _ in range(3))
        self._batches: dict[int, AutogradBatch] = {}
        # The user's code may have left some of its modules in evaluation mode.
        network.train()

    def zeros(self) -> Tensor:
        """Return what the sums of the batches' losses are added to."""
        return self.loss.zeros(self._targets.shape[1]).to(self.parameters.device)

    def batch(self, n_rows: int) -> "AutogradBatch":
        """Return the memory for a batch of this many samples: the same one each time."""
        if n_rows not in self._batches:
            rows = slice(n_rows)
            weights = None if self._weights is None else self._weights[rows]
            memory = BatchMemory(
                self._outputs[rows], self._targets[rows], self._scratch[rows], weights
            )
            self._batches[n_rows] = AutogradBatch(self, self._inputs[rows], memory)
        return self._batches[n_rows]


class AutogradBatch:
    """The memory for a number of samples; `inputs`, `targets` and `weights` are to be filled.

    All is as in `backpropagation.Batch`.
    """

    def __init__(self, autograd: Autograd, inputs: Tensor, memory: BatchMemory) -> None:
        self.inputs, self.targets, self.weights = inputs, memory.targets, memory.weights
        self._autograd, self._memory = autograd, memory
        self._loss = autograd.loss.bind(memory)

    @torch.no_grad()
    def predict(self) -> Tensor:
        """Return the outputs for the inputs in evaluation mode, in memory that is used again."""
        self._set_mode(training=False)
        self._keep(self._autograd.forward(self.inputs))
        return self._memory.outputs

    @torch.no_grad()
    def measure(self) -> Tensor:
        """Return the sums of the loss by output, in evaluation mode."""
        self.predict()
        return self._loss.measure()

    def backpropagate(self) -> Tensor:
        """Compute the gradient of the mean loss, in training mode; return the sums of it."""
        self._set_mode(training=True)
        outputs = self._autograd.forward(self.inputs)
        self._keep(outputs)
        sums = self._loss.backpropagate()
        self._autograd.gradient.zero_()
        outputs.backward(self._memory.gradient)
        return sums

    def _keep(self, outputs: Tensor) -> None:
        """Copy the outputs into the memory that the loss looks at."""
        if outputs.shape != self._memory.outputs.shape:
            expected = tuple(self._memory.outputs.shape)
            raise ValueError(f"the network's outputs are {tuple(outputs.shape)}, not {expected}")
        self._memory.outputs.copy_(outputs.detach())

    def _set_mode(self, *, training: bool) -> None:
        # To look is faster than to tell each module anew.
        if self._autograd.network.training != training:
            self._autograd.network.train(training)
