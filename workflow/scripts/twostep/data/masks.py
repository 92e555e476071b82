"""Outputs whose missing values are masked: how many values each split has of them."""

import logging

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.splits import SPLITS
from twostep.util.errors import UserError

log = logging.getLogger(__name__)


class MaskedValues:
    """Counts of the values of masked outputs that are there, by split."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._places = np.flatnonzero(columns.is_masked)
        self._there, self._n_rows = np.zeros((2, len(SPLITS), len(self._places)), int)

    def add(self, rows: np.ndarray, splits: np.ndarray) -> None:
        """Take rows, (n_rows, n_columns), NaN where missing, of these splits, (n_rows,)."""
        if not self._places.size:
            return
        for code in range(len(SPLITS)):
            own = rows[np.flatnonzero(splits == code)[:, None], self._places]
            self._there[code] += np.isfinite(own).sum(axis=0)
            self._n_rows[code] += len(own)

    def check(self) -> None:
        """Raise UserError if all values of an output are missing in a split."""
        for split, counts in zip(SPLITS, self._there, strict=True):
            for place, count in zip(self._places, counts, strict=True):
                name = self._columns.features[place].name
                if not count:
                    raise UserError(
                        f"output {name!r} has no value in the {split} split: all of them are "
                        "missing; take the output out, or change the section split of the config"
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
