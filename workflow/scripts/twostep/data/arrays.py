"""The prepared data on disk: one folder of arrays with a manifest, as every stage passes it on.

A folder holds `<split>_inputs.npy` (n_samples, n_inputs) and `<split>_targets.npy`
(n_samples, n_outputs), float32, for the splits it has, and `manifest.json`, which describes them
and carries the hash of them, and a checksum of each block, which is compared before any of its
values is used. If samples have weights, there is `<split>_weights.npy` (n_samples, 1), too. Rows
are already in random order, so that the first n rows are a random sample, and the first m < n are
contained in it.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from twostep.data.sizes import SAMPLE_WEIGHT
from twostep.util.background import Background
from twostep.util.errors import UserError
from twostep.util.files import atomic_path, read_json, write_json
from twostep.util.fingerprint import hash_values

MANIFEST = "manifest.json"
# What of a description names places in files, and so changes when these are moved, or only tells of
# values that are among the arrays anyway.
NO_PART_OF_HASH = ("dropped", "doubts", "autocorrelation", "constant_features")
# Rows copied at a time.
CHUNK = 262_144
# Bytes of an array's values for which there is a checksum, a CRC-32: it finds what a disk or a copy
# has damaged, and takes a fraction of the time of any use of the values.
BLOCK_BYTES = 16_777_216
# The type of all values in the files.
_VALUES = "<f4"
# What there is of each sample, the last one if the manifest has SAMPLE_WEIGHT.
PARTS = ("inputs", "targets", "weights")


def chunks(n_rows: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows that cover all rows, in their order."""
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


@dataclass(frozen=True)
class Rows:
    """The rows of a split, piece by piece: (inputs, targets) of some rows each, float32.

    A piece has weights, too, if the samples have them. `widths` are the numbers of inputs and of
    outputs, and then 1.
    """

    n_rows: int
    widths: tuple[int, ...]
    pieces: Iterable[tuple[np.ndarray, ...]]

    @classmethod
    def first(cls, n_rows: int, *arrays: np.ndarray) -> "Rows":
        """Return the first rows of inputs, targets and perhaps weights."""
        pieces = (tuple(array[rows] for array in arrays) for rows in chunks(n_rows, CHUNK))
        return cls(n_rows, tuple(array.shape[1] for array in arrays), pieces)


def write_folder(
    folder: str | Path,
    splits: dict[str, Rows],
    description: dict,
    other_checksums: dict[str, list[int]] | None = None,
) -> dict:
    """Write the arrays of each split, then the manifest; return the manifest.

    `description` is what else the manifest says. The manifest's `data_hash` is one of the arrays
    and of what describes them, hence the same whenever the same data are prepared in the same way,
    wherever their files are. `other_checksums` are those of files in the folder that no training
    reads.
    """
    folder = Path(folder)
    digests: dict[str, _Digest] = {}
    for split, rows in splits.items():
        digests |= _write_split(folder, split, rows)
    sizes = {split: rows.n_rows for split, rows in splits.items()}
    manifest = {"format": 3, **description, "splits": sizes}
    hashes = {name: digest.sha256.hexdigest() for name, digest in digests.items()}
    hashed = {key: value for key, value in manifest.items() if key not in NO_PART_OF_HASH}
    manifest["data_hash"] = hash_values([hashed, hashes])
    checksums = {name: digest.checksums for name, digest in digests.items()}
    manifest["checksums"] = checksums | (other_checksums or {})
    write_json(folder / MANIFEST, manifest)
    return manifest


class _Digest:
    """The SHA-256 of an array's values, and the checksum of each block of them."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()
        self.checksums: list[int] = []
        self._n_bytes = 0

    def add(self, values: memoryview) -> None:
        """Add what follows in the file, as bytes."""
        self.sha256.update(values)
        while values:
            begun = self._n_bytes % BLOCK_BYTES
            piece = values[: BLOCK_BYTES - begun]
            if not begun:
                self.checksums.append(0)
            self.checksums[-1] = zlib.crc32(piece, self.checksums[-1])
            self._n_bytes += len(piece)
            values = values[len(piece) :]


def _write_split(folder: Path, split: str, rows: Rows) -> dict[str, _Digest]:
    """Write the arrays of a split; return what tells of each file's array."""
    paths = array_paths(folder, split, len(rows.widths))
    digests = [_Digest() for _ in paths]
    with ExitStack() as stack:
        files = [
            stack.enter_context(stack.enter_context(atomic_path(path)).open("wb")) for path in paths
        ]
        for file, width in zip(files, rows.widths, strict=True):
            _write_header(file, (rows.n_rows, width), _VALUES)
        background = stack.enter_context(Background())
        n_written = 0
        for piece in rows.pieces:
            for file, array, digest in zip(files, piece, digests, strict=True):
                # A copy, as the source may be overwritten while this is being written.
                background.submit(_append, file, np.array(array, _VALUES, order="C"), digest)
            n_written += len(piece[0])
        if n_written != rows.n_rows:
            raise ValueError(f"{n_written} rows of {split} came where {rows.n_rows} were announced")
    return {path.name: digest for path, digest in zip(paths, digests, strict=True)}


def write_array(path: Path, shape: tuple[int, ...], kind: str, pieces: Iterable) -> list[int]:
    """Write an array, in pieces of whole rows, as a file; return the checksums of its blocks."""
    digest = _Digest()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        _write_header(file, shape, kind)
        for piece in pieces:
            values = np.ascontiguousarray(piece, kind)
            file.write(values.data)
            digest.add(values.reshape(-1).view(np.uint8).data)
    return digest.checksums


def _write_header(file: BinaryIO, shape: tuple[int, ...], kind: str) -> None:
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    # What follows is written past this file object.
    file.flush()


def _append(file: BinaryIO, array: np.ndarray, digest: _Digest) -> None:
    array.tofile(file)
    digest.add(array.reshape(-1).view(np.uint8).data)


def array_paths(folder: str | Path, split: str, n_parts: int = 2) -> list[Path]:
    """Return the paths of a split's inputs, targets and perhaps weights."""
    return [Path(folder) / f"{split}_{part}.npy" for part in PARTS[:n_parts]]


def load_split(
    manifest: str | Path, split: str, n_rows: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Map a split's inputs and targets into memory, given the path of the folder's manifest.

    Only the first `n_rows` of them if that is given. Raises UserError if an array is missing, does
    not have the rows that the manifest names, or is damaged in the rows that are asked for.
    """
    description = read_json(manifest)
    n_all = description["splits"][split]
    inputs, targets = (
        load_array(manifest, description, path.name, n_all, _VALUES, n_rows)
        for path in array_paths(Path(manifest).parent, split)
    )
    return inputs, targets


def load_weights(manifest: str | Path, split: str, n_rows: int | None = None) -> np.ndarray | None:
    """Map the weights of a split's samples, (n_samples, 1), into memory, as `load_split` does.

    Their mean over the training split is 1. None if the samples have no weights.
    """
    description = read_json(manifest)
    if SAMPLE_WEIGHT not in description:
        return None
    path = array_paths(Path(manifest).parent, split, 3)[-1]
    return load_array(
        manifest, description, path.name, description["splits"][split], _VALUES, n_rows
    )


def load_array(
    manifest: str | Path,
    description: dict,
    name: str,
    n_all: int,
    kind: str,
    n_rows: int | None = None,
) -> np.ndarray:
    """Map the first `n_rows` rows, or all, of an array of a type and `n_all` rows into memory.

    It is the file of this name beside the manifest, whose content, `description`, has its
    checksums. Raises UserError if it is missing, another one, or damaged in these rows.
    """
    path = Path(manifest).parent / name
    array = _map_array(path, n_all, kind, manifest)
    _check_blocks(path, array, n_rows, description["checksums"][name], manifest)
    return array[:n_rows]


def _map_array(path: Path, n_rows: int, kind: str, manifest: str | Path) -> np.memmap:
    """Map a file of so many rows of a type into memory; UserError if it is missing or other."""
    try:
        # Copy-on-write, since torch takes no read-only memory; nothing ever writes to it.
        array = np.load(path, mmap_mode="c")
    except Exception as error:  # numpy raises whatever it finds first in a damaged header
        raise UserError(
            f"{path} cannot be read ({error}): delete {manifest} and run the same command again"
        ) from error
    n_bytes = array.offset + array.nbytes
    # A header that names another type is damaged, too: the values' checksums do not cover it.
    is_other = array.dtype != kind or not array.flags.c_contiguous
    if is_other or len(array) != n_rows or n_bytes != path.stat().st_size:
        raise UserError(
            f"{path} does not hold the {n_rows} rows that {manifest} says: "
            f"delete {manifest} and run the same command again"
        )
    return array


def _check_blocks(
    path: Path,
    array: np.memmap,
    n_rows: int | None,
    checksums: list[int],
    manifest: str | Path,
) -> None:
    """Raise UserError if a block that holds some of the first rows is not as it was written.

    The file is read, which leaves it in the system's cache for the use of the values, and not the
    mapped memory, which would count as the process's own.
    """
    n_blocks = -(-array[:n_rows].nbytes // BLOCK_BYTES)
    buffer = memoryview(bytearray(min(BLOCK_BYTES, array.nbytes)))
    with path.open("rb") as file:
        file.seek(array.offset)
        for number, checksum in enumerate(checksums[:n_blocks]):
            n_bytes = file.readinto(buffer)
            if zlib.crc32(buffer[:n_bytes]) != checksum:
                first = array.offset + number * BLOCK_BYTES
                raise UserError(
                    f"{path} is damaged between bytes {first:,} and {first + n_bytes:,}: "
                    f"delete {manifest} and run the same command again"
                )
