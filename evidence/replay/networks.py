"""Which networks are the best on few and on all data: their sizes and depths."""

import numpy as np

from matrix.load import Matrix
from replay import labels
from replay.agreement import Training
from replay.comparisons import columns
from twostep.analysis.complexity import minimal_complexity
from twostep.util.wording import table

# A loss is good enough at so much above the best one.
TOLERANCES = (0.05, 0.25)
# The best trials, whose networks are looked at.
N_BEST = 10


def describe(matrix: Matrix, trainings: list[Training]) -> str:
    """Return the sizes and depths of the best networks of each training, repetition 0."""
    sizes = matrix.trials["n_parameters"].to_numpy()
    depths = matrix.trials["n_hidden_layers"].to_numpy()
    rows = [
        [
            "training",
            *(f"fewest parameters within {labels.percent(t)} [90 %]" for t in TOLERANCES),
            f"parameters of the best {N_BEST}: smallest, median, largest",
            "hidden layers of these",
        ]
    ]
    for setting, samples, epochs in trainings:
        column = columns(matrix, setting, samples, epochs)[0]
        known = ~np.isnan(column.losses)
        best = np.argsort(np.nan_to_num(column.losses, nan=np.inf), kind="stable")[:N_BEST]
        rows.append(
            [
                labels.training(matrix, setting, samples, epochs),
                *(
                    _complexity(sizes[known], column.losses[known], tolerance)
                    for tolerance in TOLERANCES
                ),
                ", ".join(f"{size:,.0f}" for size in np.quantile(sizes[best], (0, 0.5, 1))),
                _counts(depths[best]),
            ]
        )
    return table(rows)


def _complexity(sizes: np.ndarray, losses: np.ndarray, tolerance: float) -> str:
    found = minimal_complexity(sizes, losses, tolerance)
    return f"{found.n_parameters:,} [{found.low:,}, {found.high:,}]"


def _counts(depths: np.ndarray) -> str:
    """Return e.g. "2: 3, 3: 5, 4: 2", the numbers of trials by depth."""
    found = zip(*np.unique(depths, return_counts=True), strict=True)
    return ", ".join(f"{depth}: {count}" for depth, count in found)
