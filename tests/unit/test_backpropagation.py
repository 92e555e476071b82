"""Gradients by backpropagation written out are those of automatic differentiation."""

import copy

import pytest
import torch
from torch import nn

from twostep.training.activations import IN_PLACE
from twostep.training.backpropagation import Backpropagation
from twostep.training.configuration import Configuration
from twostep.training.network import ACTIVATIONS, OUTPUT_ACTIVATIONS, build_network

N_INPUTS, N_OUTPUTS = 5, 3
# Those of the mean squared error.
OF_NUMBERS = ("sigmoid", "linear")


def network(activation="relu", output_activation="sigmoid", dropout=0.0, widths=(16, 1, 24)):
    torch.manual_seed(1)
    configuration = Configuration(widths, 1e-3, 32, activation, "adam", 0.0, dropout)
    built = build_network(configuration, N_INPUTS, N_OUTPUTS, output_activation)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return built


def samples(n_rows):
    generator = torch.Generator().manual_seed(n_rows)
    return (
        torch.randn(n_rows, N_INPUTS, generator=generator),
        torch.rand(n_rows, N_OUTPUTS, generator=generator),
    )


def fill(batch, inputs, targets):
    batch.inputs.copy_(inputs)
    batch.targets.copy_(targets)
    return batch


def assert_same_gradient(ours: nn.Module, theirs: nn.Module) -> None:
    scale = max(parameter.grad.abs().max().item() for parameter in theirs.parameters())
    assert scale > 0
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6 * scale)


def test_all_activations_are_known():
    modules = {*ACTIVATIONS.values(), *(OUTPUT_ACTIVATIONS[name] for name in OF_NUMBERS)}
    assert modules == set(IN_PLACE)


@pytest.mark.parametrize("output_activation", OF_NUMBERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_and_loss_are_those_of_autograd(activation, output_activation):
    ours = network(activation, output_activation)
    theirs = copy.deepcopy(ours)
    backpropagation = Backpropagation(ours, 50)
    for n_rows in (50, 7, 1, 50):  # the last batch of an epoch is a smaller one
        inputs, targets = samples(n_rows)
        squares = fill(backpropagation.batch(n_rows), inputs, targets).backpropagate()
        theirs.zero_grad()
        loss = nn.functional.mse_loss(theirs(inputs), targets)
        loss.backward()
        assert squares.item() / targets.numel() == pytest.approx(loss.item(), rel=1e-5)
        assert_same_gradient(ours, theirs)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predictions_are_those_of_the_network(activation):
    ours = network(activation, dropout=0.5)
    theirs = copy.deepcopy(ours).eval()
    inputs, targets = samples(20)
    predicted = fill(Backpropagation(ours, 50).batch(20), inputs, targets).predict()
    torch.testing.assert_close(predicted, theirs(inputs).detach())


class Factors(nn.Module):
    """Dropout with factors that are given."""

    def __init__(self, factors):
        super().__init__()
        self.factors = factors

    def forward(self, inputs):
        return inputs * self.factors


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_with_dropout_are_those_of_autograd_with_the_same_units_dropped(activation):
    ours = network(activation, dropout=0.25, widths=(16, 24))
    theirs = copy.deepcopy(ours)
    inputs, targets = samples(40)
    batch = fill(Backpropagation(ours, 40).batch(40), inputs, targets)
    batch.backpropagate()
    factors = [step._factors.clone() for step in batch._forward[:2]]
    theirs[2], theirs[5] = map(Factors, factors)
    nn.functional.mse_loss(theirs(inputs), targets).backward()
    assert_same_gradient(ours, theirs)
    for drawn in factors:
        assert drawn.unique().tolist() == [0.0, pytest.approx(4 / 3)]
        assert (drawn == 0).float().mean().item() == pytest.approx(0.25, abs=0.06)
    batch.backpropagate()
    assert not torch.equal(factors[0], batch._forward[0]._factors)


def test_parameters_of_the_network_are_views():
    ours = network()
    before = copy.deepcopy(ours.state_dict())
    backpropagation = Backpropagation(ours, 10)
    for name, tensor in ours.state_dict().items():
        assert torch.equal(tensor, before[name])
    n_parameters = sum(tensor.numel() for tensor in before.values())
    assert len(backpropagation.parameters) == len(backpropagation.gradient) == n_parameters
    backpropagation.parameters.fill_(2.0)
    assert all((tensor == 2).all() for tensor in ours.state_dict().values())
