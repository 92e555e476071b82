"""How many times cheaper two steps are than one, by the size of the data."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix, Trained
from replay import budgets, labels
from replay.comparisons import SAFE_REGRET, SHARES, columns
from replay.outcomes import Findings, find, interval
from replay.policies import Policy, Stage, last_training, training
from twostep.analysis.regression import Regression
from twostep.util.wording import table, times

SETTING = "one_cycle"
# The scale at which the factor is told: that of the paper.
N_TRIALS, N_RETRAINED = 10_000, 50
# Of the trials that step 1 puts first, larger and dearer than others.
N_FIRST = 10
N_DRAWS = 2000


@dataclass(frozen=True)
class Point:
    """The cheapest two-step search of one size of data whose regret is small, or the safest one.

    `costs` are processor seconds of a trial: in step 1, in the search on all data, and of one that
    is retrained. The search on all data has the shortest budget that is long enough.
    """

    n_samples: int
    samples: int
    epochs: int
    share: float
    findings: Findings
    costs: tuple[float, float, float]
    budget: float

    @property
    def is_safe(self) -> bool:
        """Whether the regret is small."""
        return float(self.findings.regrets.mean()) <= SAFE_REGRET

    def factor(self, n_trials: int = N_TRIALS, n_retrained: int = N_RETRAINED) -> float:
        """Return how many times cheaper a search of so many trials is than on all data."""
        first, full, again = self.costs
        return n_trials * full / (n_trials * first + n_retrained * again)


def points(matrix: Matrix) -> list[Point]:
    """Return the point of each size of data that a matrix holds, the smallest size first."""
    needed = budgets.losses_by_budget(matrix)
    found = []
    for samples, epochs in _full_trainings(matrix):
        last = columns(matrix, SETTING, samples, epochs)[0]
        enough = budgets.shortest_budget(needed.get(last.n_train, {epochs: 1.0})) or epochs
        candidates = list(_candidates(matrix, samples, epochs, enough))
        if candidates:
            safe = [point for point in candidates if point.is_safe]
            found.append(
                max(safe, key=Point.factor)
                if safe
                else min(candidates, key=lambda point: point.findings.regrets.mean())
            )
    return found


def _full_trainings(matrix: Matrix) -> Iterator[tuple[int | str, int]]:
    """Yield, for each size of data, the longest training of all trials on it."""
    longest: dict[int | str, int] = {}
    for samples, epochs in budgets.trainings(matrix):
        if columns(matrix, SETTING, samples, epochs):
            longest[samples] = max(epochs, longest.get(samples, 0))
    yield from longest.items()


def _candidates(matrix: Matrix, samples: int | str, epochs: int, enough: float) -> Iterator[Point]:
    """Yield the two-step searches of one size of data."""
    last = columns(matrix, SETTING, samples, epochs)[0]
    scale = enough / epochs
    full = Stage(last.all_losses, last_training(last).costs * scale, 0.0)
    truth = _truth(matrix, samples, epochs)
    for fewer, n_epochs in budgets.trainings(matrix):
        first = columns(matrix, SETTING, fewer, n_epochs) if fewer != ALL else []
        if not first or first[0].n_train >= last.n_train:
            continue
        for share in SHARES:
            policies = [Policy((training(column, share),), full) for column in first]
            costs = _mean_costs(first, last, scale)
            yield Point(
                last.n_train,
                int(fewer),
                n_epochs,
                share,
                find(policies, full, truth),
                costs,
                enough,
            )


def _truth(matrix: Matrix, samples: int | str, epochs: int) -> np.ndarray:
    """Return test losses of another repetition than the one that chooses the winner, if any."""
    number = 1 if matrix.has(SETTING, samples, epochs, 1) else 0
    chosen = matrix.column(SETTING, samples, epochs, 0).test_losses
    others = matrix.column(SETTING, samples, epochs, number).test_losses
    return np.where(np.isnan(others), chosen, others)


def _mean_costs(first: list[Trained], last: Trained, scale: float) -> tuple[float, float, float]:
    """Return the processor seconds of a trial in step 1, on all data, and of one retrained."""
    seconds = np.mean([column.seconds.mean() for column in first])
    order = np.argsort(np.nan_to_num(first[0].losses, nan=np.inf), kind="stable")[:N_FIRST]
    return float(seconds), last.seconds.mean() * scale, last.seconds[order].mean() * scale


@dataclass(frozen=True)
class Law:
    """How the cost of a trial on all data grows with the data, and that of step 1 does not.

    `budgets` is a regression of the logarithm of the epochs that are enough on that of the number
    of samples. A trial takes `sample_seconds` processor seconds for each sample and epoch, and
    `first` in step 1; one that is retrained takes `dearer` times as much as another one.
    """

    budgets: Regression
    sample_seconds: float
    first: float
    dearer: float

    def factors(self, n_samples: float, n_trials: int, n_retrained: int) -> np.ndarray:
        """Return draws of how many times cheaper two steps are on so many samples, (n_draws,).

        A training has at least one epoch.
        """
        random = np.random.default_rng(3)
        means = self.budgets.coefficients @ [1.0, np.log(n_samples)]
        noise = self.budgets.deviations * random.standard_normal(len(means))
        full = self.sample_seconds * n_samples * np.maximum(1.0, np.exp(means + noise))
        both = n_trials * self.first + n_retrained * self.dearer * full
        return n_trials * full / both


def fit(matrices: list[Matrix]) -> Law:
    """Return the law that the matrices of one problem, of several sizes of data, follow.

    ASSUME: the subset that step 1 needs does not grow with the data, as it did not in the matrices.
    """
    enough = {
        n_samples: budgets.shortest_budget(losses)
        for matrix in matrices
        for n_samples, losses in budgets.losses_by_budget(matrix).items()
    }
    known = {n_samples: epochs for n_samples, epochs in enough.items() if epochs}
    sizes = np.log(sorted(known))
    epochs = np.log([known[n_samples] for n_samples in sorted(known)])
    design = np.column_stack([np.ones_like(sizes), sizes])
    found = [point for matrix in matrices for point in points(matrix) if point.is_safe]
    largest = max(found, key=lambda point: point.n_samples)
    first, full, again = largest.costs
    return Law(
        budgets=Regression.of(design, epochs, np.random.default_rng(0), N_DRAWS),
        sample_seconds=full / largest.n_samples / largest.budget,
        first=first,
        dearer=again / full,
    )


def describe(found: list[Point], matrix: Matrix) -> str:
    """Return the points as a table."""
    rows = [
        [
            "all data",
            "epochs that are enough",
            "step 1",
            "retrained",
            "regret, loss [90 %]",
            "times cheaper [90 %]",
            f"with {N_TRIALS:,} trials, {N_RETRAINED} retrained",
        ]
    ]
    for point in found:
        low, middle, high = interval(point.findings.factors[0])
        rows.append(
            [
                labels.samples(matrix, point.n_samples),
                f"{point.budget:.0f}",
                labels.training(matrix, SETTING, point.samples, point.epochs),
                labels.percent(point.share),
                labels.regret(point.findings.regrets) + ("" if point.is_safe else ", too much"),
                f"{times(middle)} [{times(low)}, {times(high)}]",
                times(point.factor()),
            ]
        )
    return table(rows)
