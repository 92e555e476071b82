"""The optimizers: torch's classes to the last bit, and no compiler loaded for them."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from twostep.training.configuration import Configuration
from twostep.training.optimizers import EPSILON, OPTIMIZERS, Optimizer

CLASSES = {
    "adam": lambda parameters, **rates: torch.optim.Adam(
        parameters, eps=EPSILON, fused=True, **rates
    ),
    "adamw": lambda parameters, **rates: torch.optim.AdamW(
        parameters, eps=EPSILON, fused=True, **rates
    ),
    "sgd": lambda parameters, **rates: torch.optim.SGD(parameters, fused=True, **rates),
    "rmsprop": lambda parameters, **rates: torch.optim.RMSprop(parameters, eps=EPSILON, **rates),
}
# Settings of ours beside the names that torch has for them; those of an optimizer's own.
SETTINGS = {
    "adam": ({"beta1": 0.8, "beta2": 0.95}, {"betas": (0.8, 0.95)}),
    "adamw": ({"beta1": 0.8, "beta2": 0.95}, {"betas": (0.8, 0.95)}),
    "sgd": ({"momentum": 0.9}, {"momentum": 0.9}),
    "rmsprop": ({}, {}),
}
N = 35


def gradients():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(N, generator=generator) for _ in range(5)]


def parameters() -> Tensor:
    return torch.linspace(-1, 1, N)


def make(name, values, gradient, **settings) -> Optimizer:
    weight_decay = settings.pop("weight_decay", 0.1)
    configuration = Configuration((1,), 0.01, 1, "relu", name, weight_decay, 0.0, **settings)
    return Optimizer(configuration, values, gradient)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("is_default", [True, False])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_class(name, weight_decay, is_default):
    ours, theirs, gradient = parameters(), nn.Parameter(parameters()), torch.empty(N)
    settings, of_class = ({}, {}) if is_default else SETTINGS[name]
    optimizer = make(name, ours, gradient, weight_decay=weight_decay, **settings)
    reference = CLASSES[name]([theirs], lr=0.01, weight_decay=weight_decay, **of_class)
    for step, values in enumerate(gradients()):
        gradient.copy_(values)
        # As a schedule does.
        rate = reference.param_groups[0]["lr"] = 0.01 / (1 + step)
        optimizer.change_rate(rate)
        optimizer.step()
        theirs.grad = values.clone()
        reference.step()
        assert torch.equal(ours, theirs)
    assert not torch.equal(ours, parameters())
    buffer = reference.state[theirs].get("momentum_buffer")
    if buffer is not None:
        assert torch.equal(optimizer.state()["first"], buffer)


@pytest.mark.parametrize("most", [0.5, 5.0, 50.0])
def test_the_gradient_is_cut_as_torch_cuts_it(most):
    ours, theirs, gradient = parameters(), nn.Parameter(parameters()), torch.empty(N)
    optimizer = make("sgd", ours, gradient, max_gradient_norm=most, weight_decay=0.0)
    reference = CLASSES["sgd"]([theirs], lr=0.01)
    for values in gradients():
        gradient.copy_(values)
        optimizer.step()
        theirs.grad = values.clone()
        norm = nn.utils.clip_grad_norm_([theirs], most)
        reference.step()
        assert torch.equal(ours, theirs)
        assert gradient.norm() <= most and torch.equal(gradient, values) == bool(norm < most)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_another_one_goes_on_from_its_state(name):
    first, gradient = parameters(), torch.empty(N)
    settings = SETTINGS[name][0]
    optimizer = make(name, first, gradient, **settings)
    gradient.copy_(gradients()[0])
    optimizer.step()
    second, state = first.clone(), copy.deepcopy(optimizer.state())
    resumed = make(name, second, gradient, **settings)
    resumed.restore(state)
    for values in gradients()[1:]:
        gradient.copy_(values)
        optimizer.step()
        resumed.step()
    assert torch.equal(first, second)


def test_training_does_not_load_the_compiler():
    script = (
        "import sys; from twostep.training.warm_up import warm_up; warm_up(); "
        "print('torch._dynamo' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == "False"
