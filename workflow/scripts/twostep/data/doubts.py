"""Doubts about the values of a data set, which is used all the same, and what is said of them.

Each is a mapping with its `kind`, the `feature`, the `value` that it is about, the number of `rows`
that have it, and where the `first` of these is.
"""

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.far_values import is_mark
from twostep.data.raw_values import RawValues
from twostep.data.source import Source
from twostep.util.text import MOST_FEATURES, list_features
from twostep.util.wording import number

# `sentinel`: a value far from all others that is repeated, or is a known mark of missing ones.
# `far`: a single one. `tiny`: a feature whose values may be rounding errors around zero.
# `zero_fill`: zeros that a Zarr store may have put where nothing was written.
SENTINEL, FAR, TINY, ZERO_FILL = "sentinel", "far", "tiny", "zero_fill"
# Values below this size are seldom meant, whatever their unit.
TINY_SIZE = 1e-20
# The same for an entry of a variable, relative to the entry that varies most.
TINY_SHARE = 1e-9

# What is said of each kind; `rows` says in how many of all rows.
TEXTS = {
    SENTINEL: "{features} {verb} {value} in {rows}, far from all other values, first in {first}. "
    "If it stands for missing values, declare it as `missing_value` in the file, or mask it. In a "
    "table, leave the field empty.",
    FAR: "{features} {verb} {value} in {rows}, far from all other values, in {first}. If it is "
    "an error, correct or mask it.",
    TINY: "{features} may be zero but for rounding errors: no value is larger than {value} in "
    "size. If so, leave them out, because a network learns noise, too. Else choose another unit.",
    ZERO_FILL: "{features} {verb} {value} in {rows}, first in {first}, which is the fill value "
    "of the Zarr store and counts as a number. If it stands for missing values, say so by the "
    "attribute `missing_value`.",
}


def find_doubts(source: Source, columns: Columns, raw: RawValues, kept: np.ndarray) -> list[dict]:
    """Return the doubts about the values of columns, by their places (n_kept,).

    `raw` has been given all rows.
    """
    is_tiny = _find_tiny(columns, raw)
    doubts = []
    for i in kept:
        feature = columns.features[i]
        for value, count in raw.far[i].find(raw.n_rows):
            kind = SENTINEL if count.n_rows > 1 or is_mark(value) else FAR
            place = source.locate(count.first_row)
            doubts.append(make_doubt(kind, feature.name, value, count.n_rows, place))
        if is_tiny[i]:
            assert raw.first_row is not None  # as there are rows
            size = float(max(abs(raw.lowest[i]), abs(raw.highest[i])))
            place = source.locate(raw.first_row)
            doubts.append(make_doubt(TINY, feature.name, size, raw.n_rows, place))
    return doubts


def make_doubt(kind: str, feature: str, value: float, rows: int, first: str) -> dict:
    """Return one doubt as the manifest keeps it."""
    return {"kind": kind, "feature": feature, "value": value, "rows": rows, "first": first}


def describe_doubts(doubts: list[dict], n_rows: int) -> list[tuple[str, str]]:
    """Return the kinds of doubts and sentences about them; features with the same stand together.

    `n_rows` is the number of rows that were read.
    """
    alike: dict[tuple, list[dict]] = {}
    for doubt in doubts:
        # Tiny values differ in each feature.
        key = (doubt["kind"], doubt["value"] if doubt["kind"] != TINY else None)
        alike.setdefault(key, []).append(doubt)
    if len(alike) > MOST_FEATURES:
        # Other values in each entry of a variable.
        alike = {}
        for doubt in doubts:
            alike.setdefault((doubt["kind"], None), []).append(doubt)
    return [(kind, _describe(kind, group, n_rows)) for (kind, _), group in alike.items()]


def _describe(kind: str, doubts: list[dict], n_rows: int) -> str:
    """Return the sentences on features with the same doubt."""
    most = max(doubt["rows"] for doubt in doubts)
    low, high = (f(doubt["value"] for doubt in doubts) for f in (min, max))
    is_one = low == high or kind == TINY
    up_to, each = ("up to ", " each") if len(doubts) > 1 else ("", "")
    return TEXTS[kind].format(
        features=list_features(list(dict.fromkeys(doubt["feature"] for doubt in doubts))),
        verb="is" if len(doubts) == 1 else "are",
        value=f"{high:g}" if is_one else f"between {low:g} and {high:g}",
        rows=f"{up_to}{most:,} of {number(n_rows, 'row')}{each}",
        first=doubts[0]["first"],
    )


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
