"""What a pilot would have told of each matrix, and what its advice would have come to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix, Trained
from replay import labels
from replay.comparisons import CHOOSING, columns, true_losses
from replay.outcomes import replay
from replay.policies import Policy, last_training, training
from twostep.analysis.advice import (
    Unseen,
    Pilot,
    Prediction,
    Prior,
    agreement,
    agreement_of,
    cheapest,
    extrapolate_seconds,
    fit_plans,
    gap,
    predict,
    tail,
)
from twostep.util.wording import table, times

SETTING = "one_cycle"
# The trials of a pilot, at most: a half of those of the matrix, as a study of it has.
N_PILOT = 40
N_PILOTS = 20
NUMBERS = (1, 2, 4, 8, 16, 32)
# The mean regret that is asked for, as that of the safe policies.
WANTED = 0.05
# The best of the trials on all data, whose losses are trained twice.
N_BEST = 20


@dataclass(frozen=True)
class Piloted:
    """A matrix with the trainings that pilots of it have, the fewest samples first.

    `domain` is the problem: matrices of one problem are left out together. `sets` are different
    pilots, each a list of (samples, epochs). `epochs` are those on all data.
    """

    name: str
    domain: str
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
    for number in range(len(piloted.sets) * 2):
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
        problems.setdefault(piloted.domain, []).extend(_unseen(piloted))
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


@dataclass(frozen=True)
class Outcome:
    """What a prediction said, and what the study that it was for came to."""

    plan: Prediction
    factor: float
    regret: float

    @property
    def factor_held(self) -> bool:
        """Whether the interval holds the factor of the study."""
        return self.plan.factor[0] <= self.factor <= self.plan.factor[2]

    @property
    def regret_held(self) -> bool:
        """Whether the interval holds the regret of the study."""
        # Ends of an interval that is a single number differ from it in the last digit.
        low, _, high = self.plan.regret
        return low - 1e-9 <= self.regret <= high + 1e-9


@dataclass(frozen=True)
class Trial:
    """A pilot of a matrix: the outcomes of all its plans, and of the recommended one if any."""

    outcomes: list[Outcome]
    recommended: Outcome | None


def try_pilots(piloted: Piloted, prior: Prior) -> Iterator[Trial]:
    """Yield what pilots say of studies of half of the trials, which begin with the pilot's."""
    random = np.random.default_rng(7)
    n_all = len(piloted.truth)
    for number in range(N_PILOTS):
        study = random.permutation(n_all)[: n_all // 2]
        found, first = piloted.trainings(number), study[:N_PILOT]
        pilots = [Pilot(column.losses[first], column.seconds[first]) for column in found]
        seconds = full_seconds(found[-1], piloted.on_all)[first]
        plans = [
            plan
            for place in range(len(pilots))
            for plan in predict(
                pilots, place, seconds, n_trials=len(study), numbers=[k for k in NUMBERS if 2 * k <= len(study)], prior=prior
            )
        ]
        outcomes = [_outcome(piloted, found, study, plan) for plan in plans]
        plan = cheapest(fit_plans(plans, WANTED))
        yield Trial(outcomes, None if plan is None else outcomes[plans.index(plan)])


def _outcome(
    piloted: Piloted, found: Sequence[Trained], study: np.ndarray, plan: Prediction
) -> Outcome:
    """Replay the study that a prediction is for."""
    last = last_training(piloted.on_all)
    step_1 = training(found[plan.pilot], plan.n_retrained / len(study))
    two_steps, everything = replay(Policy((step_1,), last), study), replay(Policy((), last), study)
    return Outcome(
        plan,
        float(everything.costs[0] / two_steps.costs[0]),
        float(piloted.truth[two_steps.winner] / piloted.truth[everything.winner]),
    )


def without(all_piloted: Sequence[Piloted], domain: str) -> list[Piloted]:
    """Return the matrices of all other domains."""
    return [piloted for piloted in all_piloted if piloted.domain != domain]


def describe(all_piloted: Sequence[Piloted]) -> str:
    """Return as a table what pilots say of each matrix, with constants from the other domains."""
    rows = [
        [
            "matrix",
            f"plans recommended by {N_PILOTS} pilots",
            "cannot tell",
            "predicted cost holds",
            "predicted regret holds",
            "widest interval, cost",
            "widest, regret",
            "times cheaper, median",
            "regret, mean",
            "of all plans: cost holds",
            "regret holds",
        ]
    ]
    for piloted in all_piloted:
        tried = list(try_pilots(piloted, fit(without(all_piloted, piloted.domain))))
        rows.append([piloted.name, *_cells(tried)])
    return table(rows)


def _cells(tried: Sequence[Trial]) -> list[str]:
    """Return what the pilots of one matrix came to."""
    told = [trial.recommended for trial in tried if trial.recommended]
    outcomes = [outcome for trial in tried for outcome in trial.outcomes]
    of_all = [
        labels.percent(float(np.mean([outcome.factor_held for outcome in outcomes]))),
        labels.percent(float(np.mean([outcome.regret_held for outcome in outcomes]))),
    ]
    cells = [f"{len(told)}", labels.percent(1 - len(told) / len(tried))]
    if not told:
        return [*cells, *[""] * 6, *of_all]
    return [
        *cells,
        f"{sum(outcome.factor_held for outcome in told)} of {len(told)}",
        f"{sum(outcome.regret_held for outcome in told)} of {len(told)}",
        times(max(outcome.plan.factor[2] / outcome.plan.factor[0] for outcome in told)),
        times(max(outcome.plan.regret[2] / outcome.plan.regret[0] for outcome in told)),
        times(float(np.median([outcome.factor for outcome in told]))),
        f"{np.mean([outcome.regret for outcome in told]):.2f}",
        *of_all,
    ]


def describe_prior(all_piloted: Sequence[Piloted]) -> str:
    """Return the constants as a table: without each domain, and those of all."""
    domains = list(dict.fromkeys(piloted.domain for piloted in all_piloted))
    rows = [["without", *(f"`{field.name}`" for field in fields(Prior))]]
    for domain in domains:
        rows.append([domain, *_values(fit(without(all_piloted, domain)))])
    return table([*rows, ["none", *_values(fit(all_piloted))]])


def _values(prior: Prior) -> list[str]:
    values = [getattr(prior, field.name) for field in fields(Prior)]
    return [f"{value.mean:.2f}, {value.deviation:.2f}" for value in values]
