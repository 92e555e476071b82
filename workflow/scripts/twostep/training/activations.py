"""The activation functions of networks, for autograd as modules and for memory that exists."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

aten = torch.ops.aten


@dataclass(frozen=True)
class Activation:
    """What torch computes for a module, in place.

    `forward(sums, outputs)` fills `outputs`. `backward(gradient, kept)` turns the gradient by the
    outputs into that by the sums; `kept` are the sums if `keeps_sums`, else the outputs, which
    then take the place of the sums. All are (n_rows, n_units).
    """

    forward: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor], object]
    keeps_sums: bool = False


IN_PLACE = {
    nn.Identity: Activation(lambda z, y: y, lambda g, y: g),
    nn.ReLU: Activation(
        lambda z, y: torch.relu_(y),
        lambda g, y: aten.threshold_backward.grad_input(g, y, 0, grad_input=g),
    ),
    nn.ELU: Activation(
        lambda z, y: nn.functional.elu_(y),
        lambda g, y: aten.elu_backward.grad_input(g, 1, 1, 1, True, y, grad_input=g),
    ),
    nn.GELU: Activation(
        lambda z, y: aten.gelu.out(z, out=y),
        lambda g, z: aten.gelu_backward.grad_input(g, z, grad_input=g),
        keeps_sums=True,
    ),
    nn.SiLU: Activation(
        lambda z, y: aten.silu.out(z, out=y),
        lambda g, z: aten.silu_backward.grad_input(g, z, grad_input=g),
        keeps_sums=True,
    ),
    nn.Tanh: Activation(
        lambda z, y: torch.tanh_(y),
        lambda g, y: aten.tanh_backward.grad_input(g, y, grad_input=g),
    ),
    nn.LeakyReLU: Activation(
        lambda z, y: nn.functional.leaky_relu_(y),
        lambda g, y: aten.leaky_relu_backward.grad_input(g, y, 0.01, True, grad_input=g),
    ),
    nn.Sigmoid: Activation(
        lambda z, y: torch.sigmoid_(y),
        lambda g, y: aten.sigmoid_backward.grad_input(g, y, grad_input=g),
    ),
}
