"""The trainer: stopping rules, reproducibility, and what is recorded."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from twostep.training import train as training_module
from twostep.training.backpropagation import Backpropagation
from twostep.training.configuration import Configuration
from twostep.training.network import ACTIVATIONS, build_network
from twostep.training.optimizers import OPTIMIZERS
from twostep.training.train import Budget, Tensors, shuffled_windows, train, validation_loss

CONFIGURATION = Configuration((16, 16), 1e-2, 32, "relu", "adam", 0.0, 0.0)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(500, 3, generator=generator)
    targets = torch.sigmoid(torch.stack([inputs[:, 0] * inputs[:, 1], inputs[:, 2]], 1))
    return Tensors(inputs[:400], targets[:400], inputs[400:], targets[400:])


def run(data, budget, configuration=CONFIGURATION, seed=1, output_activation="sigmoid"):
    return train(configuration, data, budget, output_activation=output_activation, seed=seed)


def test_training_learns_and_keeps_the_best_epochs_weights(data):
    training = run(data, Budget(max_epochs=40))
    assert training.status == "ok"
    assert training.stop_reason == "max_epochs"
    assert (training.epochs, training.updates) == (40, 40 * 13)
    assert (
        training.min_val_loss
        == min(training.val_loss)
        == training.val_loss[training.best_epoch - 1]
    )
    assert training.min_val_loss < 0.2 * data.validation_targets.var(0).mean()
    network = build_network(CONFIGURATION, 3, 2, "sigmoid")
    network.load_state_dict(training.weights)
    losses = loss_of(network, data)
    assert losses == training.val_loss_per_output
    assert math.fsum(losses) / 2 == training.min_val_loss


def loss_of(network, data):
    return validation_loss(
        Backpropagation(network, 1024), data.validation_inputs, data.validation_targets
    )


def test_validation_loss_by_hand():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Identity())
    torch.nn.init.eye_(network[0].weight)
    torch.nn.init.zeros_(network[0].bias)
    inputs = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert validation_loss(Backpropagation(network, 1024), inputs, targets) == [0.5, 2.0]
    # In chunks, of which the last one is shorter.
    many = [tensor.repeat(1500, 1) for tensor in (inputs, targets)]
    assert validation_loss(Backpropagation(network, 1024), *many) == [0.5, 2.0]


def test_patience_counts_epochs_without_improvement(data):
    training = run(data, Budget(max_epochs=1000, patience_epochs=3))
    assert training.stop_reason == "patience"
    assert training.epochs == training.best_epoch + 3
    assert len(training.val_loss) == len(training.train_loss) == training.epochs


def test_limits_in_updates(data):
    training = run(data, Budget(max_updates=20))
    assert (training.updates, training.epochs, training.stop_reason) == (20, 2, "max_updates")
    patient = run(data, Budget(max_epochs=1000, patience_updates=39))
    assert patient.epochs == patient.best_epoch + 3  # 13 updates an epoch


def test_same_seed_same_bits_and_other_seed_other_weights(data):
    budget = Budget(max_epochs=5)
    first, again, other = (run(data, budget, seed=seed) for seed in (1, 1, 2))
    assert first.val_loss == again.val_loss
    assert all(torch.equal(first.weights[name], again.weights[name]) for name in first.weights)
    assert first.val_loss != other.val_loss


def test_dropout_is_reproducible_and_off_in_validation(data):
    configuration = replace(CONFIGURATION, dropout=0.5)
    first, again = (run(data, Budget(max_epochs=3), configuration) for _ in range(2))
    assert first.val_loss == again.val_loss
    network = build_network(configuration, 3, 2, "sigmoid")
    assert loss_of(network, data) == loss_of(network, data)


def test_divergence_is_a_status_and_not_an_exception(data):
    configuration = replace(CONFIGURATION, optimizer="sgd", learning_rate=1e30)
    training = run(data, Budget(max_epochs=10), configuration, output_activation="linear")
    assert training.status == "diverged"
    assert "not finite" in training.message
    assert all(math.isfinite(loss) for loss in training.val_loss)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_optimizer_and_activation_lowers_the_loss(data, optimizer, activation):
    rate = 0.1 if optimizer == "sgd" else 1e-2
    configuration = replace(
        CONFIGURATION, optimizer=optimizer, activation=activation, learning_rate=rate
    )
    training = run(data, Budget(max_epochs=10), configuration)
    assert training.train_loss[-1] < training.train_loss[0]


def test_initialisation_is_glorot_uniform():
    torch.manual_seed(0)
    network = build_network(replace(CONFIGURATION, hidden_widths=(512,)), 256, 1, "linear")
    weights = network[0].weight.detach().numpy()
    limit = np.sqrt(6 / (256 + 512))
    assert np.abs(weights).max() <= limit
    assert abs(weights.std() - limit / np.sqrt(3)) < 0.01 * limit
    assert (network[0].bias == 0).all()


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(training_module, "SHUFFLE_WINDOW", 100)
    monkeypatch.setattr(training_module, "SHUFFLE_BLOCK", 8)


@pytest.mark.parametrize("n_samples", [99, 100, 101, 397, 400])
@pytest.mark.parametrize("batch_size", [7, 32, 100, 250])
def test_an_epoch_uses_each_sample_once_in_whole_batches(small_windows, n_samples, batch_size):
    order = torch.Generator().manual_seed(1)
    rows = torch.arange(n_samples)
    windows = [
        torch.cat([rows[block] for block in blocks])
        for blocks in shuffled_windows(n_samples, batch_size, order)
    ]
    assert sorted(torch.cat(windows).tolist()) == list(range(n_samples))
    assert all(len(window) % batch_size == 0 for window in windows[:-1])
    if n_samples <= 100:
        assert len(windows) == 1
    else:
        # Windows consist of blocks from all over the data, other ones in the next epoch.
        again = next(shuffled_windows(n_samples, batch_size, order))
        assert {block.start for block in again} != set(windows[0][::8].tolist())


def test_training_through_windows_learns_and_repeats(data, small_windows):
    training = run(data, Budget(max_epochs=40))
    assert training.updates == 40 * 13
    assert training.min_val_loss < 0.2 * data.validation_targets.var(0).mean()
    assert run(data, Budget(max_epochs=40)).val_loss == training.val_loss
