"""What is kept of the values as the files have them, from the one pass over the data."""

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.far_values import FarValues
from twostep.data.split_numbers import TRAINING, UNKNOWN
from twostep.data.test_sample import TestSample

# ASSUME: a range that is a smaller part of the largest value is one of rounding. Single precision,
# in which many programs keep their values, has steps of 1e-7 of a value.
ROUNDING = 1e-6


class RawValues:
    """Exact ranges, far values and a sample of the test split, in physical units.

    `lowest` and `highest` are those of the training split, float64 (n_columns,). `far` has the far
    values of each column in all splits. `first_row` is the first row that is used.
    """

    def __init__(self, columns: Columns, sample: np.ndarray, seed: int) -> None:
        n_columns = len(columns.features)
        self._variables = list(columns.transforms)
        self.lowest, self.highest = np.full(n_columns, np.inf), np.full(n_columns, -np.inf)
        self.far = [FarValues(values) for values in sample.T]
        self.test = TestSample(columns.widths, seed)
        self.first_row: int | None = None
        self.n_rows = 0

    def add(self, values: dict[str, np.ndarray], splits: np.ndarray, first_row: int) -> None:
        """Take the rows of a slab that begins with row `first_row`.

        Parameters
        ----------
        values : {variable: float64 array of (n_rows, n_entries)}, physical units
        splits : (n_rows,), the split of each row, UNKNOWN if it cannot be used
        """
        blocks = [values[variable] for variable in self._variables]
        self.test.add(blocks, splits)
        used = np.flatnonzero(splits != UNKNOWN)
        if not used.size:
            return
        if len(used) < len(splits):
            blocks = [block[used] for block in blocks]
        rows = first_row + used
        if self.first_row is None:
            self.first_row = int(rows[0])
        self.n_rows += len(rows)
        is_training = splits[used] == TRAINING
        column = 0
        for block in blocks:
            extremes = zip(*(ends.tolist() for ends in _ends(block)), strict=True)
            for entry, (low, high) in enumerate(extremes):
                self._add_to_range(column, low, high, block[:, entry], is_training)
                far = self.far[column]
                if low < far.low or high > far.high:
                    far.add(block[:, entry], rows)
                column += 1

    def _add_to_range(
        self, column: int, low: float, high: float, values: np.ndarray, is_training: np.ndarray
    ) -> None:
        """Add values, (n_rows,), between `low` and `high`, to the range of the training split."""
        if low >= self.lowest[column] and high <= self.highest[column]:
            return
        beyond = np.flatnonzero((values < self.lowest[column]) | (values > self.highest[column]))
        own = values[beyond[is_training[beyond]]]
        if own.size:
            self.lowest[column] = min(self.lowest[column], own.min())
            self.highest[column] = max(self.highest[column], own.max())

    def vary_by_rounding(self) -> np.ndarray:
        """Return which columns are as good as constant in the training split, (n_columns,)."""
        largest = np.maximum(np.abs(self.lowest), np.abs(self.highest))
        with np.errstate(over="ignore"):
            return self.highest - self.lowest <= ROUNDING * largest


def _ends(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest values, (n_columns,), of (n_rows, n_columns), but for NaN."""
    lowest, highest = values.min(axis=0), values.max(axis=0)
    if np.isnan(lowest).any():
        # Of a masked output. It takes longer, and has NaN only where all is missing.
        return np.fmin.reduce(values, axis=0), np.fmax.reduce(values, axis=0)
    return lowest, highest
