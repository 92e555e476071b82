"""Means and standard deviations of data that are seen piece by piece."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Scaling:
    """A centre and a spread for each feature, (n_features,), in transformed units."""

    centre: np.ndarray
    spread: np.ndarray

    @classmethod
    def estimate(cls, sample: np.ndarray) -> "Scaling":
        """Return the scaling of a sample, (n_samples, n_features), that may have missing values.

        It is that of the middle half, as a single absurd value must not set the scale for the
        others. Features without a spread get 1, so that it can be applied to any value.
        """
        has_values = np.isfinite(sample).any(axis=0)
        centre, spread = np.zeros(sample.shape[1]), np.ones(sample.shape[1])
        low, centre[has_values], high = np.nanquantile(
            sample[:, has_values], (0.25, 0.5, 0.75), axis=0
        )
        spread[has_values] = high - low
        flat = has_values & (spread == 0)
        spread[flat] = np.nanstd(sample[:, flat], axis=0)
        # Half of a variable may be zero but for the noise of its model, far below its other values.
        largest = np.nanmax(np.abs(sample[:, has_values] - centre[has_values]), axis=0)
        spread[has_values] = np.maximum(spread[has_values], 1e-12 * largest)
        return cls(centre, np.where(spread > 0, spread, 1.0))

    def keep_values(self, features: np.ndarray) -> None:
        """Let the features where this is true, (n_features,), keep their values: 0 and 1."""
        self.centre[features], self.spread[features] = 0.0, 1.0

    def select(self, kept: np.ndarray) -> "Scaling":
        """Return the scaling of some of the features, by their places, (n_kept,)."""
        return Scaling(self.centre[kept], self.spread[kept])


class Moments:
    """Mean and standard deviation of each column of rows that come in pieces.

    Values that are NaN do not count.
    """

    def __init__(self, n_columns: int) -> None:
        # By column.
        self.n_rows = np.zeros(n_columns)
        self._sum, self._squares = np.zeros(n_columns), np.zeros(n_columns)

    def add(self, rows: np.ndarray) -> None:
        """Add rows, (n_rows, n_columns), of numbers not far from 0 and 1."""
        if not len(rows):
            return
        numbers = rows.astype(np.float64)
        sums, n_rows = numbers.sum(axis=0), np.full(rows.shape[1], len(rows))
        if np.isnan(sums).any():
            missing = np.isnan(numbers)
            numbers[missing] = 0.0
            sums, n_rows = numbers.sum(axis=0), len(rows) - missing.sum(axis=0)
        self.n_rows += n_rows
        self._sum += sums
        self._squares += np.einsum("ij,ij->j", numbers, numbers)

    @property
    def mean(self) -> np.ndarray:
        """Means, (n_columns,)."""
        return self._sum / self.n_rows

    @property
    def std(self) -> np.ndarray:
        """Standard deviations, (n_columns,)."""
        return np.sqrt(np.maximum(self._squares / self.n_rows - self.mean**2, 0.0))
