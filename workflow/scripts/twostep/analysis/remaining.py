"""Whether a better trial is left among those that were not retrained, and how many are enough.

Step 1 chooses by its own ranking. So the retrained trials were selected by the explanatory variable
alone, which does not bias a regression of the loss of step 2 on the rank of step 1. What it
predicts for the others, with all that is uncertain about it, answers the question.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from twostep.analysis.floor import FlooredFit
from twostep.analysis.regression import Regression
from twostep.trials.rounds import FEWEST_CONTROLS, FEWEST_FINALISTS, RISK

# ASSUME: where the correlation of the steps may be lower than this, a normal model says too much.
# With a floor to choose, few retrained trials seem to agree better than all do.
WEAKEST_CORRELATION = 0.7
# How many times `top_k` may be asked for: farther out, the regression would be trusted too far.
FARTHEST = 10
# A trial that is better than the regression by so many standard deviations speaks against it.
OUTLIER = 3.5
N_DRAWS = 500
DEGREES = (1, 2)
ALL_RETRAINED = "all trials were retrained"
# Groups of neighbouring ranks that are not told apart, far down the ranking.
N_BINS = 200


@dataclass(frozen=True)
class Remaining:
    """The answer for one fraction's ranking.

    `probability` is that of a trial that was not retrained and is better than the best retrained
    one by more than the tolerance; None where it cannot be told, for the `reason`. `enough` is the
    number of trials of the ranking that would have to be retrained for a probability of at most
    the risk: top_k itself if no more are needed; None if it cannot be told or is out of reach.
    """

    probability: float | None
    enough: int | None
    reason: str

    def is_enough(self, risk: float) -> bool:
        """Tell whether no more trials have to be retrained."""
        return self.probability is not None and self.probability <= risk


def better_left(
    steps: pd.DataFrame,
    *,
    n_trials: int,
    top_k: int,
    tolerance: float,
    risk: float = RISK,
    before: str = "step 1",
    after: str = "step 2",
) -> Remaining:
    """Return whether a better trial is left beyond the first `top_k` of a ranking.

    Parameters
    ----------
    steps : one row per retrained trial that succeeded in both steps, with the columns
        step_1_rank (1 ... n_trials), step_2_loss (finite, above 0) and control
    n_trials : how many trials the ranking of step 1 holds, failed ones left out
    top_k : how many of its first trials were retrained
    tolerance : a trial counts as better if its loss is below that of the best retrained one divided
        by 1 + tolerance
    risk : the largest probability of a better trial that may be left
    before, after : what the trainings that are compared are called

    The logarithm of what a loss has above a floor is taken to be normal about a linear or a
    quadratic function of the normal score of the rank, with flat priors; the function that sees
    more left counts. The losses tell which floors are likely, from none to one just below them.
    """
    controls, finalists = steps[steps["control"]], steps[~steps["control"]]
    if len(steps) >= n_trials:
        return Remaining(0.0, top_k, ALL_RETRAINED)
    if len(controls) < FEWEST_CONTROLS or len(finalists) < FEWEST_FINALISTS:
        return _unknown(
            f"that takes at least {FEWEST_FINALISTS} finalists and {FEWEST_CONTROLS} controls that "
            f"succeeded, and there are {len(finalists)} and {len(controls)}"
        )
    losses = steps["step_2_loss"].to_numpy(dtype=float)
    if (losses <= 0).any() or np.ptp(losses) == 0:
        return _unknown(f"the losses of {after} are all the same, or not all above 0")
    scores = normal_scores(steps["step_1_rank"].to_numpy(dtype=float), n_trials)
    if _lowest_residual(scores, np.log(losses)) < -OUTLIER:
        return _unknown(
            f"a trial came out far better in {after} than its rank in {before} lets expect"
        )
    fits = [FlooredFit.of(scores, losses, degree, N_DRAWS) for degree in DEGREES]
    correlation = np.quantile(fits[0].correlations(), RISK)
    if correlation < WEAKEST_CORRELATION:
        return _unknown(
            "the losses of the two steps agree too little: their correlation may be as low as "
            f"{correlation:.2f}, and {WEAKEST_CORRELATION:g} is needed"
        )
    limit = losses.min() / (1 + tolerance)
    left = np.setdiff1d(np.arange(1, n_trials + 1), steps["step_1_rank"])
    ranks, counts = _bins(left, FARTHEST * top_k)
    points = normal_scores(ranks, n_trials)
    # For each bin, the probability of a better trial in it or in any that comes after it.
    beyond = np.r_[np.max([fit.better_from(points, counts, limit) for fit in fits], axis=0), 0.0]
    candidates = np.r_[top_k, ranks[(ranks > top_k) & (ranks <= FARTHEST * top_k)]]
    probabilities = beyond[np.searchsorted(ranks, candidates, side="right")]
    good = np.flatnonzero(probabilities <= risk)
    enough = int(candidates[good[0]]) if len(good) else None
    reason = "" if len(good) else f"more than {FARTHEST} times as many would be needed"
    return Remaining(float(probabilities[0]), enough, reason)


def _unknown(reason: str) -> Remaining:
    return Remaining(None, None, reason)


def normal_scores(ranks: np.ndarray, n_trials: int) -> np.ndarray:
    """Return what ranks 1 ... n_trials of normal numbers are expected to be, about."""
    return ndtri((ranks - 0.375) / (n_trials + 0.25))


def _lowest_residual(scores: np.ndarray, values: np.ndarray) -> float:
    """Return the lowest residual from a quadratic function in the better half of the ranking.

    In the worse half late learners are common, and none of them comes near the best.
    """
    design = np.vander(scores, max(DEGREES) + 1, increasing=True)
    regression = Regression.of(design, values, np.random.default_rng(0), 0)
    return float(regression.standardised[scores <= 0].min(initial=0.0))


def _bins(ranks: np.ndarray, single: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ranks and how many trials each stands for: up to `single` itself, then groups."""
    near, far = ranks[ranks <= single], ranks[ranks > single]
    groups = np.array_split(far, min(N_BINS, len(far))) if len(far) else []
    return (
        np.r_[near, [group.mean() for group in groups]],
        np.r_[np.ones(len(near)), [len(group) for group in groups]],
    )
