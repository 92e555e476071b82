"""Optimizers: torch's own update rules, called without the classes around them.

The first step of a `torch.optim` object loads torch's compiler, which compiles nothing here: two
processor seconds in every job. And what the classes, or the functions below them, check in each
step takes longer than the update of a small network.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from twostep.training.configuration import Configuration
from twostep.training.recorded import Recorded

# ASSUME: Keras's epsilon for the adaptive optimisers, since the paper trained with Keras.
EPSILON = 1e-7
# Torch's own, which keeps a gradient of 0 from being divided by 0 when it is clipped.
CLIPPING_EPSILON = 1e-6


class Optimizer:
    """The optimizer that a configuration names.

    A step updates `parameters` (n,) by `gradient` (n,), which hold the same memory each time, and
    cuts the gradient before. The learning rate may be changed between steps; it and the weight
    decay act per update. It gives, to the last bit, what the class of `torch.optim` gives with
    these settings, `eps` = 1e-7 and, where there is one, the fused implementation.

    On a GPU the learning rate is in its memory, so that a step can be recorded and repeated.
    """

    def __init__(self, configuration: Configuration, parameters: Tensor, gradient: Tensor) -> None:
        self.settings, self.parameters, self.gradient = configuration, parameters, gradient
        self.learning_rate: float | Tensor = configuration.learning_rate
        if parameters.is_cuda:
            self.learning_rate = parameters.new_tensor(configuration.learning_rate)
        self.first_moment, self.second_moment = parameters.new_zeros(2, len(parameters))
        self.n_steps = parameters.new_zeros(())
        most = configuration.max_gradient_norm
        limits = [most, CLIPPING_EPSILON, 1.0]
        self._clipping = None if most is None else gradient.new_tensor(limits).unbind()
        self._update = OPTIMIZERS[configuration.optimizer]

    def change_rate(self, learning_rate: float) -> None:
        """Set the learning rate of the steps that follow."""
        if isinstance(self.learning_rate, Tensor):
            self.learning_rate.fill_(learning_rate)
        else:
            self.learning_rate = learning_rate

    def step(self) -> None:
        """Update the parameters."""
        if self._clipping is not None:
            _clip(self.gradient, *self._clipping)
        self._update(self)

    def state(self) -> dict[str, Tensor]:
        """Return what the next step depends on beside the parameters; it changes with each step."""
        return {"first": self.first_moment, "second": self.second_moment, "steps": self.n_steps}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


class RecordedSteps:
    """The steps of an optimizer on a GPU, each asked for as one operation."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.change_rate, self.step = optimizer.change_rate, Recorded(optimizer.step)


def _clip(gradient: Tensor, most: Tensor, epsilon: Tensor, one: Tensor) -> None:
    """Cut the norm of a gradient (n,), as torch's `clip_grad_norm_` does for one tensor.

    `most`, `epsilon` and `one` are tensors (), because a mere number makes each operation several
    times as long.
    """
    share = torch.linalg.vector_norm(gradient).add_(epsilon).reciprocal_().mul_(most)
    gradient.mul_(torch.minimum(share, one))


def _adam(optimizer: Optimizer, update: Callable[..., object] = torch._fused_adam_) -> None:
    optimizer.n_steps.add_(1)
    update(
        [optimizer.parameters],
        [optimizer.gradient],
        [optimizer.first_moment],
        [optimizer.second_moment],
        [],
        [optimizer.n_steps],
        lr=optimizer.learning_rate,
        beta1=optimizer.settings.beta1,
        beta2=optimizer.settings.beta2,
        weight_decay=optimizer.settings.weight_decay,
        eps=EPSILON,
        amsgrad=False,
        maximize=False,
    )


def _adamw(optimizer: Optimizer) -> None:
    _adam(optimizer, torch._fused_adamw_)


def _sgd(optimizer: Optimizer) -> None:
    momentum = optimizer.settings.momentum
    torch._fused_sgd_(
        [optimizer.parameters],
        [optimizer.gradient],
        [optimizer.first_moment] if momentum else [],
        lr=optimizer.learning_rate,
        weight_decay=optimizer.settings.weight_decay,
        momentum=momentum,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        # The buffer of zeros makes of the first step what torch makes of it without one.
        is_first_step=False,
    )


def _rmsprop(optimizer: Optimizer) -> None:
    parameters, gradient = optimizer.parameters, optimizer.gradient
    if optimizer.settings.weight_decay:
        gradient = gradient.add(parameters, alpha=optimizer.settings.weight_decay)
    optimizer.second_moment.mul_(0.99).addcmul_(gradient, gradient, value=1 - 0.99)
    # There is no first moment: its memory serves for the root.
    root = torch.sqrt(optimizer.second_moment, out=optimizer.first_moment).add_(EPSILON)
    rate = optimizer.learning_rate
    if isinstance(rate, Tensor):
        parameters.sub_(torch.div(gradient, root, out=root).mul_(rate))
    else:
        parameters.addcdiv_(gradient, root, value=-rate)


OPTIMIZERS = {"adam": _adam, "adamw": _adamw, "sgd": _sgd, "rmsprop": _rmsprop}
