"""Pilots of the matrices: their trainings, and what they do not see of all data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix, Trained
from replay.comparisons import CHOOSING, columns, true_losses
from twostep.analysis.advice import (
    Prior,
    Unseen,
    agreement,
    agreement_of,
    extrapolate_seconds,
    gap,
    tail,
)

SETTING = "one_cycle"
# Turns that repetitions take for the constants: no training of a matrix has more than 4.
N_TURNS = 2
# The best of the trials on all data, whose losses are trained twice.
N_BEST = 20


@dataclass(frozen=True)
class Piloted:
    """A matrix with the trainings that pilots of it have, the fewest samples first.

    Matrices of one `problem` are left out together. `sets` are different
    pilots, each a list of (samples, epochs). `epochs` are those on all data.
    """

    name: str
    problem: str
    epochs: int
    sets: tuple[tuple[tuple[int, int], ...], ...]

    @cached_property
    def matrix(self) -> Matrix:
        """The tables."""
        return Matrix(self.name)

    @cached_property
    def truth(self) -> np.ndarray:
        """How good trials are on all data, (n_trials,)."""
        return true_losses(self.matrix, SETTING, self.epochs)

    @property
    def on_all(self) -> Trained:
        """The training on all data that chooses the winner."""
        return self.matrix.column(SETTING, ALL, self.epochs, CHOOSING)

    def trainings(self, number: int) -> list[Trained]:
        """Return the trainings of a pilot: its set, and repetitions in turn."""
        chosen = self.sets[number % len(self.sets)]
        found = [columns(self.matrix, SETTING, *each) for each in chosen]
        turn = number // len(self.sets)
        return [repetitions[turn % len(repetitions)] for repetitions in found]


def full_seconds(largest: Trained, on_all: Trained) -> np.ndarray:
    """Return what trials would take on all data by their seconds on a smaller size, (n_trials,)."""
    return extrapolate_seconds(
        largest.train_seconds,
        largest.seconds - largest.train_seconds,
        updates=np.nanmax(on_all.updates) / largest.updates,
        validations=np.full(len(largest.seconds), on_all.epochs / largest.epochs),
    )


def noise_of(piloted: Piloted) -> float:
    """Return the standard deviation of ln(loss) between two trainings on all data."""
    best = np.argsort(np.nan_to_num(piloted.on_all.all_losses, nan=np.inf))[:N_BEST]
    ratios = np.log(piloted.on_all.all_losses[best] / piloted.truth[best])
    return float(np.nanstd(ratios) / np.sqrt(2))


def _unseen(piloted: Piloted) -> Iterator[dict[str, float]]:
    """Yield what pilots of all trials do not see, by the names of the constants."""
    needed, noise = np.nansum(piloted.on_all.seconds), np.log(noise_of(piloted))
    for number in range(len(piloted.sets) * N_TURNS):
        found = piloted.trainings(number)
        losses = [column.losses for column in found]
        predicted = np.nansum(full_seconds(found[-1], piloted.on_all))
        for place, seen in enumerate(losses):
            yield {
                "correlation": agreement(seen, piloted.truth) - agreement_of(losses, place),
                "gap": np.log(gap(piloted.truth) / gap(losses[-1])),
                "tail": np.log(tail(piloted.truth) / tail(losses[-1])),
                "noise": noise,
                "cost": np.log(needed / predicted),
            }


def fit(known: Sequence[Piloted]) -> Prior:
    """Return the constants by the matrices of some problems, each problem with the same weight."""
    problems: dict[str, list[dict[str, float]]] = {}
    for piloted in known:
        problems.setdefault(piloted.problem, []).extend(_unseen(piloted))
    return Prior(
        **{
            field.name: _moments([np.array([v[field.name] for v in p]) for p in problems.values()])
            for field in fields(Prior)
        }
    )


def _moments(by_problem: Sequence[np.ndarray]) -> Unseen:
    """Return mean and standard deviation, the latter of a new problem from the mean of these."""
    mean = np.mean([values.mean() for values in by_problem])
    variance = np.mean([np.mean((values - mean) ** 2) for values in by_problem])
    deviation = np.sqrt(variance * (1 + 1 / len(by_problem)))
    return Unseen(float(mean), float(deviation), len(by_problem) - 1)


def without(all_piloted: Sequence[Piloted], problem: str) -> list[Piloted]:
    """Return the matrices of all other problems."""
    return [piloted for piloted in all_piloted if piloted.problem != problem]


PILOTED = (
    Piloted(
        "aerosol",
        "aerosol",
        25,
        (
            ((1200, 40), (4800, 40), (19200, 20)),
            ((4800, 10), (9600, 10), (19200, 20)),
            ((1200, 40), (4800, 20), (19200, 5)),
        ),
    ),
    Piloted(
        "million",
        "aerosol",
        4,
        (((3000, 60), (12000, 20), (48000, 5)), ((3000, 20), (12000, 10), (48000, 5))),
    ),
    Piloted(
        "ten_million",
        "aerosol",
        2,
        (((4000, 60), (16000, 20), (64000, 10)), ((4000, 60), (16000, 40), (64000, 20))),
    ),
    Piloted(
        "flights",
        "flights",
        10,
        (((850, 40), (3400, 40), (13600, 20)), ((3400, 20), (13600, 10), (54400, 10))),
    ),
    Piloted("photos", "photos", 3, (((800, 40), (3200, 20), (12800, 5)),)),
    Piloted("words", "words", 3, (((800, 40), (3200, 20), (12800, 5)),)),
    Piloted("late", "late", 2, (((850, 40), (3400, 20), (13600, 10)),)),
)
