"""CSV files as tables. Imported only where there is one.

A file is looked at once from its beginning to its end, to know where its blocks of rows begin. Then
any of them is read by itself. All parsing is pyarrow's, whose numbers are the nearest ones to what
is written.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as pa_csv

from twostep.data.file_versions import stamp
from twostep.data.tables import (
    BOOLEAN,
    DIMENSION,
    INTEGER,
    NUMBER,
    NUMBERS_INSTEAD,
    STORED,
    TEXT,
    TIME,
    Column,
    check_names,
)
from twostep.util.errors import UserError
from twostep.util.text import one_line
from twostep.util.wording import number

# Bytes of a file that are parsed at a time.
BLOCK_BYTES = 4_000_000
# The one that makes most names of the first line is taken, of several the first.
DELIMITERS = ",;\t"
# What stands for a missing number, beside an empty field: the words that pandas knows.
MISSING = sorted(pa_csv.ConvertOptions().null_values)
# A number with a decimal comma, where commas do not delimit fields.
DECIMAL_COMMA = re.compile(rb"(?m)(?:^|[;\t])\s*[-+]?\d+,\d+(?:[eE][-+]?\d+)?\s*(?:[;\t\r\n]|$)")
TYPES = {NUMBER: pa.float64(), INTEGER: pa.float64(), BOOLEAN: pa.bool_()}
UTF_8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class _Look:
    """What one look at a file has found.

    `names` are those of its columns, empty for one without, and `columns` tells of those with one.
    `blocks` are the offsets of the blocks and their lengths in bytes, and `starts` are those of a
    Table.
    """

    names: tuple[str, ...]
    delimiter: str
    decimal_point: str
    columns: dict[str, Column]
    blocks: tuple[tuple[int, int], ...]
    starts: np.ndarray


class CsvTable:
    """A CSV file with the names of its columns in the first line.

    Raises UserError if it has none, or a row has more or fewer fields than names.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = str(path)
        self._look = _look(self._path, *stamp(path).values())
        self.columns, self.starts = self._look.columns, self._look.starts

    def read(self, block: int, names: list[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yield some columns of a block, each (n_rows,); UserError for what is no number."""
        offset, n_bytes = self._look.blocks[block]
        with Path(self._path).open("rb") as file:
            file.seek(offset)
            content = file.read(n_bytes)
        parser = _Parser(self._path, self._look.names, self._look.delimiter)
        types = {name: TYPES.get(self.columns[name].kind, pa.binary()) for name in names}
        first_row = int(self.starts[block])
        try:
            table = parser.parse(content, first_row, types, self._look.decimal_point)
        except pa.ArrowInvalid as error:
            self._refuse_values(parser, content, first_row, types, error)
            raise
        yield {name: _values(table.column(name)) for name in names}

    def _refuse_values(
        self,
        parser: "_Parser",
        content: bytes,
        first_row: int,
        types: dict[str, pa.DataType],
        error: pa.ArrowInvalid,
    ) -> None:
        """Raise UserError for the first value that is no number, if one is found."""
        texts = parser.parse(content, first_row, dict.fromkeys(types, pa.binary()))
        for name in types:
            kind = self.columns[name].kind
            found = _first_other(texts.column(name), kind, self._look.decimal_point)
            if kind in STORED and found is not None:
                row, value = found
                wanted = "neither true nor false" if kind == BOOLEAN else "no number"
                raise UserError(
                    f"{self._path}: column {name!r} is {value!r} at {DIMENSION} index "
                    f"{first_row + row}, which is {wanted}: correct it, or leave the field empty"
                ) from error

    def close(self) -> None:
        """Do nothing: no file is left open."""


class _Parser:
    """Parses blocks of rows of one file."""

    def __init__(self, path: str, names: tuple[str, ...], delimiter: str) -> None:
        self._path, self._delimiter = path, delimiter
        self._n_fields = len(names)
        # Columns without a name have some that no other has.
        self.names = [name or f"\0{place}" for place, name in enumerate(names)]

    def parse(
        self,
        content: bytes,
        first_row: int,
        types: dict[str, pa.DataType] | None = None,
        decimal_point: str = ".",
    ) -> pa.Table:
        """Return columns of the rows from `first_row` on, of these types or as they seem.

        Raises UserError for a row with more or fewer fields than there are names.
        """
        if not content.strip():
            empty = pa.array([], pa.binary())
            return pa.table(dict.fromkeys(types or self.names, empty))
        wrong: list[pa_csv.InvalidRow] = []

        def note(row: pa_csv.InvalidRow) -> str:
            wrong.append(row)
            return "error"

        try:
            return pa_csv.read_csv(
                pa.BufferReader(content),
                pa_csv.ReadOptions(
                    use_threads=False, block_size=len(content) + 1, column_names=self.names
                ),
                pa_csv.ParseOptions(delimiter=self._delimiter, invalid_row_handler=note),
                pa_csv.ConvertOptions(
                    column_types=types,
                    include_columns=None if types is None else list(types),
                    null_values=MISSING,
                    decimal_point=decimal_point,
                ),
            )
        except pa.ArrowInvalid as error:
            if not wrong:
                raise
            fields, row = wrong[0].actual_columns, first_row + (wrong[0].number or 1) - 1
            raise UserError(
                f"{self._path} has {number(fields, 'field')} at {DIMENSION} index {row}, and "
                f"{self._n_fields} names in its first line: make these the same. Text with "
                f"{self._delimiter!r} in it needs quotes, and may have no line break"
            ) from error


@lru_cache(maxsize=4096)
def _look(path: str, n_bytes: int, modified_ns: int) -> _Look:
    """Look at a file of this size and time; it is looked at again once these differ."""
    with Path(path).open("rb") as file:
        names, delimiter = _read_names(file.readline(BLOCK_BYTES), path)
        parser = _Parser(path, names, delimiter)
        decimal_point, columns = ".", {name: Column(NUMBER) for name in names if name}
        blocks: list[tuple[int, int]] = []
        starts = [0]
        offset = file.tell()
        # Whole lines.
        while content := file.read(BLOCK_BYTES) + file.readline():
            if not blocks:
                if delimiter != "," and DECIMAL_COMMA.search(content):
                    decimal_point = ","
                columns = _describe(parser.parse(content, 0, None, decimal_point), decimal_point)
            first_column = {parser.names[0]: pa.binary()}
            n_rows = parser.parse(content, starts[-1], first_column).num_rows
            if n_rows:
                blocks.append((offset, len(content)))
                starts.append(starts[-1] + n_rows)
            offset += len(content)
    return _Look(names, delimiter, decimal_point, columns, tuple(blocks), np.array(starts))


def _read_names(line: bytes, path: str) -> tuple[tuple[str, ...], str]:
    """Return the names in the first line, and what delimits them."""
    if b"\0" in line or line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError(f"{path} is no text in UTF-8: save it as CSV in UTF-8")
    line = line.removeprefix(UTF_8_MARK)
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("latin-1")
    text = text.rstrip("\r\n")
    if not text.strip():
        raise UserError(f"{path} has no names of columns in its first line, which is empty")
    if "\r" in text:
        raise UserError(
            f"{path} has lines that end with a bare carriage return: save it with line feeds"
        )
    if text.lstrip().startswith("#"):
        raise UserError(
            f"{path} begins with a comment: its first line must hold the names of the columns"
        )
    if text.count('"') % 2:
        raise UserError(f"{path} has a line break in the name of a column: rename it")
    readings = [
        (next(csv.reader([text], delimiter=each, skipinitialspace=True)), each)
        for each in DELIMITERS
    ]
    fields, delimiter = max(readings, key=lambda reading: len(reading[0]))
    names = tuple(field.strip() for field in fields)
    if all(_is_number(name, ".") for name in names if name):
        raise UserError(
            f"{path} has only numbers in its first line: write the names of the columns there"
        )
    check_names(list(names), path)
    return names, delimiter


def _describe(table: pa.Table, decimal_point: str) -> dict[str, Column]:
    """Return what the columns with a name hold, by the first block of rows."""
    columns = {}
    for name in table.column_names:
        if not name.startswith("\0"):
            values = table.column(name)
            kind = _kind(values.type)
            found = None if kind in STORED else _first_other(values, kind, decimal_point)
            note = ""
            if found is not None:
                what = "a time" if kind == TIME else "text"
                note = f"{what}, such as {found[1]!r} at {DIMENSION} index {found[0]}"
            if kind == TIME:
                note += NUMBERS_INSTEAD
            columns[name] = Column(kind, note)
    return columns


def _kind(parsed: pa.DataType) -> str:
    if pa.types.is_integer(parsed):
        return INTEGER
    if pa.types.is_floating(parsed) or pa.types.is_null(parsed):
        return NUMBER
    if pa.types.is_boolean(parsed):
        return BOOLEAN
    return TIME if pa.types.is_temporal(parsed) else TEXT


def _first_other(values: pa.ChunkedArray, kind: str, decimal_point: str) -> tuple[int, str] | None:
    """Return the first value that is neither a number nor missing, with its place."""
    for place, value in enumerate(values.to_pylist()):
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        text = one_line(text)
        if kind == BOOLEAN:
            is_known = text.lower() in ("true", "false", "0", "1")
        else:
            is_known = _is_number(text, decimal_point)
        if value is not None and text not in MISSING and not is_known:
            return place, text
    return None


def _is_number(text: str, decimal_point: str) -> bool:
    try:
        float(text.replace(decimal_point, "."))
    except ValueError:
        return False
    return "_" not in text


def _values(column: pa.ChunkedArray) -> np.ndarray:
    """Return the values of a column, (n_rows,): float64, or bytes as objects."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.float64())
    return column.to_numpy()
