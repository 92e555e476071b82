"""What a pilot tells of two-step searches: their costs and their regrets, before any is paid.

A pilot trains the same few configurations on some small sizes of data. It does not see all data.
What has to be extrapolated is how losses there agree with those of the pilot, and how far apart
they are. The constants of that are learned from studies whose losses on all data are known
(`analysis.advice_prior`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata
from scipy.stats import t as student

# The middle 90 % of the simulated studies.
TAILS = (0.05, 0.5, 0.95)
# A regret that most studies do not exceed.
USUAL = 0.75
# Simulated studies, and the trials of all of them together, at most.
N_STUDIES, N_SIMULATED = 1000, 1_000_000
FEWEST_STUDIES = 200
# The share of the trials that are called good, and the normal score of the last one of them.
GOOD = 0.1
GOOD_SCORE = float(ndtri(GOOD))
# Of fewer trials nobody can tell how ln(loss) falls.
FEWEST_GOOD = 4
# ASSUME: finalists are as costly as this share of the pilot's trials, the best ones.
FINALISTS = 0.15
# Finalists whose costs are drawn one by one; the mean of more of them hardly varies.
N_DRAWN = 100
# The largest correlation that a pilot may show, because Fisher's transform of 1 is infinite.
MOST_CORRELATION = 0.99
# How many trials a plan may retrain. The steps are small, so that the cheapest safe plan does not
# retrain many too many.
NUMBERS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000)
# Plans that retrain more of their trials are hardly two steps.
MOST_RETRAINED = 0.5
# An interval tells nothing if its ends differ by more than this factor.
MOST_SPAN = 3.0


@dataclass(frozen=True)
class Unseen:
    """What some problems tell of another one: their mean, and how far it may be from that.

    That distance has Student's distribution, as from a few normal numbers, times `deviation`.
    """

    mean: float
    deviation: float
    degrees: int

    def draw(self, random: np.random.Generator, n: int) -> np.ndarray:
        """Return random values, (n, 1): one for each of as many studies.

        They are spread evenly over the distribution, so that its tails depend on no chance.
        """
        values = student.ppf((np.arange(n) + 0.5) / n, self.degrees)
        return self.mean + self.deviation * random.permutation(values)[:, None]


@dataclass(frozen=True)
class Prior:
    """What problems with known losses on all data tell of what a pilot cannot see.

    Parameters
    ----------
    correlation : Fisher's z of the correlation with all data, less that with the pilot's largest
        size; for that size itself, less that with the size before it; see `agreement_of`
    gap : ln(gap on all data / gap on the largest size), see `gap`
    tail : the same of `tail`
    noise : ln of the standard deviation by which ln(loss) differs between the training on all data
        that chooses a winner and one that tells how good it is
    cost : ln(seconds needed on all data / predicted ones)
    """

    correlation: Unseen
    gap: Unseen
    tail: Unseen
    noise: Unseen
    cost: Unseen


@dataclass(frozen=True)
class Pilot:
    """One training of the pilot's trials: losses and processor seconds, (n_trials,).

    The loss of a failed trial is NaN.
    """

    losses: np.ndarray
    seconds: np.ndarray


Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Prediction:
    """What a plan comes to: a training of the pilot for `n_trials`, then `n_retrained` of them.

    `pilot` is the place of that training among the pilots. `factor` is how many times cheaper the
    plan is than the same search on all data, without controls. `regret` is the loss of its winner
    over that of the winner of that search. Both have the ends of the middle 90 %, and the median
    between them. `usual_regret` is what three of four studies do not exceed. `log_loss` is ln(loss)
    of the winner, less that of the middle one of all configurations, the median over studies.
    `hours` are processor hours.
    """

    pilot: int
    n_trials: int
    n_retrained: int
    factor: Interval
    regret: Interval
    usual_regret: float
    log_loss: float
    hours: float

    @property
    def span(self) -> float:
        """How many times as large as its low end the high end of an interval is, at most."""
        return max(self.factor[2] / self.factor[0], self.regret[2] / self.regret[0])


def scores(losses: np.ndarray) -> np.ndarray:
    """Return the normal scores of losses, (n_trials,): the lowest for the lowest loss."""
    # Failed trials come last.
    ranks = rankdata(np.where(np.isnan(losses), np.inf, losses))
    return ndtri((ranks - 0.5) / len(losses))


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return Fisher's z of the correlation of the normal scores of two sets of losses."""
    normal = scores(first), scores(second)
    # Losses that are all the same order nothing.
    if not all(each.any() for each in normal):
        return 0.0
    correlation = float(np.corrcoef(*normal)[0, 1])
    return float(np.arctanh(np.clip(correlation, -MOST_CORRELATION, MOST_CORRELATION)))


def gap(losses: np.ndarray) -> float:
    """Return by how much ln(loss) of the last good trial is below that of the middle one."""
    low, middle = np.nanquantile(np.log(losses), [GOOD, 0.5])
    return float(middle - low)


def tail(losses: np.ndarray) -> float:
    """Return by how many gaps ln(loss) falls with a unit of the normal score, for good trials."""
    succeeded = losses[~np.isnan(losses)]
    n_good = max(FEWEST_GOOD, round(GOOD * len(succeeded)))
    slope = np.polyfit(np.sort(scores(succeeded))[:n_good], np.sort(np.log(succeeded))[:n_good], 1)
    distance = gap(losses)
    return float(slope[0] / distance) if distance else 0.0


def agreement_of(losses: Sequence[np.ndarray], place: int) -> float:
    """Return how a size agrees with the largest one, and the largest with the one before it."""
    last = len(losses) - 1
    return agreement(losses[place], losses[last if place < last else last - 1])


def extrapolate_seconds(
    train_seconds: np.ndarray,
    validation_seconds: np.ndarray,
    *,
    updates: np.ndarray,
    validations: np.ndarray,
) -> np.ndarray:
    """Return what trainings take with more updates and validations, (n_trials,), in seconds.

    `updates` and `validations` tell how many times as many of each there are. A validation of
    twice the samples counts twice.
    """
    return train_seconds * updates + validation_seconds * validations


def predict(
    pilots: Sequence[Pilot],
    place: int,
    full_seconds: np.ndarray,
    *,
    n_trials: int,
    numbers: Sequence[int],
    prior: Prior,
) -> Iterator[Prediction]:
    """Yield what one training of the pilot comes to in step 1, for each number of retrainings.

    Parameters
    ----------
    pilots : the trainings of the same trials, the one on the fewest samples first; at least two
    place : which of them step 1 is
    full_seconds : processor seconds that each of these trials would take on all data, (n_trials,)
    n_trials : how many trials the search has
    numbers : how many of them are retrained
    prior : what the pilot cannot see
    """
    # The same random numbers each time, so that plans differ by what they are.
    random = np.random.default_rng(0)
    winners, regrets = _simulate(pilots, place, n_trials, numbers, prior, random)
    for number, log_losses, log_regrets in zip(numbers, winners, regrets, strict=True):
        first, again, full = _costs(pilots[place], full_seconds, n_trials, number, random)
        error = np.exp(prior.cost.draw(random, N_STUDIES)[:, 0])
        hours = float(np.median(first + again * error)) / 3600
        yield Prediction(
            place,
            n_trials,
            number,
            _interval(np.log(full * error / (first + again * error))),
            _interval(log_regrets),
            float(np.exp(np.quantile(log_regrets, USUAL))),
            float(np.median(log_losses)),
            hours,
        )


def count_affordable(
    pilot: Pilot, full_seconds: np.ndarray, *, hours: float, n_retrained: int
) -> int:
    """Return how many trials so many processor hours allow, with these retrained."""
    order = np.argsort(scores(pilot.losses), kind="stable")
    finalists = full_seconds[order[: max(1, round(FINALISTS * len(order)))]].mean()
    return int((3600 * hours - n_retrained * finalists) / pilot.seconds.mean())


def fit_plans(predictions: Sequence[Prediction], regret: float) -> list[Prediction]:
    """Return the plans with a regret of at most `regret` above 1 in three of four studies.

    Plans whose intervals are too wide to tell anything are left out, and those that may be no
    cheaper than the search on all data.
    """
    return [
        plan
        for plan in predictions
        if plan.span <= MOST_SPAN and plan.factor[0] > 1 and plan.usual_regret <= 1 + regret
    ]


def cheapest(plans: Sequence[Prediction]) -> Prediction | None:
    """Return the plan that is the most times cheaper than a search on all data, if there is any."""
    return max(plans, key=lambda plan: plan.factor[1], default=None)


def best(plans: Sequence[Prediction]) -> Prediction | None:
    """Return the plan whose winner has the lowest loss, if there is any."""
    return min(plans, key=lambda plan: plan.log_loss, default=None)


def _simulate(
    pilots: Sequence[Pilot],
    place: int,
    n_trials: int,
    numbers: Sequence[int],
    prior: Prior,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return ln(loss) of the winners of studies, and ln(regret), (n_numbers, n_studies) each."""
    n_studies = int(np.clip(N_SIMULATED // n_trials, FEWEST_STUDIES, N_STUDIES))
    losses = [pilot.losses for pilot in pilots]
    largest = losses[-1]
    # The sampling error of Fisher's z comes to how far all data are from what the pilot shows.
    z = agreement_of(losses, place) + prior.correlation.draw(random, n_studies)
    z += random.normal(0, 1 / np.sqrt(len(largest) - 3), (n_studies, 1))
    gaps = gap(largest) * np.exp(prior.gap.draw(random, n_studies))
    tails = tail(largest) * np.exp(prior.tail.draw(random, n_studies))
    noise = np.exp(prior.noise.draw(random, n_studies))
    before, scatter, choosing, telling = random.normal(size=(4, n_studies, n_trials))
    after = np.tanh(z) * before + scatter / np.cosh(z)
    logs = gaps * _shape(after, tails)
    # One training on all data chooses; another one tells how good the winner is.
    order = np.argsort(before, axis=1)
    seen, true = (
        np.take_along_axis(logs + noise * chance, order, axis=1) for chance in (choosing, telling)
    )
    best = _at_lowest(seen, true)
    winners = np.array([_at_lowest(seen[:, :number], true) for number in numbers])
    return winners, winners - best


def _at_lowest(seen: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return, for each row, the true value where the seen one is lowest, (n_rows,)."""
    return np.take_along_axis(true, seen.argmin(axis=1)[:, None], axis=1)[:, 0]


def _shape(score: np.ndarray, tails: np.ndarray) -> np.ndarray:
    """Return ln(loss) of trials by their normal score, in gaps from the middle one."""
    return np.where(score > GOOD_SCORE, score / -GOOD_SCORE, -1 + tails * (score - GOOD_SCORE))


def _costs(
    pilot: Pilot, full_seconds: np.ndarray, n_trials: int, number: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return seconds of step 1, step 2 and the search on all data of studies, (n_studies,) each.

    The trials of a study are a bootstrap sample of those of the pilot.
    """
    order = np.argsort(scores(pilot.losses), kind="stable")
    n_pilot = len(order)
    rows = order[np.sort(random.integers(0, n_pilot, (N_STUDIES, n_pilot)), axis=1)]
    better = rows[:, : max(1, round(FINALISTS * n_pilot))]
    drawn = random.integers(0, better.shape[1], (N_STUDIES, min(number, N_DRAWN)))
    finalists = np.take_along_axis(better, drawn, axis=1)
    return (
        n_trials * pilot.seconds[rows].mean(axis=1),
        number * full_seconds[finalists].mean(axis=1),
        n_trials * full_seconds[rows].mean(axis=1),
    )


def _interval(logs: np.ndarray) -> Interval:
    """Return the ends and the middle of ratios by their logarithms."""
    low, middle, high = np.exp(np.quantile(logs, TAILS))
    return float(low), float(middle), float(high)
