"""How well losses on few data order trials as losses on all data do."""

import itertools

import numpy as np

from matrix.load import Matrix
from replay import labels
from replay.comparisons import columns, true_losses
from twostep.analysis.agreement import rank_correlation
from twostep.util.wording import short, table

# The better part of the trials, among which a choice matters.
BETTER = 0.25
Training = tuple[str, int | str, int]


def noise(matrix: Matrix, setting: str, samples: int | str, epochs: int) -> float | None:
    """Return by how much two trainings of a trial differ: the standard deviation of ln(ratio).

    None with one repetition. Over the better part of the trials.
    """
    found = columns(matrix, setting, samples, epochs)
    pairs = [
        np.log(first.losses / second.losses)[_better(first.losses + second.losses)]
        for first, second in itertools.combinations(found, 2)
    ]
    return float(np.sqrt(np.mean(np.concatenate(pairs) ** 2))) if pairs else None


def _better(losses: np.ndarray) -> np.ndarray:
    """Return the places of the better part of the losses."""
    n_chosen = max(3, round(BETTER * len(losses)))
    return np.argsort(losses, kind="stable")[:n_chosen]


def correlation(first: np.ndarray, second: np.ndarray) -> str:
    """Return the rank correlation of two sets of losses, failed trials left out."""
    both = ~np.isnan(first + second)
    return str(rank_correlation(first[both], second[both]))


def describe(matrix: Matrix, trainings: list[Training], setting: str, epochs: int) -> str:
    """Return how trainings order the trials of a matrix as a table; all data are the yardstick."""
    truth = true_losses(matrix, setting, epochs)
    better = _better(truth)
    rows = [
        [
            "training",
            "rank correlation with all data [95 %]",
            "within the better quarter",
            "two repetitions differ by",
            "lowest test loss",
            "processor s a trial",
        ]
    ]
    for name, samples, n_epochs in trainings:
        found = columns(matrix, name, samples, n_epochs)
        spread = noise(matrix, name, samples, n_epochs)
        label = labels.training(matrix, name, samples, n_epochs)
        for number, column in enumerate(found):
            rows.append(
                [
                    labels.with_repetition(label, number, len(found)),
                    correlation(column.losses, truth),
                    correlation(column.losses[better], truth[better]),
                    f"{100 * spread:.0f} %" if spread else "",
                    short(float(np.nanmin(column.test_losses))),
                    f"{column.seconds.mean():.2f}",
                ]
            )
    return table(rows)
