"""Policies beside each other: what each costs and finds on a matrix."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix, Trained
from replay import labels
from replay.outcomes import Findings, find, interval
from replay.policies import (
    Brackets,
    Policy,
    Stage,
    first_epochs,
    last_training,
    training,
    with_patience,
)
from twostep.util.wording import table, times

# Of 200 trials 2, 4, 8, 16 and 32; halves of them have half as many.
SHARES = (0.01, 0.02, 0.04, 0.08, 0.16)
# The repetition whose losses on all data choose the winner; others tell how good it is.
CHOOSING = 0
# A policy is safe if its loss is at most so many times that of the search on all data, as a rule.
SAFE_REGRET = 1.05


@dataclass(frozen=True)
class Case:
    """A policy in words, with a policy for each of its repetitions."""

    label: str
    policies: Sequence[Policy | Brackets]
    share: float


def true_losses(matrix: Matrix, setting: str, epochs: int, samples: int | str = ALL) -> np.ndarray:
    """Return how good trials are on all data, or on `samples` that stand for it: test losses.

    They are (n_trials,). Where there are repetitions that choose no winner, the geometric mean over
    these.
    """
    numbers = [number for number in (1, 2, 3) if matrix.has(setting, samples, epochs, number)]
    chosen = matrix.column(setting, samples, epochs, CHOOSING).test_losses
    others = [matrix.column(setting, samples, epochs, number).test_losses for number in numbers]
    if not others:
        return chosen
    means = np.exp(np.mean(np.log(others), axis=0))
    return np.where(np.isnan(means), chosen, means)


def columns(matrix: Matrix, setting: str, samples: int | str, epochs: int) -> list[Trained]:
    """Return the repetitions of a training that hold all trials."""
    return [
        matrix.column(setting, samples, epochs, number)
        for number in matrix.repetitions(setting, samples, epochs)
    ]


def two_steps(
    matrix: Matrix, last: Stage, setting: str, samples: int | str, epochs: int
) -> Iterator[Case]:
    """Yield two-step searches with one training in step 1, for each share that is retrained."""
    trained = columns(matrix, setting, samples, epochs)
    label = labels.training(matrix, setting, samples, epochs)
    for share in SHARES if trained else ():
        yield Case(label, [Policy((training(column, share),), last) for column in trained], share)


def _trained(
    matrix: Matrix, setting: str, stages: Sequence[tuple[int | str, int, float]]
) -> list[list[Trained]]:
    """Return the repetitions of the training of each stage."""
    return [columns(matrix, setting, samples, epochs) for samples, epochs, _ in stages]


def _with_rungs(
    trained: list[list[Trained]],
    stages: Sequence[tuple[int | str, int, float]],
    last: Stage,
    number: int,
) -> Policy:
    """Return a search with several stages; `number` tells which repetitions it takes."""
    # A later rung has draws of its own.
    chosen = [found[(number + place) % len(found)] for place, found in enumerate(trained)]
    shares = [share for _, _, share in stages]
    return Policy(tuple(map(training, chosen, shares)), last)


def brackets(
    matrix: Matrix,
    last: Stage,
    setting: str,
    label: str,
    parts: Sequence[tuple[float, Sequence[tuple[int | str, int, float]]]],
) -> Case:
    """Return a search with several brackets: the share of the trials that each has, and its stages.

    A stage is (samples, epochs, share of the bracket's trials that goes on).
    """
    found = [(share, _trained(matrix, setting, stages), stages) for share, stages in parts]
    n_repetitions = max(len(trained[0]) for _, trained, _ in found)
    policies = [
        Brackets(
            tuple(
                (share, _with_rungs(trained, stages, last, number))
                for share, trained, stages in found
            )
        )
        for number in range(n_repetitions)
    ]
    n_left = sum(share * stages[-1][-1] for share, stages in parts)
    return Case(label, policies, n_left)


def from_curves(
    matrix: Matrix, last: Stage, samples: int | str, epochs: int, shares: Sequence[float]
) -> Iterator[Case]:
    """Yield searches whose step 1 ends early, by patience or by discarding half at a time."""
    trained = columns(matrix, "constant", samples, epochs)
    label = labels.training(matrix, "constant", samples, epochs)
    for share in shares:
        yield Case(label, [Policy((training(column, share),), last) for column in trained], share)
        for patience in (5, 10):
            policies = [Policy((with_patience(c, patience, share),), last) for c in trained]
            yield Case(f"{label}, patience {patience}", policies, share)
        policies = [Policy(tuple(halving(column, share)), last) for column in trained]
        yield Case(f"{label}, the worse half discarded at 1/8, 1/4 and 1/2", policies, share)


def halving(column: Trained, share: float) -> Iterator[Stage]:
    """Yield the stages that discard the worse half after 1/8, 1/4 and 1/2 of the epochs."""
    before = 0
    for part, left in ((8, 0.5), (4, 0.25), (2, 0.125), (1, share)):
        end = column.epochs // part
        yield first_epochs(column, end, max(left, share), epochs_before=before)
        before = end


def one_epoch(matrix: Matrix, setting: str, epochs: int, share: float) -> Case:
    """Return the search that trains all for one epoch on all data, and only the best further."""
    column = matrix.column(setting, ALL, epochs, CHOOSING)
    policy = Policy((first_epochs(column, 1, share),), last_training(column, epochs_before=1))
    return Case("one epoch on all data", [policy], share)


def compare(cases: Sequence[Case], full: Stage, truth: np.ndarray) -> list[tuple[Case, Findings]]:
    """Replay each case."""
    return [(case, find(case.policies, full, truth)) for case in cases]


def cheapest_safe(compared: Sequence[tuple[Case, Findings]]) -> Iterator[tuple[Case, Findings]]:
    """Yield, of each training of step 1, the case that retrains the fewest and is safe.

    Where none is safe, the one that retrains the most.
    """
    for _, cases in itertools.groupby(compared, key=lambda entry: entry[0].label):
        by_share = sorted(cases, key=lambda entry: entry[0].share)
        safe = (entry for entry in by_share if is_safe(entry[1]))
        yield next(safe, by_share[-1])


def is_safe(findings: Findings) -> bool:
    """Whether the loss is hardly higher than that of the search on all data."""
    return float(findings.regrets.mean()) <= SAFE_REGRET


def describe_safe(matrix: Matrix, last: Stage, compared: Sequence[tuple[Case, Findings]]) -> str:
    """Return how many each training of step 1 must retrain, and what that costs, as a table."""
    n_half = len(matrix.trials) // 2
    rows = [
        [
            "step 1",
            "a trial on all data costs",
            "retrained",
            "times cheaper [90 %]",
            "regret, mean",
            "regret, median [90 %]",
            "best retrained",
            "best 5 % retrained",
        ]
    ]
    for case, findings in cheapest_safe(compared):
        stages = [policy.stages[0] for policy in case.policies if isinstance(policy, Policy)]
        first = np.mean([stage.costs[0].mean() for stage in stages])
        low, middle, high = interval(findings.factors[0])
        rows.append(
            [
                case.label,
                f"{times(last.costs[0].mean() / first)} times as much",
                f"{max(1, round(case.share * n_half))} of {n_half}",
                f"{times(middle)} [{times(low)}, {times(high)}]",
                f"{findings.regrets.mean():.2f}" + ("" if is_safe(findings) else ", too much"),
                labels.regret(findings.regrets),
                labels.percent(findings.found.mean()),
                labels.percent(findings.recalls.mean()),
            ]
        )
    return table(rows)


def describe(compared: Sequence[tuple[Case, Findings]]) -> str:
    """Return cases with what they cost and find as a table."""
    rows = [
        [
            "step 1",
            "retrained",
            "times cheaper, seconds [90 %]",
            "times cheaper, work",
            "regret, median [90 %]",
            "regret, mean",
            "best retrained",
            "best 5 % retrained",
        ]
    ]
    for case, findings in compared:
        seconds, work = (interval(factors) for factors in findings.factors)
        rows.append(
            [
                case.label,
                labels.percent(case.share),
                f"{times(seconds[1])} [{times(seconds[0])}, {times(seconds[2])}]",
                times(work[1]),
                labels.regret(findings.regrets),
                f"{findings.regrets.mean():.2f}",
                labels.percent(findings.found.mean()),
                labels.percent(findings.recalls.mean()),
            ]
        )
    return table(rows)
