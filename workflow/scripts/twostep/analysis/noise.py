"""Which of the retrained trials cannot be told from the best one, and how large the chance is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from twostep.trials.selection import complete_trials

# Standard errors within which one difference may be chance, at a confidence of 95 %.
ERRORS = 1.96
# All comparisons with the best together are as sure as this.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class RepetitionNoise:
    """What several repetitions tell of the loss of `n_trials` trials.

    `noise` is the standard deviation of the logarithm of the loss among the `n_repetitions`
    trainings of a trial, about a relative deviation.
    """

    n_trials: int
    n_repetitions: int
    noise: float


@dataclass(frozen=True)
class Rivals:
    """The trials that cannot be told from the `best` one of `n_trials` that were compared.

    `trials` are in the order of their losses, without the best. `allowance` is the median of what
    a loss may exceed the best loss by, by chance, as a part of that loss. It takes into account the
    validation `sample`, the `seeds` or both.
    """

    best: int
    n_trials: int
    trials: list[int]
    allowance: float
    sample: bool
    seeds: bool


def repetition_noise(retrained: pd.DataFrame) -> RepetitionNoise | None:
    """Return what the repetitions tell of trials, rows of the table of retrained models.

    Trials of which a repetition failed are left out; None with less than two trials or
    repetitions, or with a loss of 0.
    """
    complete = complete_trials(retrained)
    losses = complete.groupby("trial")["min_val_loss"].agg(list)
    n_repetitions = min(map(len, losses), default=0)
    if len(losses) < 2 or n_repetitions < 2 or (complete["min_val_loss"] <= 0).any():
        return None
    logarithms = np.log(np.array(losses.tolist()))
    noise = float(np.sqrt(logarithms.var(axis=1, ddof=1).mean()))
    return RepetitionNoise(len(losses), n_repetitions, noise)


def find_rivals(retrained: pd.DataFrame, repetitions: RepetitionNoise | None) -> Rivals | None:
    """Return which trials cannot be told from the best of all retrained ones.

    Parameters
    ----------
    retrained : rows of the table of retrained models
    repetitions : their noise, None if it is not known

    Returns
    -------
    Rivals, or None if there is nothing to compare, no error is known or the best loss is 0. These
    are multiple comparisons with the best (Edwards and Hsu, 1983, "Multiple comparisons with the
    best treatment"): a trial is out only if its loss is higher than the best by more than the
    allowance. By Bonferroni, the trial that is truly best is in with the confidence, whatever the
    errors have in common. The allowance is two-sided, so that two equal trials are told apart as
    seldom.

    The error of a difference adds that of the validation sample and, with repetitions, that of
    the seeds. Without these, networks are compared, and not their configurations.
    """
    trials = _by_trial(retrained)
    if len(trials) < 2 or trials["loss"].iloc[0] <= 0:
        return None
    best, rest = trials["loss"].iloc[0], trials.iloc[1:]
    is_known = rest["error"].notna()
    if repetitions is None:
        rest = rest[is_known]
    if rest.empty:
        return None
    sample = rest["error"].fillna(0).to_numpy() ** 2
    seeds, n_free = np.zeros(len(rest)), 1
    if repetitions is not None:
        n_repetitions = repetitions.n_repetitions
        seeds = repetitions.noise**2 * (rest["loss"].to_numpy() ** 2 + best**2) / n_repetitions
        n_free = repetitions.n_trials * (n_repetitions - 1)
    allowance = _allowance(sample, rest["parts"].to_numpy() - 1, seeds, n_free)
    alike = rest["loss"] - best <= allowance
    return Rivals(
        best=int(trials.index[0]),
        n_trials=len(rest) + 1,
        trials=[int(trial) for trial in rest.index[alike]],
        allowance=float(np.median(allowance) / best),
        sample=bool(is_known.any()),
        seeds=repetitions is not None,
    )


def _by_trial(retrained: pd.DataFrame) -> pd.DataFrame:
    """Return the columns loss, error and parts of each complete trial, the best one first."""
    trials = complete_trials(retrained).groupby("trial")
    table = trials.agg(
        loss=("min_val_loss", "mean"),
        error=("difference_error", "first"),
        parts=("validation_parts", "first"),
    )
    return table.sort_values("loss", kind="stable")


def _allowance(
    sample: np.ndarray, sample_free: np.ndarray, seeds: np.ndarray, seeds_free: int
) -> np.ndarray:
    """Return by how much a loss may exceed the best one by chance, (n_comparisons,).

    `sample` and `seeds` are variances of the difference, each with its degrees of freedom, which
    are combined after Welch and Satterthwaite.
    """
    variance = sample + seeds
    spread = sample**2 / np.maximum(sample_free, 1) + seeds**2 / seeds_free
    n_free = np.divide(variance**2, spread, out=np.ones(len(variance)), where=spread > 0)
    level = 1 - (1 - CONFIDENCE) / (2 * len(variance))
    return student.ppf(level, n_free) * np.sqrt(variance)
