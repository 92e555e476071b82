"""The optimizers: torch's classes to the last bit, and no compiler loaded for them."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn

from twostep.optimizers import EPSILON, OPTIMIZERS, Optimizer

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
INPUTS, TARGETS = torch.rand(2, 32, 3, generator=torch.Generator().manual_seed(1))


def update(network: nn.Module, optimizer) -> None:
    optimizer.zero_grad()
    nn.functional.mse_loss(network(INPUTS), TARGETS).backward()
    optimizer.step()


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3))


def assert_same(first: nn.Module, second: nn.Module) -> None:
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_class(name):
    ours, theirs = network(), network()
    optimizer = Optimizer(name, ours.parameters(), **RATES)
    reference = CLASSES[name](theirs.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(5):
        update(ours, optimizer)
        update(theirs, reference)
        assert_same(ours, theirs)
    assert not torch.equal(next(ours.parameters()), next(network().parameters()))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_another_one_goes_on_from_its_state(name):
    first = network()
    optimizer = Optimizer(name, first.parameters(), **RATES)
    update(first, optimizer)
    second, state = copy.deepcopy(first), copy.deepcopy(optimizer.state())
    resumed = Optimizer(name, second.parameters(), **RATES)
    resumed.restore(state)
    for _ in range(3):
        update(first, optimizer)
        update(second, resumed)
    assert_same(first, second)


def test_training_does_not_load_the_compiler():
    script = (
        "import sys; from twostep.training import warm_up; warm_up(); "
        "print('torch._dynamo' in sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip() == "False"
