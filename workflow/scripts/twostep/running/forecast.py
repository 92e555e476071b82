"""The cost of a study before it is paid: a few updates are timed, the rest is predicted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.optimize import nnls

from twostep.running.resources import updates_and_epochs
from twostep.training.backpropagation import SQUARED_ERRORS, Loss
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.train import (
    CPU,
    FULLY_CONNECTED,
    Budget,
    Networks,
    Tensors,
    Training,
    train,
)

# Configurations that are timed, and processor seconds for each of them, at least two updates.
N_TIMED = 16
SECONDS_PER_TIMING = 1.0


@dataclass(frozen=True)
class Sizes:
    """The number of columns, and of samples in the training and the validation split.

    `own` are the sizes of networks of the user's own, by configuration.
    """

    n_inputs: int
    n_outputs: int
    n_train: int
    n_validation: int
    own: Mapping[Configuration, NetworkSize] = field(default_factory=dict)

    def network(self, configuration: Configuration) -> NetworkSize:
        """Return the size of the network of a configuration."""
        if configuration.hyperparameters is not None:
            return self.own[configuration]
        return NetworkSize(
            configuration.count_parameters(self.n_inputs, self.n_outputs),
            configuration.count_operations(self.n_inputs, self.n_outputs),
        )


@dataclass(frozen=True)
class Speed:
    """What the parts of a training take on this machine, as coefficients of a linear model.

    It is that of one precision. An update takes `update` times (1, hidden layers, operations of a
    batch, parameters) and a validation `validation` times (1, hidden layers, operations of all its
    samples), in seconds.
    """

    update: np.ndarray
    validation: np.ndarray

    def trial_seconds(self, configuration: Configuration, budget: dict, sizes: Sizes) -> float:
        """Predict the processor seconds of a trial that no patience ends before its limits."""
        updates, epochs = updates_and_epochs(configuration, budget, sizes.n_train)
        return float(
            updates * (_update_terms(configuration, sizes) @ self.update)
            + epochs * (_validation_terms(configuration, sizes) @ self.validation)
        )


def measure_speed(
    configurations: list[Configuration],
    data: Tensors,
    *,
    output_activation: str,
    loss: Loss = SQUARED_ERRORS,
    device: torch.device = CPU,
    progress: Callable[[int, int], None] = lambda done, of: None,
    networks: Networks = FULLY_CONNECTED,
    own: Mapping[Configuration, NetworkSize] | None = None,
) -> Speed:
    """Time some of the configurations, spread over all their sizes, on these data.

    `progress` is told how many of them have been timed, and of how many. `networks` and their sizes
    `own` are those of the user's own.
    """
    sizes = Sizes(
        data.training_inputs.shape[1],
        data.training_targets.shape[1],
        len(data.training_inputs),
        len(data.validation_inputs),
        own or {},
    )
    chosen = choose_spread(configurations, sizes)
    updates, validations = [], []
    for configuration in chosen:
        timed = _time(configuration, data, output_activation, loss, device, networks)
        updates.append(timed.train_cpu_seconds / timed.updates)
        validations.append(timed.validation_cpu_seconds / timed.epochs)
        progress(len(updates), len(chosen))
    return Speed(
        fit([_update_terms(configuration, sizes) for configuration in chosen], updates),
        fit([_validation_terms(configuration, sizes) for configuration in chosen], validations),
    )


def choose_spread(configurations: list[Configuration], sizes: Sizes) -> list[Configuration]:
    """Return the smallest, the largest and others between them, evenly spread over the ranks."""
    ordered = sorted(configurations, key=lambda configuration: _batch_work(configuration, sizes))
    ranks = np.unique(np.linspace(0, len(ordered) - 1, N_TIMED).round().astype(int))
    return [ordered[rank] for rank in ranks]


def fit(terms: list[np.ndarray], seconds: list[float]) -> np.ndarray:
    """Return the coefficients, none negative, with the least squares of relative deviations."""
    matrix, measured = np.array(terms), np.array(seconds)
    # Columns of one size, for the sake of the solver; rows so that each deviation is relative.
    scale = matrix.max(axis=0)
    coefficients, _ = nnls(matrix / scale / measured[:, None], np.ones(len(measured)))
    return coefficients / scale


def _time(
    configuration: Configuration,
    data: Tensors,
    output_activation: str,
    loss: Loss,
    device: torch.device,
    networks: Networks,
) -> Training:
    """Train a configuration for a few updates."""

    def timed(n_updates: int) -> Training:
        budget = Budget(max_updates=n_updates)
        return train(
            configuration,
            data,
            budget,
            output_activation=output_activation,
            seed=0,
            device=device,
            loss=loss,
            networks=networks,
        )

    # The first updates of a network are slower than the rest: they only tell how many to time.
    first = timed(2)
    seconds = (first.train_cpu_seconds + first.validation_cpu_seconds) / 2
    n_updates = int(SECONDS_PER_TIMING / max(seconds, 1e-4))
    return timed(n_updates) if n_updates > 2 else first


def _batch_work(configuration: Configuration, sizes: Sizes) -> int:
    rows = min(configuration.batch_size, sizes.n_train)
    return rows * sizes.network(configuration).n_operations


def _update_terms(configuration: Configuration, sizes: Sizes) -> np.ndarray:
    n_parameters = sizes.network(configuration).n_parameters
    n_layers = _count_layers(configuration)
    return np.array([1.0, n_layers, _batch_work(configuration, sizes), n_parameters])


def _validation_terms(configuration: Configuration, sizes: Sizes) -> np.ndarray:
    n_operations = sizes.network(configuration).n_operations
    return np.array([1.0, _count_layers(configuration), sizes.n_validation * n_operations])


def _count_layers(configuration: Configuration) -> int:
    """Return the number of hidden layers; 1 for a network of the user's own, as nobody knows it."""
    return max(1, len(configuration.hidden_widths))
