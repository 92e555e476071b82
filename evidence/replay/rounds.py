"""Rounds of retraining in studies of which the truth is known, as `retrain.until` makes them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from twostep.analysis.remaining import better_left


@dataclass(frozen=True)
class Ended:
    """How the rounds of one study ended: finalists, all retrained trials, and what was lost.

    `reason` is why it could not be told in the last round, "" otherwise.
    """

    finalists: int
    n_retrained: int
    is_lost: bool
    reason: str


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
        steps = pd.DataFrame(
            {
                "step_1_rank": places + 1,
                "step_2_loss": losses[places],
                "control": places >= finalists,
            }
        )
        answer = better_left(
            steps, n_trials=n_trials, top_k=finalists, tolerance=tolerance, risk=probability
        )
        if answer.is_enough(probability):
            break
    others = np.setdiff1d(np.arange(n_trials), sorted(tried))
    lost = bool(len(others)) and losses[others].min() < losses[sorted(tried)].min() / (
        1 + tolerance
    )
    return Ended(finalists, len(tried), bool(lost), answer.reason)
