"""Zeros that may be numbers or missing values, which no look at a file can tell.

Zarr format 2 has one value for what was never written and for what is missing. 0 is what programs
put there if they are told nothing, so that zeros are kept as numbers; here they are counted.
"""

import numpy as np

from twostep.data.doubts import ZERO_FILL, make_doubt
from twostep.data.slabs import Slab
from twostep.data.source import Feature, Source
from twostep.data.tally import Count, count_rows


class ZeroFills:
    """Counts the zeros of each feature that may be missing values, with the first of them."""

    def __init__(self, source: Source, features: list[Feature]) -> None:
        self._source = source
        self._names: dict[str, list[str]] = {}
        for feature in features:
            self._names.setdefault(feature.variable, []).append(feature.name)
        self._counts: dict[tuple[str, float], Count] = {}

    def add(self, slab: Slab, values: dict[str, np.ndarray]) -> None:
        """Count in some rows; {variable: (n_rows, n_entries)}, physical units."""
        for variable, zero in self._source.zero_fills.get(slab.file, {}).items():
            for name, column in zip(self._names[variable], values[variable].T, strict=True):
                count_rows(self._counts, (name, zero), column == zero, slab.first_row)

    def find(self) -> list[dict]:
        """Return the counts for the manifest's list of doubts.

        `value` is that of a stored 0, in physical units.
        """
        return [
            make_doubt(ZERO_FILL, name, zero, count.n_rows, self._source.locate(count.first_row))
            for (name, zero), count in sorted(self._counts.items())
        ]
