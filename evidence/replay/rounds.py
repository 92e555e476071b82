"""Rounds of retraining in studies of which the truth is known, as `retrain.until` makes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from twostep.analysis.remaining import better_left

HEADINGS = [
    "ended early",
    "of these a better trial was lost in",
    "retrained in these, mean",
    "a fixed top_k as safe in these",
]


@dataclass(frozen=True)
class Ended:
    """How the rounds of one study ended.

    `n_retrained` counts finalists and all controls. `is_lost` tells whether a better trial was
    left, and `sufficient` is the smallest top_k beyond which no trial is better.
    """

    finalists: int
    n_retrained: int
    is_lost: bool
    sufficient: int


def retrain_in_rounds(
    rng: np.random.Generator,
    losses: np.ndarray,
    *,
    round_size: int,
    most: int,
    n_controls: int,
    probability: float,
    tolerance: float,
) -> Ended:
    """Return how rounds of retraining end that take the first trials of a ranking.

    `losses` are (n_trials,), those of step 2 in the order of step 1. Controls are drawn in one
    random order from the trials beyond the finalists; one that becomes a finalist is replaced.
    """
    n_trials, order = len(losses), rng.permutation(len(losses))
    tried: set[int] = set()
    for finalists in [*range(round_size, most, round_size), most]:
        controls = [place for place in order if place >= finalists][:n_controls]
        tried |= {*range(finalists), *controls}
        places = np.array([*range(finalists), *controls])
        answer = better_left(
            steps_of(losses, places, finalists),
            n_trials=n_trials,
            top_k=finalists,
            tolerance=tolerance,
            risk=probability,
        )
        if answer.is_enough(probability):
            break
    others = np.setdiff1d(np.arange(n_trials), sorted(tried))
    limit = losses[sorted(tried)].min() / (1 + tolerance)
    is_lost = bool((losses[others] < limit).any())
    return Ended(finalists, len(tried), is_lost, sufficient(losses, tolerance))


def steps_of(losses: np.ndarray, places: np.ndarray, finalists: int) -> pd.DataFrame:
    """Return the trials at some places of a ranking, from 0, as `better_left` takes them."""
    return pd.DataFrame(
        {
            "step_1_rank": places + 1,
            "step_2_loss": losses[places],
            "control": places >= finalists,
        }
    )


def sufficient(losses: np.ndarray, tolerance: float) -> int:
    """Return the smallest top_k beyond which no trial is better by more than the tolerance."""
    best_so_far = np.minimum.accumulate(losses)
    best_beyond = np.append(np.minimum.accumulate(losses[::-1])[::-1][1:], np.inf)
    return int(np.argmax(best_beyond >= best_so_far / (1 + tolerance))) + 1


def describe(studies: Sequence[Ended], most: int) -> list[str]:
    """Return what the HEADINGS name of studies in which at most so many are finalists."""
    early = [ended for ended in studies if ended.finalists < most]
    told = [f"{100 * len(early) / len(studies):.0f} %"]
    if not early:
        return [*told, "", "", ""]
    n_lost = sum(ended.is_lost for ended in early)
    needed = sorted(ended.sufficient for ended in early)
    return [
        *told,
        f"{100 * n_lost / len(early):.1f} %",
        f"{np.mean([ended.n_retrained for ended in early]):.0f}",
        f"{needed[len(needed) - n_lost - 1]:,}",
    ]
