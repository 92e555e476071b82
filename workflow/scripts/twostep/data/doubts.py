"""Doubts about the values of a data set, which is used all the same: for the log and the summary.

Each is a mapping with its `kind`, the `feature`, the `value` that it is about, the number of `rows`
that have it, and where the `first` of these is.
"""

import logging

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.far_values import is_mark
from twostep.data.raw_values import RawValues
from twostep.data.source import Source

log = logging.getLogger(__name__)

# `sentinel`: a value far from all others that is repeated, or is a known mark of missing ones.
# `far`: a single one. `tiny`: a feature whose values may be rounding errors around zero.
SENTINEL, FAR, TINY = "sentinel", "far", "tiny"
# Values below this size are seldom meant, whatever their unit.
TINY_SIZE = 1e-20
# The same for an entry of a variable, relative to the entry that varies most.
TINY_SHARE = 1e-9

WORDS = {
    SENTINEL: "%r is %g in %s rows, far from all its other values, first in %s: declare "
    "missing_value in the file, or mask it, if it stands for a missing one",
    FAR: "%r is %g in %s row, far from all its other values, in %s: correct or mask it if it is "
    "an error",
    TINY: "%r has no value larger than %g in size in %s rows, from %s on: it may be rounding "
    "errors around zero",
}


def find_doubts(source: Source, columns: Columns, raw: RawValues, kept: np.ndarray) -> list[dict]:
    """Return the doubts about the values of columns, by their places (n_kept,), and log each.

    `raw` has been given all rows.
    """
    is_tiny = _find_tiny(columns, raw)
    doubts = []
    for i in kept:
        feature = columns.features[i]
        for value, count in raw.far[i].find(raw.n_rows):
            kind = SENTINEL if count.n_rows > 1 or is_mark(value) else FAR
            place = source.locate(count.first_row)
            doubts.append(_describe(kind, feature.name, value, count.n_rows, place))
        if is_tiny[i]:
            assert raw.first_row is not None  # as there are rows
            size = float(max(abs(raw.lowest[i]), abs(raw.highest[i])))
            place = source.locate(raw.first_row)
            doubts.append(_describe(TINY, feature.name, size, raw.n_rows, place))
    for doubt in doubts:
        log.warning(
            WORDS[doubt["kind"]],
            doubt["feature"],
            doubt["value"],
            f"{doubt['rows']:,}",
            doubt["first"],
        )
    return doubts


def _describe(kind: str, feature: str, value: float, rows: int, first: str) -> dict:
    return {"kind": kind, "feature": feature, "value": value, "rows": rows, "first": first}


def _find_tiny(columns: Columns, raw: RawValues) -> np.ndarray:
    """Return which columns vary, but may be zero but for rounding, (n_columns,).

    A logarithm is asked for where small values differ in what they mean.
    """
    features = columns.features
    sizes = np.maximum(np.abs(raw.lowest), np.abs(raw.highest))
    with np.errstate(over="ignore"):
        spread = raw.highest - raw.lowest
    widest: dict[str, float] = {}
    for feature, width in zip(features, spread.tolist(), strict=True):
        widest[feature.variable] = max(width, widest.get(feature.variable, 0.0))
    share = TINY_SHARE * np.array([widest[feature.variable] for feature in features])
    is_linear = np.array([columns.transforms[feature.variable] != "log10" for feature in features])
    return is_linear & (spread > 0) & ((sizes < TINY_SIZE) | (spread < share))
