"""Which networks are the best on few and on all data: their sizes and depths."""

import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

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
# What has a single value, but for rounding.
NO_SCATTER = 1e-9


def describe(matrix: Matrix, trainings: list[Training]) -> str:
    """Return the sizes and depths of the best networks of each training, repetition 0."""
    sizes = matrix.trials["n_parameters"].to_numpy()
    depths = hidden_layers(matrix.trials)
    rows = [
        [
            "training",
            *(f"fewest parameters within {labels.percent(t)} [90 %]" for t in TOLERANCES),
            f"parameters of the best {N_BEST}: smallest, median, largest",
            "hidden layers of these",
            "distance of two of these, of two of all: 1",
        ]
    ]
    for setting, samples, epochs in trainings:
        column = columns(matrix, setting, samples, epochs)[0]
        known = ~np.isnan(column.losses)
        best = column.first(N_BEST)
        rows.append(
            [
                labels.training(matrix, setting, samples, epochs),
                *(
                    _complexity(sizes[known], column.losses[known], tolerance)
                    for tolerance in TOLERANCES
                ),
                ", ".join(f"{size:,.0f}" for size in np.quantile(sizes[best], (0, 0.5, 1))),
                _counts(depths[best]),
                f"{spread(matrix.trials.iloc[best], matrix.trials):.2f}",
            ]
        )
    return table(rows)


def hidden_layers(trials: pd.DataFrame) -> np.ndarray:
    """Return the hidden layers of each network, (n_trials,).

    In networks of the user's own, the convolutions and the dense layer behind them.
    """
    if "n_hidden_layers" in trials:
        return trials["n_hidden_layers"].to_numpy()
    return trials["n_convolutions"].to_numpy() + 1


def spread(chosen: pd.DataFrame, all_trials: pd.DataFrame) -> float:
    """Return the mean distance of two chosen trials, in units of that of two of all.

    In hidden layers, the logarithm of the parameters and that of the learning rate where it was
    varied, each scaled by its standard deviation over all trials.
    """
    places = [
        np.column_stack(
            [
                hidden_layers(trials),
                np.log(trials["n_parameters"]),
                *(np.log(trials[name]) for name in trials if name == "learning_rate"),
            ]
        )
        for trials in (chosen, all_trials)
    ]
    scales = places[1].std(axis=0)
    varied = scales > NO_SCATTER
    distances = [pdist(place[:, varied] / scales[varied]).mean() for place in places]
    return float(distances[0] / distances[1])


def _complexity(sizes: np.ndarray, losses: np.ndarray, tolerance: float) -> str:
    found = minimal_complexity(sizes, losses, tolerance)
    return f"{found.n_parameters:,} [{found.low:,}, {found.high:,}]"


def _counts(depths: np.ndarray) -> str:
    """Return e.g. "2: 3, 3: 5, 4: 2", the numbers of trials by depth."""
    found = zip(*np.unique(depths, return_counts=True), strict=True)
    return ", ".join(f"{depth}: {count}" for depth, count in found)
