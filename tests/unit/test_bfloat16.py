"""Trainings with large products in bfloat16: what is rounded, and what is not.

None of this needs a processor with instructions for it: others compute the same more slowly.
"""

import copy

import pytest
import torch

from twostep.training.backpropagation import SQUARED_ERRORS, Backpropagation
from twostep.training.bfloat16 import (
    FEWEST_MULTIPLICATIONS,
    RoundedBackpropagation,
    RoundedNetworks,
    is_rounded,
)
from twostep.training.configuration import Configuration
from twostep.training.network import ACTIVATIONS, build_network
from twostep.training.precision import BFLOAT16, FLOAT32, fully_connected
from twostep.training.train import FULLY_CONNECTED, Budget, Tensors, train
from twostep.trials.trainer import make_trainer
from twostep.util.errors import UserError

N_INPUTS, N_OUTPUTS, N_ROWS = 32, 4, 512
# With so many rows the second and the third layer are large, and the others are not.
WIDTHS = (128, 128, 128)
# Half the distance of neighbouring numbers of bfloat16, relative to them.
ROUNDING = 2.0**-9


def network(activation="relu", dropout=0.0, widths=WIDTHS):
    torch.manual_seed(1)
    configuration = Configuration(widths, 1e-3, N_ROWS, activation, "adam", 0.0, dropout)
    return build_network(configuration, N_INPUTS, N_OUTPUTS, "linear")


def samples(n_rows=N_ROWS):
    generator = torch.Generator().manual_seed(n_rows)
    return (
        torch.randn(n_rows, N_INPUTS, generator=generator),
        torch.rand(n_rows, N_OUTPUTS, generator=generator),
    )


def filled(backpropagation, inputs, targets):
    batch = backpropagation.batch(len(inputs))
    batch.inputs.copy_(inputs)
    batch.targets.copy_(targets)
    return batch


def rounded(tensor):
    return tensor.to(torch.bfloat16).to(torch.float32)


def test_which_layers_are_large():
    assert is_rounded(N_ROWS, 128, 128) and not is_rounded(N_ROWS - 1, 128, 128)
    assert N_ROWS * 128 * 128 == FEWEST_MULTIPLICATIONS


def test_operands_and_results_of_large_layers_are_rounded_and_nothing_else():
    ours = network()
    inputs, targets = samples()
    predicted = filled(RoundedBackpropagation(ours, 1024, SQUARED_ERRORS), inputs, targets)
    predicted = predicted.predict()
    first, _, second, _, third, _, last, _ = ours
    outputs = torch.relu(first(inputs))
    for layer in (second, third):
        sums = rounded(rounded(outputs) @ rounded(layer.weight).T)
        outputs = torch.relu(sums + layer.bias)
    # The order of additions may move a few sums across the border of two numbers of bfloat16.
    error = (predicted - last(outputs)).abs()
    assert error.mean() < 0.1 * ROUNDING * predicted.abs().mean()
    exact = ours(inputs)
    assert (predicted - exact).abs().mean() > 0.1 * ROUNDING * predicted.abs().mean()


@pytest.mark.parametrize("dropout", [0.0, 0.25])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_those_of_float32_but_for_the_rounding(activation, dropout):
    found = []
    for kind in (Backpropagation, RoundedBackpropagation):
        ours = network(activation, dropout)
        backpropagation = kind(ours, 1024, SQUARED_ERRORS)
        for n_rows in (N_ROWS, 40, N_ROWS):  # the last batch of an epoch is a smaller one
            torch.manual_seed(2)
            squares = filled(backpropagation, *samples(n_rows)).backpropagate()
        found.append([squares, *(parameter.grad for parameter in ours.parameters())])
    for exact, close in zip(*found, strict=True):
        # Units at the edge of ReLU are switched by it, too.
        assert (close - exact).norm() < 50 * ROUNDING * exact.norm()
        assert not torch.equal(close, exact)


def test_each_update_counts_however_small():
    """The parameters themselves are float32: bfloat16 would lose a step of a thousandth of them."""
    ours = network()
    backpropagation = RoundedBackpropagation(ours, 1024, SQUARED_ERRORS)
    batch = filled(backpropagation, *samples())
    before = batch.predict().clone()
    assert torch.equal(batch.predict(), before)
    with torch.no_grad():
        for _ in range(8):
            backpropagation.parameters.mul_(1 + ROUNDING / 4)
    assert not torch.equal(batch.predict(), before)
    assert {parameter.dtype for parameter in ours.parameters()} == {torch.float32}


def test_the_output_layer_and_small_layers_are_float32():
    inputs, targets = samples()[0], torch.rand(N_ROWS, 1024)
    torch.manual_seed(1)
    configuration = Configuration((64,), 1e-3, N_ROWS, "relu", "adam", 0.0, 0.0)
    ours = build_network(configuration, N_INPUTS, 1024, "linear")
    assert is_rounded(N_ROWS, 64, 1024)
    theirs = copy.deepcopy(ours)
    squares = [
        filled(kind(each, 1024, SQUARED_ERRORS), inputs, targets).backpropagate()
        for kind, each in ((RoundedBackpropagation, ours), (Backpropagation, theirs))
    ]
    assert torch.equal(*squares)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)


def trained(widths, networks, **budget):
    inputs, targets = samples(2000)
    targets = torch.sigmoid(inputs[:, :N_OUTPUTS])
    data = Tensors(inputs[:1500], targets[:1500], inputs[1500:], targets[1500:])
    configuration = Configuration(widths, 1e-3, N_ROWS, "relu", "adam", 0.0, 0.0)
    return train(
        configuration,
        data,
        Budget(**budget),
        output_activation="sigmoid",
        seed=1,
        networks=networks,
    )


def test_a_training_ends_where_that_in_float32_ends():
    exact, close, again = (
        trained(WIDTHS, networks, max_epochs=15)
        for networks in (FULLY_CONNECTED, RoundedNetworks(), RoundedNetworks())
    )
    assert close.val_loss == again.val_loss != exact.val_loss
    assert exact.val_loss[-1] < exact.val_loss[0] / 3
    assert close.val_loss == pytest.approx(exact.val_loss, rel=0.05)
    assert {tensor.dtype for tensor in close.weights.values()} == {torch.float32}


def test_a_network_of_small_layers_is_trained_as_in_float32():
    exact, close = (
        trained((64, 32), networks, max_epochs=3)
        for networks in (FULLY_CONNECTED, RoundedNetworks())
    )
    assert exact.val_loss == close.val_loss
    assert all(torch.equal(tensor, close.weights[name]) for name, tensor in exact.weights.items())


def test_a_processor_without_it_is_named_before_any_data_are_read(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert fully_connected(FLOAT32) is FULLY_CONNECTED
    with pytest.raises(UserError, match="has neither AVX512_BF16 nor AMX") as error:
        make_trainer(
            "nowhere.json",
            budget={},
            output_activation="linear",
            objective={},
            study_seed=1,
            n_gpus=0,
            threads=1,
            precision=BFLOAT16,
        )
    assert "set search.precision to float32" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("known", ["avx512_bf16", "amx_bf16"])
def test_a_processor_with_it(monkeypatch, known):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {known: True})
    assert isinstance(fully_connected(BFLOAT16), RoundedNetworks)
