"""What is in a data file, and what of it may be inputs of a first config."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from twostep.data.open_file import OpenFile, hint_at_groups, is_numeric, open_file
from twostep.data.tables import KIND, OTHER, TIME
from twostep.data.texts import is_characters
from twostep.util.errors import UserError
from twostep.util.text import one_line, suggest
from twostep.util.wording import table

# Dimensions along which a profile or an image lies: their entries belong to one sample.
OF_ONE_SAMPLE = re.compile(
    r"(.*_)?(z|i?p?levs?|levels?|height|altitude|depth|layers?|modes?|bins?|bands?|channels?|"
    r"wavelengths?|rows?|columns?|pixels?)(_?\d+)?",
    re.IGNORECASE,
)
# Why what names classes is no input: codes have no order.
CODES = "codes of classes"
# Of a time, which is no quantity that a network should learn from: a part of its units, and names
# of columns, which have no units.
A_TIME, SINCE = "a time", " since "
TIMES = re.compile(r"(time|date|date_?time|time_?stamp)(_?(utc|gmt))?", re.IGNORECASE)
# ASSUME: integers of these names number what several samples belong to, and samples of one are
# alike.
NUMBERS, TEXT = "numbers of groups", "text"
OF_GROUPS = re.compile(
    r"(.*[ _-])?(station|site|group|subject|patient|event|storm|basin|catchment|run|member|flight|"
    r"profile|track|trajectory|plot|ship|buoy|sensor|well)([ _-]?(id|no|nr|number|index|code))?|"
    r".*[ _-]id|id",
    re.IGNORECASE,
)


def as_pattern(files: list[str]) -> list[str]:
    """Return a pattern in place of many files, if it stands for these and no others."""
    first = Path(files[0])
    pattern = f"{first.parent}/*{first.suffix}"
    same = sorted(files) == sorted(str(path) for path in first.parent.glob(f"*{first.suffix}"))
    return [pattern] if len(files) > 1 and same else files


@dataclass(frozen=True)
class Candidate:
    """A variable of a file, as its header describes it.

    `reason` tells why it can be no input; it is empty if it can.
    """

    name: str
    dimensions: tuple[str, ...]
    sizes: tuple[int, ...]
    units: str
    long_name: str
    is_numeric: bool
    is_integer: bool
    reason: str

    def shape(self, without: Sequence[str] = ()) -> str:
        """Return the dimensions with their sizes, e.g. "time: 365, lev: 60"."""
        named = zip(self.dimensions, self.sizes, strict=True)
        return ", ".join(f"{name}: {size:,}" for name, size in named if name not in without)


def list_candidates(path: str, group: str | None = None) -> list[Candidate]:
    """Return the variables of a file, or of a group in it, that have a dimension.

    They are in the order of the file. Raises UserError if there are none.
    """
    with open_file(path, group) as data:
        bounds = {str(array.attrs.get("bounds", "")) for array in data.variables.values()}
        found = [_describe(data, name, bounds) for name in data.variables]
        hint = hint_at_groups(data)
    candidates = [candidate for candidate in found if candidate.dimensions]
    if not candidates:
        raise UserError(f"{path} has no variable with a dimension{hint}")
    return candidates


def _describe(data: OpenFile, name: str, bounds: set[str]) -> Candidate:
    array = data.variables[name]
    kind = np.dtype(array.encoding.get("dtype", array.dtype)).kind
    # What is packed holds other numbers than those that are stored.
    is_integer = kind in "iub" and not {"scale_factor", "add_offset"} & set(array.attrs)
    # The last dimension of single characters is that of the text they make.
    n_own = array.ndim - is_characters(array, [])
    units = one_line(str(array.attrs.get("units", "")))
    return Candidate(
        name,
        tuple(map(str, array.dims[:n_own])),
        array.shape[:n_own],
        units,
        one_line(str(array.attrs.get("long_name", ""))),
        is_numeric(array),
        is_integer,
        "bounds of a coordinate"
        if name in bounds
        else _why_no_input(name, array, units, is_integer=is_integer),
    )


def _why_no_input(name: str, array: xr.Variable, units: str, *, is_integer: bool) -> str:
    if not is_numeric(array):
        kind = array.encoding.get(KIND)
        is_other = kind == OTHER or array.dtype.kind == "V"
        return A_TIME if kind == TIME else "neither numbers nor text" if is_other else TEXT
    if name in array.dims:
        return "a coordinate"
    if SINCE in units or (not units and TIMES.fullmatch(name)):
        return A_TIME
    if "flag_meanings" in array.attrs:
        return CODES
    if is_integer and not units and OF_GROUPS.fullmatch(name):
        return NUMBERS
    return ""


def describe_candidates(path: str, candidates: list[Candidate]) -> str:
    """Return the variables of a file as a table, for people who choose among them."""
    rows = [["variable", "dimensions", "units", "what it is"]]
    for each in candidates:
        text = " - ".join(filter(None, [each.long_name, each.reason]))
        rows.append([each.name, each.shape(), each.units, text])
    return f"{path} has these variables:\n\n{table(rows)}"


def pick(candidates: list[Candidate], names: list[str], path: str) -> list[Candidate]:
    """Return candidates by their names; raises UserError for one that the file does not have."""
    by_name = {candidate.name: candidate for candidate in candidates}
    for name in names:
        if name not in by_name:
            raise UserError(
                f"{path} has no variable {name!r} with a dimension{suggest(name, by_name)}"
            )
    return [by_name[name] for name in names]


def sample_dimensions(outputs: list[Candidate]) -> list[str]:
    """Return the dimensions along which the samples lie: those that all outputs have.

    Those of a profile or an image do not count, unless there are no others. Raises UserError if the
    outputs have none in common.
    """
    common = [
        name for name in outputs[0].dimensions if all(name in each.dimensions for each in outputs)
    ]
    if not common:
        names = " and ".join(each.name for each in outputs)
        raise UserError(f"{names} have no dimension in common: choose other outputs")
    return [name for name in common if not OF_ONE_SAMPLE.fullmatch(name)] or common[:1]


def choose_inputs(
    candidates: list[Candidate], outputs: list[Candidate], dimensions: list[str]
) -> tuple[list[Candidate], dict[str, str]]:
    """Return what may be inputs, and {name: reason} of all that is left out."""
    chosen, left_out = [], {}
    for each in candidates:
        if each in outputs:
            continue
        reason = each.reason
        if not reason and not set(each.dimensions) & set(dimensions):
            reason = f"it does not lie along {' or '.join(dimensions)}"
        if reason:
            left_out[each.name] = reason
        else:
            chosen.append(each)
    return chosen, left_out
