"""One rule of thumb for step 1 and the retrainings, tried on problems that it was not made from."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from matrix.columns import ALL
from replay import budgets, labels
from replay.comparisons import SAFE_REGRET, columns
from replay.law import first_trials
from replay.outcomes import find, halves
from replay.pilots import SETTING, Piloted, without
from replay.policies import Policy, Stage, last_training, training
from twostep.util.wording import table, times

# What a rule may name.
SAMPLES = (2400, 4800, 9600, 19200)
UPDATES = (375, 750, 1500, 3000)
SHARES = (0.02, 0.04, 0.08)
# The batches of all matrices.
BATCH = 128
N_HALVES = 100


@dataclass(frozen=True)
class Rule:
    """A number of samples, of updates, and the share of the trials that is retrained."""

    samples: int
    updates: int
    share: float

    def __str__(self) -> str:
        """Return the rule in words."""
        return f"{self.samples:,}, {self.updates:,}, {labels.percent(self.share)}"


@dataclass(frozen=True)
class Applied:
    """What the training nearest to a rule comes to: median factor and mean regret.

    `part` is the cost of a trial in step 1 as a part of that on all data, by updates alone, and
    `larger` how many times as costly as all trials the first ones of step 1 are on all data.
    """

    label: str
    factor: float
    regret: float
    part: float
    larger: float


def apply(rule: Rule, piloted: Piloted) -> Applied:
    """Return what the training of a matrix comes to that is nearest to a rule."""
    return _replay(piloted, _nearest(rule, piloted), rule.share)


def _nearest(rule: Rule, piloted: Piloted) -> tuple[int, int]:
    """Return samples and epochs of the training whose samples and updates are the nearest."""
    found = [
        (int(samples), epochs)
        for samples, epochs in budgets.trainings(piloted.matrix)
        if samples != ALL and columns(piloted.matrix, SETTING, samples, epochs)
    ]

    def distance(each: tuple[int, int]) -> float:
        samples, epochs = each
        updates = epochs * samples / BATCH
        return abs(np.log(samples / rule.samples)) + abs(np.log(updates / rule.updates))

    return min(found, key=distance)


@cache
def _replay(piloted: Piloted, step_1: tuple[int, int], share: float) -> Applied:
    """Replay two steps on halves of the trials."""
    found = columns(piloted.matrix, SETTING, *step_1)
    on_all = piloted.on_all
    full = Stage(on_all.all_losses, last_training(on_all).costs, 0.0)
    policies = [Policy((training(column, share),), full) for column in found]
    samples = halves(len(piloted.truth), N_HALVES)
    findings = find(policies, full, piloted.truth, samples=samples)
    return Applied(
        labels.training(piloted.matrix, SETTING, *step_1),
        float(np.median(findings.factors[0])),
        float(findings.regrets.mean()),
        float(np.nanmax(found[0].updates) / np.nanmax(on_all.updates)),
        float(on_all.seconds[first_trials(found)].mean() / on_all.seconds.mean()),
    )


def make_rule(known: Sequence[Piloted]) -> Rule:
    """Return the rule that is the cheapest of those that are safe on all these matrices.

    If none is, the one whose largest regret is the smallest.
    """
    rules = [Rule(*each) for each in itertools.product(SAMPLES, UPDATES, SHARES)]
    applied = {rule: [apply(rule, piloted) for piloted in known] for rule in rules}
    worst = {rule: max(each.regret for each in found) for rule, found in applied.items()}
    safe = [rule for rule in rules if worst[rule] <= SAFE_REGRET]
    if not safe:
        return min(rules, key=lambda rule: worst[rule])
    return max(safe, key=lambda rule: np.mean([np.log(each.factor) for each in applied[rule]]))


def predict_factor(applied: Applied, known: Sequence[Applied], share: float) -> float:
    """Return the factor by updates, and by what finalists of the other problems cost."""
    larger = float(np.mean([each.larger for each in known]))
    return 1 / (applied.part + share * larger)


def describe(all_piloted: Sequence[Piloted]) -> str:
    """Return the rule made without each problem, what it predicts for it, and what happened."""
    rows = [
        [
            "tried on",
            "rule made from the other problems: samples, updates, retrained",
            "nearest training",
            "times cheaper, predicted",
            "times cheaper, replayed",
            "mean regret, on the others",
            "mean regret, replayed",
        ]
    ]
    for piloted in all_piloted:
        known = without(all_piloted, piloted.problem)
        rule = make_rule(known)
        others = [apply(rule, other) for other in known]
        applied = apply(rule, piloted)
        regrets = [other.regret for other in others]
        rows.append(
            [
                piloted.name,
                f"{rule}",
                applied.label,
                times(predict_factor(applied, others, rule.share)),
                times(applied.factor),
                f"{min(regrets):.2f} to {max(regrets):.2f}",
                f"{applied.regret:.2f}",
            ]
        )
    rule = make_rule(all_piloted)
    regrets = [apply(rule, piloted).regret for piloted in all_piloted]
    seen = f"{min(regrets):.2f} to {max(regrets):.2f}"
    return table([*rows, ["none", f"{rule}", "", "", "", seen, ""]])
