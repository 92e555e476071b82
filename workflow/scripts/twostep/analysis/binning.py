"""How a quantity depends on another one: its quantiles in bins."""

import numpy as np
import pandas as pd

# More distinct values than these are put into bins of several values. So are values that are there
# fewer times than this on average: by themselves, they would show chance.
MOST_VALUES = 25
FEWEST_ALIKE = 3


def log_bins(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bin of each positive value: one bin per value, or for many equal ones in log.

    Bins are numbered from 0 in ascending order of the values; some may be empty.
    """
    distinct = np.unique(values)
    if len(distinct) <= min(MOST_VALUES, len(values) / FEWEST_ALIKE):
        return np.searchsorted(distinct, values)
    edges = np.geomspace(distinct[0], distinct[-1], n_bins + 1)
    return np.searchsorted(edges[1:-1], values, side="right")


def equal_bins(values: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bin of each value; bins hold about as many values each, equal ones together."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right")


def summarise_bins(
    values: np.ndarray, quantity: np.ndarray, bins: np.ndarray, tails: tuple[float, float]
) -> pd.DataFrame:
    """Return the distribution of a quantity in each bin that is not empty.

    Parameters
    ----------
    values : (n,), what is on the axis of the bins
    quantity : (n,), what depends on it
    bins : (n,), the number of each value's bin
    tails : probabilities of the lower and the upper quantile

    Returns
    -------
    Table with one row per bin, in ascending order: `centre` (median of the values), `n`, and of
    the quantity `smallest`, `low`, `median` and `high`.
    """
    groups = pd.DataFrame({"value": values, "quantity": quantity}).groupby(np.asarray(bins))
    quantities = groups["quantity"]
    return pd.DataFrame(
        {
            "centre": groups["value"].median(),
            "n": groups.size(),
            "smallest": quantities.min(),
            "low": quantities.quantile(tails[0]),
            "median": quantities.median(),
            "high": quantities.quantile(tails[1]),
        }
    ).reset_index(drop=True)
