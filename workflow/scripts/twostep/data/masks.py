"""Outputs whose missing values are masked: how many values each split has of them."""

import logging

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.split_numbers import SPLITS
from twostep.util.errors import UserError

log = logging.getLogger(__name__)


class MaskedValues:
    """Counts of the values of masked outputs that are there, by split.

    Those of samples whose weight is 0 are there, and do not count in a loss.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._places = np.flatnonzero(columns.is_masked)
        shape = (3, len(SPLITS), len(self._places))
        self._there, self._weighed, self._n_rows = np.zeros(shape, int)

    def add(self, rows: np.ndarray, splits: np.ndarray, weights: np.ndarray | None) -> None:
        """Take rows, (n_rows, n_columns), NaN where missing, of these splits, (n_rows,).

        `weights` are those of the samples, (n_rows,), if they have any.
        """
        if not self._places.size:
            return
        for code in range(len(SPLITS)):
            chosen = np.flatnonzero(splits == code)
            there = np.isfinite(rows[chosen[:, None], self._places])
            counts = there if weights is None else there & (weights[chosen] > 0)[:, None]
            self._there[code] += there.sum(axis=0)
            self._weighed[code] += counts.sum(axis=0)
            self._n_rows[code] += len(there)

    def check(self) -> None:
        """Raise UserError if all values of an output are missing in a split."""
        for split, counts in zip(SPLITS, self._weighed, strict=True):
            for place, count in zip(self._places, counts, strict=True):
                name = self._columns.features[place].name
                if not count:
                    raise UserError(
                        f"output {name!r} has no value that counts in the {split} split: all are "
                        "missing, or the weight of the sample is 0. Take the output out, or change "
                        "the section split of the config"
                    )

    def describe(self) -> dict[str, dict[str, int]]:
        """Return the numbers of missing values of each output by split, and log them."""
        missing = (self._n_rows - self._there).T
        found = {
            self._columns.features[place].name: dict(zip(SPLITS, counts.tolist(), strict=True))
            for place, counts in zip(self._places, missing, strict=True)
        }
        for name, numbers in found.items():
            log.info("%s is missing, and masked, in %d rows", name, sum(numbers.values()))
        return found
