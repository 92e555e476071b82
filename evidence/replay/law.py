"""How many times cheaper two steps are than one, by the size of the data."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix, Trained
from replay import budgets, labels
from replay.comparisons import SHARES, columns, is_safe, true_losses
from replay.outcomes import Findings, find, interval
from replay.policies import Policy, Stage, last_training, training
from twostep.util.wording import table, times

SETTING = "one_cycle"
# The scale at which the factor is told: that of the paper.
N_TRIALS, N_RETRAINED = 10_000, 50
# Of the trials that step 1 puts first, larger and dearer than others.
N_FIRST = 10
N_DRAWS = 2000
# What is predicted: the paper's samples, each used so many times in a training on all data.
PREDICTED_SAMPLES, PREDICTED_EPOCHS = 100_000_000, (1, 2)


@dataclass(frozen=True)
class Point:
    """The cheapest two-step search of one size of data whose regret is small, or the safest one.

    `first`, `full` and `again` are processor seconds: of each trial in step 1, of each in the
    search on all data, and of those that step 1 puts first on all data. `epochs` are those on all
    data, `longest` the most that were tried there.
    """

    n_samples: int
    epochs: int
    longest: int
    step_1: tuple[int, int]
    share: float
    findings: Findings
    first: np.ndarray
    full: np.ndarray
    again: np.ndarray

    def factors(
        self,
        *,
        n_samples: float | None = None,
        epochs: float | None = None,
        n_trials: int = N_TRIALS,
        n_retrained: int = N_RETRAINED,
    ) -> np.ndarray:
        """Return draws of how many times cheaper a search of so many trials is, (n_draws,).

        It is that on as many samples, for as many epochs, or on others: a training costs as its
        samples times epochs do. Draws are bootstrap samples of the trials, the first one of all.
        """
        scale = (n_samples or self.n_samples) * (epochs or self.epochs)
        scale /= self.n_samples * self.epochs
        random = np.random.default_rng(3)
        first, full, again = (
            np.append(seconds.mean(), random.choice(seconds, (N_DRAWS, len(seconds))).mean(axis=1))
            for seconds in (self.first, self.full, self.again)
        )
        return n_trials * full * scale / (n_trials * first + n_retrained * again * scale)


def points(matrix: Matrix) -> list[Point]:
    """Return the point of each size of data that a matrix holds, the smallest size first."""
    found = []
    for samples, epochs in _full_trainings(matrix):
        candidates = list(_candidates(matrix, samples, epochs))
        safe = [point for point in candidates if is_safe(point.findings)]
        if safe:
            found.append(max(safe, key=lambda point: np.median(point.findings.factors[0])))
        elif candidates:
            found.append(min(candidates, key=lambda point: point.findings.regrets.mean()))
    return found


def _full_trainings(matrix: Matrix) -> Iterator[tuple[int | str, int]]:
    """Yield, for each size of data, the longest training of all trials on it."""
    longest: dict[int | str, int] = {}
    for samples, epochs in budgets.trainings(matrix):
        if columns(matrix, SETTING, samples, epochs):
            longest[samples] = max(epochs, longest.get(samples, 0))
    yield from longest.items()


def _candidates(matrix: Matrix, samples: int | str, epochs: int) -> Iterator[Point]:
    """Yield the two-step searches of one size of data, of step 1 at most half as dear."""
    last = columns(matrix, SETTING, samples, epochs)[0]
    full = Stage(last.all_losses, last_training(last).costs, 0.0)
    truth = true_losses(matrix, SETTING, epochs, samples)
    longest = max(number for size, number in budgets.trainings(matrix) if size == samples)
    for fewer, n_epochs in budgets.trainings(matrix):
        found = columns(matrix, SETTING, fewer, n_epochs) if fewer != ALL else []
        if not found or found[0].n_train >= last.n_train:
            continue
        first = np.mean([column.seconds for column in found], axis=0)
        if first.mean() > last.seconds.mean() / 2:
            continue
        for share in SHARES:
            policies = [Policy((training(column, share),), full) for column in found]
            yield Point(
                last.n_train,
                epochs,
                longest,
                (int(fewer), n_epochs),
                share,
                find(policies, full, truth),
                first,
                last.seconds,
                last.seconds[first_trials(found)],
            )


def first_trials(found: list[Trained]) -> np.ndarray:
    """Return the places of the trials that step 1 puts first, of all its repetitions."""
    return np.concatenate([column.first(N_FIRST) for column in found])


def describe(matrices: list[Matrix]) -> str:
    """Return the points of the matrices of one problem as a table."""
    rows = [
        [
            "all data",
            "epochs",
            "step 1",
            "retrained",
            "regret, median [90 %]",
            "times cheaper [90 %]",
            f"with {N_TRIALS:,} trials, {N_RETRAINED} retrained",
            "the same with so many epochs on all data",
        ]
    ]
    found = [(matrix, point) for matrix in matrices for point in points(matrix)]
    for matrix, point in sorted(found, key=lambda entry: entry[1].n_samples):
        low, middle, high = interval(point.findings.factors[0])
        n_half = len(matrix.trials) // 2
        longer = f"{times(point.factors(epochs=point.longest)[0])} ({point.longest})"
        rows.append(
            [
                labels.samples(matrix, point.n_samples),
                f"{point.epochs}",
                labels.training(matrix, SETTING, *point.step_1),
                f"{max(1, round(point.share * n_half))} of {n_half}",
                labels.regret(point.findings.regrets)
                + ("" if is_safe(point.findings) else ", too much"),
                f"{times(middle)} [{times(low)}, {times(high)}]",
                times(point.factors()[0]),
                longer if point.longest > point.epochs else "",
            ]
        )
    return table(rows)


def describe_prediction(largest: Point) -> str:
    """Return what the largest data predict for the paper's, as a table."""
    rows = [
        ["epochs on all data", "retrained", "times cheaper [90 %]", "at most, as step 1 is free"]
    ]
    for epochs in PREDICTED_EPOCHS:
        for n_retrained in (N_RETRAINED, N_RETRAINED // 2):
            draws = largest.factors(
                n_samples=PREDICTED_SAMPLES, epochs=epochs, n_retrained=n_retrained
            )
            low, _, high = interval(draws)
            bound = N_TRIALS * largest.full.mean() / n_retrained / largest.again.mean()
            rows.append(
                [
                    f"{epochs}",
                    f"{n_retrained} of {N_TRIALS:,}",
                    f"{times(draws[0])} [{times(low)}, {times(high)}]",
                    times(bound),
                ]
            )
    return table(rows)
