"""The advice of a pilot in words and tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import yaml

from twostep.analysis.advice import (
    MOST_RETRAINED,
    MOST_SPAN,
    NUMBERS,
    Prediction,
    agreement_of,
    best,
    cheapest,
    count_affordable,
    fit_plans,
    predict,
)
from twostep.analysis.advice_prior import PRIOR
from twostep.data.sizes import fraction_name
from twostep.running.piloted import Piloted
from twostep.trials.rounds import FEWEST_CONTROLS, FEWEST_FINALISTS
from twostep.util import wording
from twostep.util.wording import duration, number, percent, table, times

# Fewer trials that succeeded on all sizes say nothing of how losses agree.
FEWEST_TRIALS = 12
# Simulations of more trials take too long, and say nothing else.
MOST_TRIALS = 10_000


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a study: its trials or its processor hours, and the largest regret.

    The space has `n_distinct` different configurations, and a study cannot have more trials.
    """

    n_trials: int
    regret: float
    processor_hours: float | None
    n_distinct: float = math.inf


def describe_advice(study: str, piloted: Piloted, wanted: Wanted) -> str:
    """Return the advice as Markdown."""
    lines = [f"# Advice for study {study}", _origin(piloted)]
    if len(piloted.full_seconds) < FEWEST_TRIALS:
        lines.append(
            f"Cannot tell: only {number(len(piloted.full_seconds), 'trial')} succeeded on all "
            f"sizes, and at least {FEWEST_TRIALS} are needed: raise `advise.n_pilot` or "
            "`search.n_trials`."
        )
        return "\n\n".join(lines) + "\n"
    lines.append(_pilot_table(piloted))
    plans = list_plans(piloted, wanted)
    choose = cheapest if wanted.processor_hours is None else best
    plan = choose(fit_plans(plans, wanted.regret))
    lines += [_why_none(plans, wanted)] if plan is None else _recommendation(piloted, plan, plans)
    if plans:
        lines += ["## All plans", _plan_table(piloted, plans), EXPLANATION]
    return "\n\n".join(lines) + "\n"


EXPLANATION = (
    "Brackets are 90 % intervals for a single study. *Times cheaper* compares with a search of as "
    "many trials on all data, with step 2's budget. *Regret* is the loss of the winner over that "
    "of the winner of such a search: 1.05 is 5 % more. Hours are processor hours of both steps. "
    "Controls come to the costs: each is a training on all data."
)


def list_plans(piloted: Piloted, wanted: Wanted) -> list[Prediction]:
    """Return what each pilot comes to with each number of retrainings that makes sense."""
    plans: list[Prediction] = []
    for place, pilot in enumerate(piloted.pilots):
        by_trials: dict[int, list[int]] = {}
        for n_retrained in NUMBERS:
            n_trials = wanted.n_trials
            if wanted.processor_hours is not None:
                n_trials = count_affordable(
                    pilot,
                    piloted.full_seconds,
                    hours=wanted.processor_hours,
                    n_retrained=n_retrained,
                )
            n_trials = int(min(n_trials, wanted.n_distinct, MOST_TRIALS))
            if n_retrained <= MOST_RETRAINED * n_trials:
                by_trials.setdefault(n_trials, []).append(n_retrained)
        for n_trials, numbers in by_trials.items():
            plans += predict(
                piloted.pilots,
                place,
                piloted.full_seconds,
                n_trials=n_trials,
                numbers=numbers,
                prior=PRIOR,
            )
    return plans


def _origin(piloted: Piloted) -> str:
    seconds = sum(float(pilot.seconds.sum()) for pilot in piloted.pilots)
    failed = ""
    if piloted.n_failed:
        failed = f" {number(piloted.n_failed, 'other trial')} failed and are left out."
    return (
        f"From {number(len(piloted.full_seconds), 'trial')} of the search, trained on "
        f"{number(len(piloted.pilots), 'size')} of data in {duration(seconds)} of processor time."
        + failed
    )


def _pilot_table(piloted: Piloted) -> str:
    losses = [pilot.losses for pilot in piloted.pilots]
    rows = [["fraction", "samples", "budget", "a trial takes", "on all data", "correlation"]]
    full = duration(float(piloted.full_seconds.mean()))
    for place, (setting, samples) in enumerate(zip(piloted.settings, piloted.samples, strict=True)):
        rows.append(
            [
                fraction_name(setting["fraction"]),
                f"{samples:,}",
                wording.budget(setting["budget"]),
                duration(float(piloted.pilots[place].seconds.mean())),
                full,
                f"{np.tanh(agreement_of(losses, place)):.2f}",
            ]
        )
    note = (
        "The correlation is that of the ranks with the largest size. For that size itself, it is "
        "that with the size before it."
    )
    return f"{table(rows)}\n\n{note}"


def _recommendation(piloted: Piloted, plan: Prediction, plans: Sequence[Prediction]) -> list[str]:
    """Return the recommended plan as sentences and as a part of a config."""
    setting = piloted.settings[plan.pilot]
    # Limits that are null, too: else those of the study, or the default ones, would hold as well.
    search = {"n_trials": plan.n_trials, "fractions": [setting["fraction"]]}
    search["budget"] = setting["budget"]
    part = {"search": search, "retrain": {"top_k": plan.n_retrained}}
    low, middle, high = plan.factor
    return [
        "## The recommended plan",
        f"It is {times(middle)} times cheaper than a search on all data [{times(low)}, "
        f"{times(high)}]. Its regret is {_ratios(plan.regret)}. In three of four studies it is at "
        f"most {plan.usual_regret:.2f}.",
        f"```yaml\n{yaml.safe_dump(part, sort_keys=False).strip()}\n```",
        *_judged(plan, plans),
    ]


def _judged(plan: Prediction, plans: Sequence[Prediction]) -> list[str]:
    """Return what it takes that the summary can judge the study; nothing if the plan has it."""
    if plan.n_retrained >= FEWEST_FINALISTS:
        return []
    text = (
        "The summary cannot tell if so few finalists were enough. If it is to judge the study, set "
        f"`top_k` to {FEWEST_FINALISTS} or more, with at least {FEWEST_CONTROLS} controls."
    )
    judged = [
        each for each in plans if each.pilot == plan.pilot and each.n_retrained >= FEWEST_FINALISTS
    ]
    if judged:
        least = min(judged, key=lambda each: each.n_retrained)
        text += (
            f" On the same fraction, {number(least.n_trials, 'trial')} with `top_k: "
            f"{least.n_retrained}` are {times(least.factor[1])} times cheaper than on all data."
        )
    return [text]


def _why_none(plans: Sequence[Prediction], wanted: Wanted) -> str:
    """Return in a sentence why no plan is recommended."""
    if not plans:
        return (
            "Cannot tell: there is no plan with two trials for each one that is retrained: raise "
            "`search.n_trials` or `advise.processor_hours`."
        )
    told = [plan for plan in plans if plan.span <= MOST_SPAN]
    if not told:
        return (
            f"Cannot tell: all intervals span more than a factor of {MOST_SPAN:g}: raise "
            "`advise.n_pilot`, or name larger fractions or longer budgets in `advise.pilots`."
        )
    if all(plan.factor[0] <= 1 for plan in told):
        return (
            "Cannot tell: each plan that is certain enough may cost as much as a search on all "
            "data: name smaller fractions or shorter budgets in `advise.pilots`."
        )
    lowest = min(plan.usual_regret for plan in told if plan.factor[0] > 1)
    return (
        f"Cannot tell: `advise.regret` is {percent(wanted.regret)}, but no plan has a regret of "
        f"less than {percent(lowest - 1)} in three of four studies: name larger fractions or "
        "longer budgets in `advise.pilots`, or raise `advise.regret`."
    )


def _plan_table(piloted: Piloted, plans: Sequence[Prediction]) -> str:
    rows = [
        [
            "fraction",
            "budget",
            "trials",
            "retrained",
            "times cheaper [90 %]",
            "regret, median [90 %]",
            "in 3 of 4, at most",
            "hours",
        ]
    ]
    for plan in plans:
        setting = piloted.settings[plan.pilot]
        low, middle, high = plan.factor
        rows.append(
            [
                fraction_name(setting["fraction"]),
                wording.budget(setting["budget"]),
                f"{plan.n_trials:,}",
                f"{plan.n_retrained:,}",
                f"{times(middle)} [{times(low)}, {times(high)}]",
                _ratios(plan.regret),
                f"{plan.usual_regret:.2f}",
                f"{plan.hours:.2g}",
            ]
        )
    return table(rows)


def _ratios(values: tuple[float, float, float]) -> str:
    low, middle, high = values
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"
