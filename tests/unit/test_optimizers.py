"""The optimizers: torch's classes to the last bit, and no compiler loaded for them."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

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
RATES = {"learning_rate": 0.01, "weight_decay": 0.1}
N = 35


def gradients():
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(N, generator=generator) for _ in range(5)]


def parameters() -> Tensor:
    return torch.linspace(-1, 1, N)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_class(name, weight_decay):
    ours, theirs, gradient = parameters(), nn.Parameter(parameters()), torch.empty(N)
    optimizer = Optimizer(name, ours, gradient, learning_rate=0.01, weight_decay=weight_decay)
    reference = CLASSES[name]([theirs], lr=0.01, weight_decay=weight_decay)
    for values in gradients():
        gradient.copy_(values)
        optimizer.step()
        theirs.grad = values.clone()
        reference.step()
        assert torch.equal(ours, theirs)
    assert not torch.equal(ours, parameters())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_another_one_goes_on_from_its_state(name):
    first, gradient = parameters(), torch.empty(N)
    optimizer = Optimizer(name, first, gradient, **RATES)
    gradient.copy_(gradients()[0])
    optimizer.step()
    second, state = first.clone(), copy.deepcopy(optimizer.state())
    resumed = Optimizer(name, second, gradient, **RATES)
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
