"""The weights of samples: read from a variable, and on their way into the order of the rows."""

from collections.abc import Iterator

import numpy as np

from twostep.data.shuffle import Shuffler
from twostep.data.sizes import SAMPLE_WEIGHT
from twostep.data.source import Source
from twostep.data.split_numbers import SPLITS, TRAINING, UNKNOWN
from twostep.data.tally import Count, count_rows
from twostep.util.errors import UserError

_KEY = f"dataset.{SAMPLE_WEIGHT}"


class SampleWeights:
    """The weights of samples, in the order of those in `shuffler`, to which the same are added.

    Samples are weighed in losses; splits and scaling know nothing of it. What is read back has the
    mean 1 over the training split.
    """

    def __init__(self, variable: str, shuffler: Shuffler) -> None:
        self.variable = variable
        self._shuffler = shuffler.beside()
        self._sums, self._n_rows = np.zeros((2, len(SPLITS)))
        self._wrong: dict[str, Count] = {}

    def add(self, weights: np.ndarray, splits: np.ndarray, first_row: int) -> None:
        """Take the weights of rows, float64 (n_rows,), of these splits, (n_rows,)."""
        with np.errstate(over="ignore"):
            column = weights.astype(np.float32)
        used = splits != UNKNOWN
        is_finite = np.isfinite(column)
        reasons = {"missing or not finite": ~is_finite, "negative": is_finite & (column < 0)}
        for reason, where in reasons.items():
            count_rows(self._wrong, reason, where & used, first_row)
        counted = used & is_finite
        self._sums += np.bincount(
            splits[counted], weights=column[counted].astype(np.float64), minlength=len(SPLITS)
        )
        self._n_rows += np.bincount(splits[used], minlength=len(SPLITS))
        self._shuffler.add(column[:, None], splits)

    def check(self, source: Source) -> None:
        """Raise UserError if a weight is missing or negative, or all of a split are 0."""
        for reason, count in self._wrong.items():
            raise UserError(
                f"{_KEY}: {self.variable!r} is {reason} in {count.n_rows:,} rows, first in "
                f"{source.locate(count.first_row)}; weights must be numbers of at least 0: correct "
                "the data or choose another variable"
            )
        for split, total in zip(SPLITS, self._sums, strict=True):
            if total == 0:
                raise UserError(
                    f"{_KEY}: {self.variable!r} is 0 in all samples of the {split} split: correct "
                    "the data, or change the section split of the config"
                )

    def read(self, split: int) -> Iterator[np.ndarray]:
        """Yield the weights of a split in random order, float32 (n_rows, 1) at a time."""
        mean = self._sums[TRAINING] / self._n_rows[TRAINING]
        self._shuffler.count(split)
        for piece in self._shuffler.read(split):
            yield (piece / mean).astype(np.float32)

    def close(self) -> None:
        """Remove the temporary file."""
        self._shuffler.close()
