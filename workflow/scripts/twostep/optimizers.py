"""Optimizers: torch's own update rules, called without the classes around them.

The first step of a `torch.optim` object loads torch's compiler, which compiles nothing here: two
processor seconds in every job, as much as thousands of updates of a small network.
"""

from collections.abc import Iterable
from functools import partial

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

# ASSUME: Keras's epsilon for the adaptive optimisers, since the paper trained with Keras.
EPSILON = 1e-7


class Optimizer:
    """Torch's optimizer of a name in `OPTIMIZERS` over some parameters, with its default settings.

    `learning_rate` and `weight_decay` act per update. A step gives, to the last bit, what the class
    of `torch.optim` gives with `eps` = 1e-7 and, where there is one, the fused implementation.
    """

    def __init__(
        self,
        name: str,
        parameters: Iterable[Tensor],
        *,
        learning_rate: float,
        weight_decay: float,
    ) -> None:
        self._parameters = list(parameters)
        self._update = partial(OPTIMIZERS[name], lr=learning_rate, weight_decay=weight_decay)
        self._first, self._second = (
            [torch.zeros_like(parameter) for parameter in self._parameters] for _ in range(2)
        )
        self._steps = [
            torch.zeros((), dtype=torch.float32, device=parameter.device)
            for parameter in self._parameters
        ]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Update the parameters by their gradients."""
        gradients = [parameter.grad for parameter in self._parameters]
        self._update(self._parameters, gradients, self._first, self._second, self._steps)

    def state(self) -> dict[str, list[Tensor]]:
        """Return what the next step depends on beside the parameters; it changes with each step."""
        return {"first": self._first, "second": self._second, "steps": self._steps}

    def restore(self, state: dict[str, list[Tensor]]) -> None:
        """Go on from what `state` returned."""
        for name, tensors in self.state().items():
            for tensor, kept in zip(tensors, state[name], strict=True):
                tensor.copy_(kept)


def _adam(parameters, gradients, first, second, steps, *, decoupled, **rates) -> None:
    adam(
        parameters,
        gradients,
        exp_avgs=first,
        exp_avg_sqs=second,
        max_exp_avg_sqs=[],
        state_steps=steps,
        fused=True,
        decoupled_weight_decay=decoupled,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        eps=EPSILON,
        maximize=False,
        **rates,
    )


def _rmsprop(parameters, gradients, _first, second, steps, **rates) -> None:
    rmsprop(
        parameters,
        gradients,
        square_avgs=second,
        grad_avgs=[],
        momentum_buffer_list=[],
        state_steps=steps,
        alpha=0.99,
        eps=EPSILON,
        momentum=0.0,
        centered=False,
        **rates,
    )


def _sgd(parameters, gradients, _first, _second, _steps, **rates) -> None:
    sgd(
        parameters,
        gradients,
        momentum_buffer_list=[None] * len(parameters),
        fused=True,
        momentum=0.0,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        **rates,
    )


OPTIMIZERS = {
    "adam": partial(_adam, decoupled=False),
    "adamw": partial(_adam, decoupled=True),
    "sgd": _sgd,
    "rmsprop": _rmsprop,
}
