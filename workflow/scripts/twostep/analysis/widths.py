"""The widths of the hidden layers of trials, from their tables."""

import math

import numpy as np
import pandas as pd


def widths_of(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the geometric mean and the narrowest of each trial's hidden layers, in units."""
    widths = [np.array(text.split("-"), float) for text in trials["hidden_widths"]]
    return pd.DataFrame(
        {
            "mean_width": [round(math.exp(np.log(units).mean()), 6) for units in widths],
            "narrowest": [units.min() for units in widths],
        },
        index=trials.index,
    )
