"""What a pilot would have told of each matrix, and what its advice would have come to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from matrix.load import Trained
from replay import labels
from replay.outcomes import replay
from replay.pilots import Piloted, fit, full_seconds, without
from replay.policies import Policy, last_training, training
from twostep.analysis.advice import (
    MOST_RETRAINED,
    NUMBERS,
    Pilot,
    Prediction,
    Prior,
    cheapest,
    fit_plans,
    predict,
)
from twostep.util.wording import table, times

# The trials of a pilot, at most: a half of those of the matrix, as a study of it has.
N_PILOT = 40
N_PILOTS = 20
# The regret that is asked for, as that of the safe policies.
WANTED = 0.05


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
                pilots,
                place,
                seconds,
                n_trials=len(study),
                numbers=[k for k in NUMBERS if k <= MOST_RETRAINED * len(study)],
                prior=prior,
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


def describe(all_piloted: Sequence[Piloted]) -> str:
    """Return as a table what pilots say of each matrix, with constants from the other problems."""
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
        tried = list(try_pilots(piloted, fit(without(all_piloted, piloted.problem))))
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
    """Return the constants as a table: without each problem, and those of all."""
    problems = list(dict.fromkeys(piloted.problem for piloted in all_piloted))
    rows = [["without", *(f"`{field.name}`" for field in fields(Prior))]]
    for problem in problems:
        rows.append([problem, *_values(fit(without(all_piloted, problem)))])
    return table([*rows, ["none", *_values(fit(all_piloted))]])


def _values(prior: Prior) -> list[str]:
    values = [getattr(prior, field.name) for field in fields(Prior)]
    return [f"{value.mean:.2f}, {value.deviation:.2f}" for value in values]
