"""How much of the differences among the retrained trials is chance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import f_oneway

from twostep.trials.selection import complete_trials

# Standard errors within which a difference may be chance, at a confidence of 95 %.
ERRORS = 1.96


@dataclass(frozen=True)
class RepetitionNoise:
    """What several repetitions tell of the differences among `n_trials` trials.

    `noise` is the standard deviation of the logarithm of the loss among the `n_repetitions`
    trainings of a trial, about a relative deviation; `spread` that among the means of the trials,
    and `probability` how probable differences like these are by chance alone (analysis of
    variance).
    """

    n_trials: int
    n_repetitions: int
    noise: float
    spread: float
    probability: float


@dataclass(frozen=True)
class ValidationNoise:
    """How many of `n_trials` trials a validation sample cannot tell from the best one.

    Besides the best one itself. `error` is the median standard error of their losses' difference
    from the best loss, as a part of that loss.
    """

    n_trials: int
    n_alike: int
    error: float


def repetition_noise(retrained: pd.DataFrame) -> RepetitionNoise | None:
    """Return what the repetitions tell of trials, rows of the table of retrained models.

    Trials of which a repetition failed are left out; None with less than two trials or
    repetitions.
    """
    losses = complete_trials(retrained).groupby("trial")["min_val_loss"].agg(list)
    n_repetitions = min(map(len, losses), default=0)
    if len(losses) < 2 or n_repetitions < 2:
        return None
    logarithms = np.log(np.array(losses.tolist()))
    noise = float(np.sqrt(logarithms.var(axis=1, ddof=1).mean()))
    spread = float(logarithms.mean(axis=1).std(ddof=1))
    # Without any noise the trials differ for sure, or not at all.
    probability = float(f_oneway(*logarithms).pvalue) if noise else float(spread == 0)
    return RepetitionNoise(len(losses), n_repetitions, noise, spread, probability)


def validation_noise(retrained: pd.DataFrame) -> ValidationNoise | None:
    """Return how well the validation sample tells trials from the best of all retrained ones.

    `retrained` are rows of the table of retrained models. Trials without a known error are left
    out; None with less than two trials.
    """
    complete = complete_trials(retrained)
    trials = complete.groupby("trial").agg(
        loss=("min_val_loss", "mean"), error=("difference_error", "first")
    )
    best = trials["loss"].min()
    rest = trials.sort_values("loss", kind="stable").iloc[1:].dropna()
    if rest.empty:
        return None
    alike = rest["loss"] - best <= ERRORS * rest["error"]
    return ValidationNoise(len(rest) + 1, int(alike.sum()), float(rest["error"].median() / best))
