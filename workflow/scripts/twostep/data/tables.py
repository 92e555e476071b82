"""Tables as data files: columns are variables, and rows are the samples."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from twostep.util.errors import UserError

# What the endings of the names of files stand for.
CSV, PARQUET = ".csv", ".parquet"
# The dimension of the rows, which is the default of dataset.sample_dimension.
DIMENSION = "sample"
# What a column holds. Numbers are float64 when they are read, like those of all files.
NUMBER, INTEGER, BOOLEAN = "number", "integer", "boolean"
TEXT, TIME, OTHER = "text", "time", "other"
STORED = {NUMBER: np.dtype("f8"), INTEGER: np.dtype("i8"), BOOLEAN: np.dtype("?")}
# What a note on a column of times ends with.
NUMBERS_INSTEAD = ": write numbers in its place, such as the hours since a date"
# Keys of a variable's encoding: what its column holds, and why it is not numeric.
KIND, NOTE = "kind", "note"


@dataclass(frozen=True)
class Column:
    """A column; `note` tells why it is not numeric, at the end of a sentence."""

    kind: str
    note: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


class Table(Protocol):
    """A file with a table, whose rows are read in blocks.

    `columns` are by name, and `starts`, (n_blocks + 1,), are the rows at which the blocks begin,
    and the number of all rows.
    """

    columns: dict[str, Column]
    starts: np.ndarray

    def read(self, block: int, names: list[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yield some columns of a block in pieces of neighbouring rows, each (n_rows,).

        Numbers are float64, NaN where missing; text is an object, empty or None where missing.
        """

    def close(self) -> None:
        """Close the file."""


class TableGroup:
    """A table as the one group of a file; a group as `open_file` has it."""

    def __init__(self, table: Table) -> None:
        self._table, self._rows = table, _Rows(table)

    def names(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._table.columns)

    def sizes(self) -> dict[str, int]:
        """Return the number of rows, as the size of their dimension."""
        return {DIMENSION: self._rows.n_rows}

    def variable(self, name: str) -> xr.Variable | None:
        """Return a column, whose values are read when they are asked for."""
        column = self._table.columns.get(name)
        if column is None:
            return None
        self._rows.names.append(name)
        values = indexing.LazilyIndexedArray(_Values(self._rows, name, column))
        encoding: dict[str, object] = {KIND: column.kind, NOTE: column.note}
        if column.kind in STORED:
            encoding["dtype"] = STORED[column.kind]
        return xr.Variable((DIMENSION,), values, column.attributes, encoding)


class _Values(BackendArray):
    """The values of a column, of which xarray asks for ranges."""

    def __init__(self, rows: "_Rows", name: str, column: Column) -> None:
        self._rows, self._name = rows, name
        self.shape = (rows.n_rows,)
        self.dtype = np.dtype("f8" if column.kind in STORED else "O")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        support = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._take)

    def _take(self, key: tuple[slice | int, ...]) -> np.ndarray:
        [wanted] = key
        if not isinstance(wanted, slice):
            return self._rows.take(self._name, wanted, wanted + 1)[0]
        start, stop, step = wanted.indices(self._rows.n_rows)
        if stop <= start:
            return np.empty(0, self.dtype)
        return self._rows.take(self._name, start, stop)[::step]


class _Rows:
    """Reads ranges of rows: all columns in use at once, going on from the last range.

    `names` are these columns. A file is parsed once for all of them if they are asked for the same
    ranges in the order of the rows.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.names: list[str] = []
        self.n_rows = int(table.starts[-1])
        self._range: tuple[int, int] | None = None
        self._columns: dict[str, np.ndarray] = {}
        self._leave()

    def _leave(self) -> None:
        """Forget where the reading is."""
        self._block = -1
        self._pieces: Iterator[dict[str, np.ndarray]] = iter(())
        self._start = self._stop = 0
        self._piece: dict[str, np.ndarray] = {}

    def take(self, name: str, start: int, stop: int) -> np.ndarray:
        """Return the values of a column in a range of rows, (stop - start,)."""
        if self._range != (start, stop) or name not in self._columns:
            self._columns = self._read(start, stop)
            self._range = start, stop
        return self._columns[name]

    def _read(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """Return all columns in use, (stop - start,) each."""
        if self._piece.keys() != set(self.names):
            self._leave()
        # What is no longer needed, before its successor is there.
        self._columns = {}
        parts: dict[str, list[np.ndarray]] = {name: [] for name in self.names}
        while start < stop:
            self._move_to(start)
            own = slice(start - self._start, min(stop, self._stop) - self._start)
            for name, found in parts.items():
                found.append(self._piece[name][own])
            start = min(stop, self._stop)
        return {
            name: found[0] if len(found) == 1 else np.concatenate(found)
            for name, found in parts.items()
        }

    def _move_to(self, row: int) -> None:
        """Go on to the piece that holds a row."""
        block = int(np.searchsorted(self._table.starts, row, side="right")) - 1
        if block != self._block or row < self._start:
            self._block = block
            self._pieces = self._table.read(block, list(dict.fromkeys(self.names)))
            self._start = self._stop = int(self._table.starts[block])
        while self._stop <= row:
            self._piece = {}
            self._piece = next(self._pieces)
            n_rows = len(next(iter(self._piece.values())))
            self._start, self._stop = self._stop, self._stop + n_rows


def check_names(names: list[str], path: str) -> None:
    """Raise UserError if two columns have the same name; those without a name do not count."""
    for number, name in enumerate(names):
        if name and name in names[:number]:
            raise UserError(f"{path} has two columns of the name {name!r}: rename one of them")
