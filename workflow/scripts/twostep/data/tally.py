"""Counts of the rows that cannot be used, by reason and feature."""

import logging
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from twostep.data.source import Source
from twostep.util.errors import UserError
from twostep.util.text import LONGEST_LIST

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)


@dataclass
class Count:
    """How many rows, and the first of them."""

    n_rows: int
    first_row: int


def count_rows(counts: dict[Key, Count], key: Key, where: np.ndarray, first_row: int) -> None:
    """Add the rows that `where`, (n_rows,) from `first_row` on, is true for to a key's count."""
    n_rows = int(np.count_nonzero(where))
    if n_rows:
        count = counts.setdefault(key, Count(0, first_row + int(where.argmax())))
        count.n_rows += n_rows


class Tally:
    """Counts of the rows that cannot be used, by feature and reason, with the first of each."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.n_unusable = 0
        self._counts: dict[tuple[str, str], Count] = {}

    def add(self, feature: str, reasons: dict[str, np.ndarray], first_row: int) -> None:
        """Count rows that a feature makes unusable.

        `reasons` are {reason: which of the rows, (n_rows,) from `first_row` on}, each row under one
        of them.
        """
        for reason, where in reasons.items():
            count_rows(self._counts, (feature, reason), where, first_row)

    def close(self, usable: np.ndarray) -> None:
        """Count rows, (n_rows,), once all features have been looked at."""
        self.n_rows += len(usable)
        self.n_unusable += len(usable) - int(np.count_nonzero(usable))

    def check(self, source: Source, max_dropped: float) -> None:
        """Raise UserError if a feature has no usable value or too many rows are dropped."""
        found = [
            f"{feature!r} is {reason} in {count.n_rows:,} of {self.n_rows:,} rows, first in "
            f"{source.locate(count.first_row)}"
            for (feature, reason), count in sorted(
                self._counts.items(), key=lambda item: -item[1].n_rows
            )
        ]
        for sentence in found:
            log.info("rows dropped: %s", sentence)
        for name in dict.fromkeys(feature for feature, _ in self._counts):
            reasons = {r: c.n_rows for (feature, r), c in self._counts.items() if feature == name}
            if sum(reasons.values()) == self.n_rows:
                raise UserError(
                    f"{name!r} has no usable value: all {self.n_rows:,} are "
                    f"{' or '.join(reasons)}; correct the data or take the variable out of the "
                    "config"
                )
        share = self.n_unusable / self.n_rows
        if share > max_dropped:
            raise UserError(
                f"{self.n_unusable:,} of {self.n_rows:,} rows ({100 * share:.3g} %) cannot be "
                f"used, more than dataset.max_dropped = {max_dropped:g} allows: "
                f"{'; '.join(_first(found))}; correct the data or allow more"
            )

    def describe(self, source: Source) -> list[dict]:
        """Return the counts for the manifest."""
        return [
            {
                "feature": feature,
                "reason": reason,
                "rows": count.n_rows,
                "first": source.locate(count.first_row),
            }
            for (feature, reason), count in sorted(self._counts.items())
        ]


def _first(found: list[str]) -> list[str]:
    """Return the first texts that a sentence has room for: three, or one if they are long."""
    return found[:3] if sum(map(len, found[:3])) <= LONGEST_LIST else found[:1]
