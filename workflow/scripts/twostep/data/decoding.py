"""Stored numbers in physical units, and which of them are missing.

The conventions are those of NetCDF and of climate and forecast metadata (CF, sections 2.5.1 and
8.1). xarray knows a part of them; all are looked at here, on the numbers as they are stored, since
a comparison after unpacking depends on how it was rounded.
"""

from collections.abc import Iterator

import netCDF4
import numpy as np

from twostep.util.errors import UserError


def decode(stored: np.ndarray, attributes: dict, where: str) -> np.ndarray:
    """Return float64 values in physical units, NaN where missing.

    Missing are numbers that equal _FillValue or missing_value, that were never written, or that
    lie outside valid_range, valid_min and valid_max; packed ones are unpacked by scale_factor and
    add_offset. `where` names file and variable in the UserError for attributes that make no sense.
    """
    if stored.dtype.kind not in "biuf":
        raise UserError(f"{where} is not numeric but of type {stored.dtype}")
    signed = stored.dtype
    if signed.kind in "iu" and "_Unsigned" in attributes:
        is_unsigned = str(attributes["_Unsigned"]).lower() == "true"
        stored = stored.view(f"{'u' if is_unsigned else 'i'}{signed.itemsize}")
    scale = _number(attributes, "scale_factor", where, 1.0)
    offset = _number(attributes, "add_offset", where, 0.0)
    values = stored.astype(np.float64)
    if (scale, offset) != (1.0, 0.0):
        values = values * scale + offset
    for mark in _marks(attributes, signed, stored.dtype, where):
        values[stored == mark] = np.nan
    with np.errstate(invalid="ignore"):
        for limit, is_outside in _limits(attributes, where):
            outside = is_outside(*_comparable(stored, values, signed, limit))
            values[outside] = np.nan
    return values


def _limits(attributes: dict, where: str) -> Iterator[tuple[np.ndarray, np.ufunc]]:
    """Yield each limit of the valid values with the comparison that tells what is beyond it."""
    for name, comparisons in (
        ("valid_min", [np.less]),
        ("valid_max", [np.greater]),
        ("valid_range", [np.less, np.greater]),
    ):
        if name in attributes:
            limits = _numbers(attributes, name, where)
            _check_size(limits, len(comparisons), name, where)
            yield from zip(limits, comparisons, strict=True)


def _comparable(
    stored: np.ndarray, values: np.ndarray, signed: np.dtype, limit: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers and a limit for them, both as stored or both in physical units."""
    limit = np.ravel(limit)
    if signed.kind == "f":
        # A limit beyond what the type holds is none.
        with np.errstate(over="ignore"):
            return stored, limit.astype(signed)
    if limit.dtype.kind == "f":
        # A limit for packed integers that is no integer is in physical units.
        return values, limit
    return stored, limit.view(stored.dtype) if limit.dtype == signed else limit


def _marks(attributes: dict, signed: np.dtype, dtype: np.dtype, where: str) -> list[np.ndarray]:
    """Return the numbers that stand for missing ones, each as an array of one of the `dtype`."""
    marks = [
        mark
        for name in ("_FillValue", "missing_value")
        if name in attributes
        for mark in _numbers(attributes, name, where)
    ]
    never_written = netCDF4.default_fillvals.get(signed.str[1:])
    # Single bytes have too few values for the library to keep one for what was never written.
    if "_FillValue" not in attributes and signed.itemsize > 1 and never_written is not None:
        marks.append(never_written)
    found = []
    for mark in marks:
        for kind in (signed, dtype):
            with np.errstate(over="ignore", invalid="ignore"):
                cast = np.array([mark]).astype(kind)
            # A mark that the type cannot hold marks nothing.
            if kind.kind == "f" or cast[0] == mark:
                found.append(cast.view(dtype))
                break
    return found


def _numbers(attributes: dict, name: str, where: str) -> np.ndarray:
    """Return an attribute as an array of numbers; text that spells numbers is taken for them."""
    given = np.ravel(attributes[name])
    if given.dtype.kind in "biuf":
        return given
    try:
        return np.array([float(text) for text in given])
    except ValueError as error:
        raise UserError(
            f"{where} has the {name} {given[0].item()!r}, which is no number: correct the attribute"
        ) from error


def _number(attributes: dict, name: str, where: str, default: float) -> float:
    if name not in attributes:
        return default
    numbers = _numbers(attributes, name, where)
    _check_size(numbers, 1, name, where)
    return float(numbers[0])


def _check_size(numbers: np.ndarray, size: int, name: str, where: str) -> None:
    if numbers.size != size:
        raise UserError(f"{where} has a {name} of {numbers.size} numbers: correct the attribute")
