"""Whether a file in one of the classic formats (NetCDF-3) is complete.

The library reads zeros where such a file has been cut off. Its header tells where each variable
begins: https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html
"""

import math
import os
import struct
from pathlib import Path
from typing import BinaryIO

# Bytes of a value of each type, by the number that stands for it in the file.
TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
# Of the classic format, of that with 64-bit offsets and of that with 64-bit data.
VERSIONS = (1, 2, 5)
# Number of records of a file that was still being written, by version.
STREAMING = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


def missing_bytes(path: str | Path) -> int:
    """Return how many bytes a file lacks by its own header; 0 if it is complete or no NetCDF-3.

    Raises ValueError if the header itself is cut off or damaged.
    """
    with Path(path).open("rb") as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:3] != b"CDF" or magic[3] not in VERSIONS:
            return 0
        header = _Header(file, version=magic[3])
        try:
            return max(0, header.n_bytes() - header.size)
        except (KeyError, IndexError) as error:
            raise ValueError("the header is damaged") from error


class _Header:
    """A header, read from its beginning to its end."""

    def __init__(self, file: BinaryIO, version: int) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self._count_format = ">Q" if version == 5 else ">I"
        self._offset_format = ">I" if version == 1 else ">Q"

    def n_bytes(self) -> int:
        """Return the number of bytes up to the end of the last variable."""
        n_records = self._count()
        sizes = [self._dimension() for _ in range(self._list_length())]
        self._skip_attributes()
        variables = [self._variable(sizes) for _ in range(self._list_length())]
        # The dimension that records are added along has size 0.
        record_bytes = [n_bytes for _, n_bytes, is_record in variables if is_record]
        padded = sum(_padded(n_bytes) for n_bytes in record_bytes)
        stride = record_bytes[0] if len(record_bytes) == 1 else padded
        n_records = 0 if n_records in STREAMING else n_records
        ends = [
            begin + n_bytes + (n_records - 1) * stride if is_record else begin + n_bytes
            for begin, n_bytes, is_record in variables
            if n_records or not is_record
        ]
        return max(ends, default=0)

    def _dimension(self) -> int:
        """Return the size of a dimension, whose name comes first."""
        self._name()
        return self._count()

    def _variable(self, sizes: list[int]) -> tuple[int, int, bool]:
        """Return where a variable begins, its bytes (of one record), and whether it has records."""
        self._name()
        shape = [sizes[self._count()] for _ in range(self._count())]
        self._skip_attributes()
        value_bytes = TYPE_BYTES[self._number(">I")]
        self._count()
        begin = self._number(self._offset_format)
        is_record = bool(shape) and shape[0] == 0
        return begin, math.prod(shape[is_record:]) * value_bytes, is_record

    def _list_length(self) -> int:
        self._number(">I")
        return self._count()

    def _skip_attributes(self) -> None:
        for _ in range(self._list_length()):
            self._name()
            value_bytes = TYPE_BYTES[self._number(">I")]
            self._read(_padded(self._count() * value_bytes))

    def _name(self) -> bytes:
        return self._read(_padded(self._count()))

    def _count(self) -> int:
        return self._number(self._count_format)

    def _number(self, layout: str) -> int:
        return struct.unpack(layout, self._read(struct.calcsize(layout)))[0]

    def _read(self, n_bytes: int) -> bytes:
        if self._file.tell() + n_bytes > self.size:
            raise ValueError("the header is cut off")
        return self._file.read(n_bytes)


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // 4) * 4
