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

# The middle 90 % of the simulated studies.
TAILS = (0.05, 0.5, 0.95)
# Simulated studies, and the trials of all of them together, at most.
N_STUDIES, N_SIMULATED = 1000, 1_000_000
FEWEST_STUDIES = 200
# The share of the trials that are called good, and the normal score of the last one of them.
GOOD = 0.1
GOOD_SCORE = float(ndtri(GOOD))
# ASSUME: finalists are as costly as this share of the pilot's trials, the best ones.
FINALISTS = 0.15
# Finalists whose costs are drawn one by one; the mean of more of them hardly varies.
N_DRAWN = 100
# The largest correlation that a pilot may show, because Fisher's transform of 1 is infinite.
MOST_CORRELATION = 0.99
# An interval tells nothing if its ends differ by more than this factor.
MOST_SPAN = 3.0


@dataclass(frozen=True)
class Prior:
    """What studies with known losses on all data tell of what a pilot cannot see.

    Correlations are those of normal scores of losses, in Fisher's transform z.

    Parameters
    ----------
    z_shift, z_spread : mean and standard deviation of z with all data less z with the pilot's
        largest size; for that size itself, less z with the size before it
    gap_shift, gap_spread : the same of ln(gap on all data / gap on the largest size), see `gap`
    tail : by how many gaps ln(loss) falls with a unit of the normal score, among the good trials
    noise : standard deviation of ln(loss) between the training on all data that chooses a winner
        and one that tells how good it is
    cost_spread : standard deviation of ln(predicted seconds on all data / needed ones)
    """

    z_shift: float
    z_spread: float
    gap_shift: float
    gap_spread: float
    tail: float
    noise: float
    cost_spread: float


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
    between them. `mean_regret` is the mean over studies. `mean_log_loss` is that of ln(loss) of the
    winner, less that of the middle one of all configurations. `hours` are processor hours.
    """

    pilot: int
    n_trials: int
    n_retrained: int
    factor: Interval
    regret: Interval
    mean_regret: float
    mean_log_loss: float
    hours: float

    @property
    def span(self) -> float:
        """How many times as large as its low end the high end of an interval is, at most."""
        return max(self.factor[2] / self.factor[0], self.regret[2] / self.regret[0])


def scores(losses: np.ndarray) -> np.ndarray:
    """Return the normal scores of losses, (n_trials,): the lowest loss first, failed trials last."""
    ranks = rankdata(np.where(np.isnan(losses), np.inf, losses))
    return ndtri((ranks - 0.5) / len(losses))


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return Fisher's z of the correlation of the normal scores of two sets of losses."""
    correlation = float(np.corrcoef(scores(first), scores(second))[0, 1])
    return float(np.arctanh(np.clip(correlation, -MOST_CORRELATION, MOST_CORRELATION)))


def gap(losses: np.ndarray) -> float:
    """Return by how much ln(loss) of the last good trial is below that of the middle one."""
    low, middle = np.nanquantile(np.log(losses), [GOOD, 0.5])
    return float(middle - low)


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
    ratios, logs = _simulate(pilots, place, n_trials, numbers, prior, random)
    for i, number in enumerate(numbers):
        first, again, full = _costs(pilots[place], full_seconds, n_trials, number, random)
        error = np.exp(random.normal(0, prior.cost_spread, N_STUDIES))
        hours = float(np.median(first + again * error)) / 3600
        yield Prediction(
            place,
            n_trials,
            number,
            _interval(full * error / (first + again * error)),
            _interval(ratios[i]),
            float(ratios[i].mean()),
            float(logs[i].mean()),
            hours,
        )


def recommend(predictions: Sequence[Prediction], regret: float) -> Prediction | None:
    """Return the cheapest plan with a mean regret of at most `regret` above 1; None if none has.

    Plans whose intervals are too wide to tell anything are left out, and those that may be no
    cheaper than the search on all data.
    """
    fit = [
        plan
        for plan in predictions
        if plan.span <= MOST_SPAN and plan.factor[0] > 1 and plan.mean_regret <= 1 + regret
    ]
    return max(fit, key=lambda plan: plan.factor[1], default=None)


def _simulate(
    pilots: Sequence[Pilot],
    place: int,
    n_trials: int,
    numbers: Sequence[int],
    prior: Prior,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the regrets and the winners' ln(loss) of studies, (n_numbers, n_studies) each."""
    n_studies = int(np.clip(N_SIMULATED // n_trials, FEWEST_STUDIES, N_STUDIES))
    losses = [pilot.losses for pilot in pilots]
    # The sampling error of Fisher's z, and how far all data are from what the pilot shows.
    spread = np.hypot(1 / np.sqrt(len(losses[0]) - 3), prior.z_spread)
    z = agreement_of(losses, place) + random.normal(prior.z_shift, spread, (n_studies, 1))
    gaps = gap(losses[-1]) * np.exp(
        random.normal(prior.gap_shift, prior.gap_spread, (n_studies, 1))
    )
    before, scatter, choosing, telling = random.normal(size=(4, n_studies, n_trials))
    after = np.tanh(z) * before + scatter / np.cosh(z)
    logs = gaps * _shape(after, prior.tail)
    # One training on all data chooses; another one tells how good the winner is.
    order = np.argsort(before, axis=1)
    seen, true = (
        np.take_along_axis(logs + prior.noise * chance, order, axis=1)
        for chance in (choosing, telling)
    )
    best = _at_lowest(seen, true)
    winners = np.array([_at_lowest(seen[:, :number], true) for number in numbers])
    return np.exp(winners - best), winners


def _at_lowest(seen: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return, for each row, the true value where the seen one is lowest, (n_rows,)."""
    return np.take_along_axis(true, seen.argmin(axis=1)[:, None], axis=1)[:, 0]


def _shape(score: np.ndarray, tail: float) -> np.ndarray:
    """Return ln(loss) of trials by their normal score, in gaps from the middle one."""
    return np.where(score > GOOD_SCORE, score / -GOOD_SCORE, -1 + tail * (score - GOOD_SCORE))


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


def _interval(values: np.ndarray) -> Interval:
    low, middle, high = np.quantile(values, TAILS)
    return float(low), float(middle), float(high)
