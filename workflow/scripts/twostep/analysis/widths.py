"""The widths of the hidden layers of trials, from their tables."""

import math

import numpy as np
import pandas as pd

from twostep.trials.networks import PATTERNS


def widths_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the geometric mean and the narrowest of each trial's hidden layers, in units."""
    widths = _parse(trials)
    return pd.DataFrame(
        {
            "mean_width": [round(math.exp(np.log(units).mean()), 6) for units in widths],
            "narrowest": [units.min() for units in widths],
        },
        index=trials.index,
    )


def pattern_of(trials: pd.DataFrame, patterns: list[str]) -> pd.Series:
    """Return the strictest of these patterns that each trial's widths follow.

    A trial may have been drawn as another one: independent widths happen to be equal, too, and one
    hidden layer is of every pattern. It trains in the same way whatever it was drawn as.
    """
    follows = {
        "equal": lambda units: (units == units[0]).all(),
        "tapering": lambda units: (np.diff(units) <= 0).all(),
        "independent": lambda units: True,
    }
    strictest_first = [pattern for pattern in PATTERNS if pattern in patterns]
    found = [
        next(pattern for pattern in strictest_first if follows[pattern](units))
        for units in _parse(trials)
    ]
    return pd.Series(found, trials.index)


def _parse(trials: pd.DataFrame) -> list[np.ndarray]:
    return [np.array(text.split("-"), float) for text in trials["hidden_widths"]]
