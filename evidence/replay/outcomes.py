"""What policies cost and find: each replayed on many halves of the trials."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from replay.policies import Brackets, Policy, Stage

# An interval is the middle of the values of halves.
TAILS = (5, 50, 95)
N_HALVES = 1000
# The best of the trials, of which a policy should find many.
TOP_SHARE = 0.05


@dataclass(frozen=True)
class Outcome:
    """What a policy came to: who was trained on all data, who won, and the costs, (2,)."""

    retrained: np.ndarray
    winner: int
    costs: np.ndarray


def replay(policy: Policy | Brackets, trials: np.ndarray) -> Outcome:
    """Return the outcome of a policy on some trials, given by their ids; failed ones come last."""
    if isinstance(policy, Brackets):
        return _replay_brackets(policy, trials)
    left, costs = trials, np.zeros(2)
    for stage in policy.stages:
        costs += stage.costs[:, left].sum(axis=1)
        n_left = max(1, round(stage.share * len(trials)))
        left = left[np.argsort(stage.losses[left], kind="stable")[:n_left]]
    costs += policy.last.costs[:, left].sum(axis=1)
    return Outcome(left, winner_of(policy.last, left), costs)


def _replay_brackets(brackets: Brackets, trials: np.ndarray) -> Outcome:
    """Return what all brackets come to together; a bracket has the trials after the one before."""
    ends = np.rint(np.cumsum([share for share, _ in brackets.parts]) * len(trials)).astype(int)
    policies = [policy for _, policy in brackets.parts]
    parts = np.split(trials, ends[:-1])
    outcomes = [replay(*each) for each in zip(policies, parts, strict=True)]
    retrained = np.concatenate([outcome.retrained for outcome in outcomes])
    costs = np.sum([outcome.costs for outcome in outcomes], axis=0)
    return Outcome(retrained, winner_of(policies[0].last, retrained), costs)


def winner_of(last: Stage, trials: np.ndarray) -> int:
    """Return the trial with the lowest loss on all data, the first one if all have failed."""
    return int(trials[np.argmin(np.nan_to_num(last.losses[trials], nan=np.inf))])


@dataclass(frozen=True)
class Findings:
    """What a policy comes to on many halves of the trials, (n_halves,) each.

    `factors` (2, n_halves) tell how many times cheaper it is than the search on all data, in either
    cost. `regrets` are losses of its winner over those of that search's winner, in loss. `found`
    tells if the best trial was trained on all data, and `recalls` which share of the best ones.
    """

    factors: np.ndarray
    regrets: np.ndarray
    found: np.ndarray
    recalls: np.ndarray


def halves(n_trials: int, n_halves: int = N_HALVES) -> list[np.ndarray]:
    """Return random halves of trials.

    Values of halves spread about as those of samples of all trials would.
    """
    return samples_of(n_trials, n_trials // 2, n_halves)


def samples_of(n_trials: int, size: int, n_samples: int = N_HALVES) -> list[np.ndarray]:
    """Return random samples of trials, the same ones each time, sorted."""
    random = np.random.default_rng(1)
    return [np.sort(random.choice(n_trials, size, replace=False)) for _ in range(n_samples)]


def find(
    policies: Sequence[Policy | Brackets],
    full: Stage,
    truth: np.ndarray,
    *,
    samples: Sequence[np.ndarray] | None = None,
) -> Findings:
    """Replay a policy on halves of the trials, or on `samples`; its repetitions take turns.

    `full` is the training of the search on all data, with its own cost. `truth` (n_trials,) are
    losses on all data that tell how good a winner is, and choose none.
    """
    values = []
    for number, trials in enumerate(halves(len(full.losses)) if samples is None else samples):
        outcome = replay(policies[number % len(policies)], trials)
        everything = replay(Policy((), full), trials)
        best = trials[np.argsort(truth[trials], kind="stable")]
        top = best[: max(1, round(TOP_SHARE * len(trials)))]
        values.append(
            (
                *(everything.costs / outcome.costs),
                truth[outcome.winner] / truth[everything.winner],
                best[0] in outcome.retrained,
                np.isin(top, outcome.retrained).mean(),
            )
        )
    seconds, work, regrets, found, recalls = np.array(values, float).T
    return Findings(np.array([seconds, work]), regrets, found, recalls)


def interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the low end, the median and the high end of the middle 90 %."""
    low, middle, high = np.percentile(values, TAILS)
    return float(low), float(middle), float(high)
