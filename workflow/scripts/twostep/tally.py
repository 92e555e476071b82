"""Counts of the rows that cannot be used, and of values that are out of reach."""

import logging

import numpy as np

from twostep.dataset import DataSet, Feature
from twostep.errors import UserError

log = logging.getLogger(__name__)


class Tally:
    """Counts of the rows that cannot be used, by reason and feature, with the first of each."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.n_unusable = 0
        self.counts: dict[tuple[str, str], int] = {}
        self.first_rows: dict[tuple[str, str], int] = {}

    def add(self, reason: str, feature: str, unusable: np.ndarray, first_row: int) -> None:
        """Count the rows, (n_rows,) from `first_row` on, that one feature makes unusable."""
        count = int(np.count_nonzero(unusable))
        if count:
            key = (reason, feature)
            self.counts[key] = self.counts.get(key, 0) + count
            self.first_rows.setdefault(key, first_row + int(unusable.argmax()))

    def close(self, usable: np.ndarray) -> None:
        """Count rows, (n_rows,), once all features have been looked at."""
        self.n_rows += len(usable)
        self.n_unusable += len(usable) - int(np.count_nonzero(usable))

    def check(self, data_set: DataSet, features: list[Feature], max_dropped: float) -> None:
        """Raise UserError if a feature has no usable value or too many rows are dropped."""
        found = [
            f"{feature!r} is {reason} in {count:,} of {self.n_rows:,} rows, first in "
            f"{data_set.locate(self.first_rows[reason, feature])}"
            for (reason, feature), count in sorted(self.counts.items(), key=lambda item: -item[1])
        ]
        for sentence in found:
            log.info("rows dropped: %s", sentence)
        for feature in features:
            reasons = {r: n for (r, name), n in self.counts.items() if name == feature.name}
            if sum(reasons.values()) == self.n_rows:
                words = " or ".join(reasons)
                raise UserError(
                    f"{feature.name!r} has no usable value: all {self.n_rows:,} are {words}; "
                    "correct the data or take the variable out of the config"
                )
        share = self.n_unusable / self.n_rows
        if share > max_dropped:
            raise UserError(
                f"{self.n_unusable:,} of {self.n_rows:,} rows ({100 * share:.3g} %) cannot be "
                f"used, more than dataset.max_dropped = {max_dropped:g} allows: "
                f"{'; '.join(found[:3])}; correct the data or allow more"
            )

    def describe(self, data_set: DataSet) -> list[dict]:
        """Return the counts for the manifest."""
        return [
            {
                "reason": reason,
                "feature": feature,
                "rows": count,
                "first": data_set.locate(self.first_rows[reason, feature]),
            }
            for (reason, feature), count in sorted(self.counts.items())
        ]
