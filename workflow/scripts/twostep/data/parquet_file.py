"""Parquet files as tables. Imported only where there is one."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from twostep.data.tables import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    NUMBERS_INSTEAD,
    OTHER,
    STORED,
    TEXT,
    TIME,
    Column,
    check_names,
)

# Rows that are decoded at a time: a group of rows may be the whole file.
PIECE_ROWS = 65_536
# Bytes of a column that are read from the file at a time.
BUFFER_BYTES = 1_000_000
# Where pandas keeps the labels of rows.
INDEX = re.compile(r"__index_level_\d+__")
# What a column's own metadata may tell, as the attributes of NetCDF do.
ATTRIBUTES = ("units", "long_name")


class ParquetTable:
    """A Parquet file; its blocks are its groups of rows."""

    def __init__(self, path: str | Path) -> None:
        self._file = pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES)
        schema = self._file.schema_arrow
        check_names(schema.names, str(path))
        self.columns = {
            field.name: _describe(field)
            for field in schema
            if field.name and not INDEX.fullmatch(field.name)
        }
        groups = [
            self._file.metadata.row_group(number).num_rows
            for number in range(self._file.num_row_groups)
        ]
        self.starts = np.concatenate([[0], np.cumsum(groups, dtype=np.int64)])

    def read(self, block: int, names: list[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yield some columns of a group of rows in pieces, each (n_rows,)."""
        batches = self._file.iter_batches(
            PIECE_ROWS, row_groups=[block], columns=names, use_threads=False
        )
        for batch in batches:
            yield {name: _values(batch.column(name), self.columns[name].kind) for name in names}

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _describe(field: pa.Field) -> Column:
    kind = _kind(field.type)
    given = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    attributes = {name: given[name] for name in ATTRIBUTES if name in given}
    note = "" if kind in STORED else f"of type {field.type}"
    if kind == TIME:
        note += NUMBERS_INSTEAD
    return Column(kind, note, attributes)


def _kind(stored: pa.DataType) -> str:
    if pa.types.is_dictionary(stored):
        return _kind(stored.value_type)
    if pa.types.is_integer(stored):
        return INTEGER
    if pa.types.is_boolean(stored):
        return BOOLEAN
    if pa.types.is_floating(stored) or pa.types.is_decimal(stored) or pa.types.is_null(stored):
        return NUMBER
    if pa.types.is_temporal(stored):
        return TIME
    return OTHER if pa.types.is_nested(stored) else TEXT


def _values(array: pa.Array, kind: str) -> np.ndarray:
    """Return the values of a column, (n_rows,): float64, or objects."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if kind in STORED:
        return pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if kind == TIME:
        array = pc.cast(array, pa.string())
    return array.to_numpy(zero_copy_only=False)
