"""Policies of a search, made of stages whose trainings are columns of a matrix."""

from dataclasses import dataclass

import numpy as np

from matrix.load import Trained

# The two costs of a training: processor seconds, and samples x epochs x learnable parameters.
COSTS = ("seconds", "work")


@dataclass(frozen=True)
class Stage:
    """One training of the trials that are left, after which only some go on.

    `losses` (n_trials,) order them, and `costs` (2, n_trials) are what each takes, as COSTS says.
    `share` is the share of all trials that go on.
    """

    losses: np.ndarray
    costs: np.ndarray
    share: float


@dataclass(frozen=True)
class Policy:
    """Stages, then the training on all data of what is left, which chooses the winner."""

    stages: tuple[Stage, ...]
    last: Stage


@dataclass(frozen=True)
class Brackets:
    """Several policies side by side, each with a share of the trials to itself."""

    parts: tuple[tuple[float, Policy], ...]


def costs_of(column: Trained, share: float = 1.0) -> np.ndarray:
    """Return what each trial of a column takes, (2, n_trials), or a share of it."""
    return np.array([column.seconds, column.work]) * share


def training(column: Trained, share: float) -> Stage:
    """Return the stage that trains each trial as a column did, to its end."""
    return Stage(column.losses, costs_of(column), share)


def last_training(column: Trained, *, epochs_before: int = 0) -> Stage:
    """Return the training on all data, of which some epochs may be done already."""
    left = 1 - epochs_before / column.epochs
    return Stage(column.all_losses, costs_of(column, left), 0.0)


def first_epochs(column: Trained, epochs: int, share: float, *, epochs_before: int = 0) -> Stage:
    """Return the stage that goes on until an epoch of a column's training, and looks at its loss.

    Fit for a constant learning rate: with another schedule a shorter training is not a part of a
    longer one.
    """
    losses = np.fmin.accumulate(column.curves[:, :epochs], axis=1)[:, -1]
    part = (epochs - epochs_before) / column.epochs
    return Stage(losses, costs_of(column, part), share)


def with_patience(column: Trained, patience: int, share: float) -> Stage:
    """Return the stage that ends each training after `patience` epochs without a lower loss.

    Fit for a constant learning rate, as `first_epochs` is.
    """
    n_trials, n_epochs = column.curves.shape
    losses, parts = np.full(n_trials, np.nan), np.ones(n_trials)
    for trial, curve in enumerate(column.curves):
        end = stopping_epoch(curve, patience)
        losses[trial] = np.fmin.reduce(curve[:end])
        parts[trial] = end / n_epochs
    return Stage(losses, costs_of(column) * parts, share)


def stopping_epoch(curve: np.ndarray, patience: int) -> int:
    """Return the number of epochs after which a training with this patience ends."""
    best, best_epoch = np.inf, 0
    for epoch, loss in enumerate(curve, 1):
        if loss < best:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            return epoch
    return len(curve)
