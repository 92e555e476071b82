"""Reading a data set of any size in slabs: blocks of neighbouring samples."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from twostep.data.decoding import decode
from twostep.data.open_file import OpenFile, is_numeric, refuse_unreadable
from twostep.data.source import Source
from twostep.data.texts import is_characters, text_of


@dataclass(frozen=True)
class Slab:
    """Some neighbouring samples of one file, which are consecutive rows of the data set.

    `ranges` are the (start, stop) along each sample dimension and `first_row` counts from 0 over
    all files.
    """

    file: int
    ranges: tuple[tuple[int, int], ...]
    first_row: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of entries along each sample dimension."""
        return tuple(stop - start for start, stop in self.ranges)

    @property
    def n_rows(self) -> int:
        """Number of samples."""
        return math.prod(self.shape)


def list_slabs(source: Source, max_rows: int) -> Iterator[Slab]:
    """Yield slabs of at most `max_rows` samples that make up a data set, in the order of rows."""
    first_row = 0
    for file, shape in enumerate(source.shapes):
        for ranges in _divide(shape, max_rows):
            slab = Slab(file, ranges, first_row)
            if slab.n_rows:
                yield slab
            first_row += slab.n_rows


def _divide(shape: tuple[int, ...], max_rows: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield the ranges of blocks that are contiguous in the order of rows."""
    rest = math.prod(shape[1:])
    whole = tuple((0, size) for size in shape[1:])
    step = max(1, max_rows // max(1, rest))
    for start in range(0, shape[0], step):
        outer = (start, min(start + step, shape[0]))
        if rest <= max_rows:
            yield (outer, *whole)
        else:
            yield from ((outer, *inner) for inner in _divide(shape[1:], max_rows))


class SlabReader:
    """Reads variables of slabs; a context that keeps the file of the last slab open.

    >>> with SlabReader(source, ["tair"]) as reader:
    ...     columns = reader.read(slab)
    """

    def __init__(self, source: Source, variables: list[str]) -> None:
        self._source, self._variables = source, variables
        self._file: int | None = None
        self._data: OpenFile | None = None

    def read(self, slab: Slab) -> dict[str, np.ndarray]:
        """Return {variable: array of (n_rows, n_entries)}.

        Numbers are float64, in physical units, NaN where missing by the file's own attributes; all
        else is text. Of a variable with labels it is the number of each text. A variable that lacks
        some of the sample dimensions is repeated along them. Raises UserError if the file cannot be
        read.
        """
        path, dimensions = self._source.files[slab.file], self._source.sample_dimensions
        data = self._data
        if data is None or slab.file != self._file:
            self._close()
            data = self._source.open(slab.file)
            self._data, self._file = data, slab.file
        # All of them before any is read: a table is read but once for all that were asked for.
        arrays = {name: data.variables[name] for name in self._variables}
        values = {
            name: _read(array, name, path, slab, dimensions) for name, array in arrays.items()
        }
        for name, labels in self._source.labels.items():
            if labels and name in values:
                numbers = np.searchsorted(labels, values[name]).astype(np.float64)
                values[name] = np.where(values[name] == "", np.nan, numbers)
        return values

    def _close(self) -> None:
        if self._data is not None:
            self._data.close()
        self._data, self._file = None, None

    def __enter__(self) -> "SlabReader":
        return self

    def __exit__(self, *error: object) -> None:
        self._close()


def _read(
    array: xr.Variable, name: str, path: str, slab: Slab, dimensions: list[str]
) -> np.ndarray:
    """Return the values of one variable in a slab, (n_rows, n_entries)."""
    ranges = dict(zip(dimensions, slab.ranges, strict=True))
    own = [dimension for dimension in dimensions if dimension in array.dims]
    part = array.isel({dimension: slice(*ranges[dimension]) for dimension in own})
    try:
        values = part.transpose(*own, ...).values
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        place = f" from {dimensions[0]} index {slab.ranges[0][0]} on"
        refuse_unreadable(path, name, error, place)
    where = f"{path}: variable {name!r}"
    if is_numeric(array):
        values = decode(values, array.attrs, where)
    else:
        values = text_of(values, array, where, join=is_characters(array, dimensions))
    shape = [
        size if dimension in own else 1
        for dimension, size in zip(dimensions, slab.shape, strict=True)
    ]
    n_entries = math.prod(values.shape[len(own) :])
    values = np.broadcast_to(values.reshape(*shape, n_entries), (*slab.shape, n_entries))
    return values.reshape(slab.n_rows, n_entries)
