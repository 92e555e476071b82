"""The prepared data on disk: one folder of arrays with a manifest, as every stage passes it on.

A folder holds `<split>_inputs.npy` (n_samples, n_inputs) and `<split>_targets.npy`
(n_samples, n_outputs), float32, for the splits it has, and `manifest.json`, which describes them
and carries the hash of them. Rows are already in random order, so that the first n rows
are a random sample, and the first m < n are contained in it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from twostep.util.background import Background
from twostep.util.errors import UserError
from twostep.util.files import atomic_path, read_json, write_json
from twostep.util.fingerprint import hash_values

MANIFEST = "manifest.json"
# Rows copied at a time.
CHUNK = 262_144


def chunks(n_rows: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows that cover all rows, in their order."""
    return (slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size))


@dataclass(frozen=True)
class Rows:
    """The rows of a split, piece by piece: (inputs, targets) of some rows each, float32.

    `widths` are the numbers of inputs and of outputs.
    """

    n_rows: int
    widths: tuple[int, int]
    pieces: Iterable[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def first(cls, n_rows: int, inputs: np.ndarray, targets: np.ndarray) -> "Rows":
        """Return the first rows of two arrays."""
        pieces = ((inputs[rows], targets[rows]) for rows in chunks(n_rows, CHUNK))
        return cls(n_rows, (inputs.shape[1], targets.shape[1]), pieces)


def write_folder(folder: str | Path, splits: dict[str, Rows], description: dict) -> dict:
    """Write the arrays of each split, then the manifest; return the manifest.

    `description` is what else the manifest says. The manifest's `data_hash` is one of the arrays
    and of the description, hence the same whenever the same data are prepared in the same way.
    """
    folder = Path(folder)
    hashes: dict[str, str] = {}
    for split, rows in splits.items():
        hashes |= _write_split(folder, split, rows)
    sizes = {split: rows.n_rows for split, rows in splits.items()}
    manifest = {"format": 3, **description, "splits": sizes}
    manifest["data_hash"] = hash_values([manifest, hashes])
    write_json(folder / MANIFEST, manifest)
    return manifest


def _write_split(folder: Path, split: str, rows: Rows) -> dict[str, str]:
    """Write the inputs and targets of a split; return the hash of each file's array."""
    paths = array_paths(folder, split)
    hashes = [hashlib.sha256() for _ in paths]
    with ExitStack() as stack:
        files = [
            stack.enter_context(stack.enter_context(atomic_path(path)).open("wb")) for path in paths
        ]
        for file, width in zip(files, rows.widths, strict=True):
            _write_header(file, (rows.n_rows, width))
        background = stack.enter_context(Background())
        n_written = 0
        for piece in rows.pieces:
            for file, array, digest in zip(files, piece, hashes, strict=True):
                # A copy, as the source may be overwritten while this is being written.
                background.submit(_append, file, np.array(array, "<f4", order="C"), digest)
            n_written += len(piece[0])
        if n_written != rows.n_rows:
            raise ValueError(f"{n_written} rows of {split} came where {rows.n_rows} were announced")
    return {path.name: digest.hexdigest() for path, digest in zip(paths, hashes, strict=True)}


def _write_header(file: BinaryIO, shape: tuple[int, int]) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    # What follows is written past this file object.
    file.flush()


def _append(file: BinaryIO, array: np.ndarray, digest: "hashlib._Hash") -> None:
    array.tofile(file)
    digest.update(array.data)


def array_paths(folder: str | Path, split: str) -> list[Path]:
    """Return the paths of a split's inputs and targets."""
    return [Path(folder) / f"{split}_{part}.npy" for part in ("inputs", "targets")]


def load_split(manifest: str | Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Map a split's inputs and targets into memory, given the path of the folder's manifest.

    Raises UserError if an array is missing or does not have the rows that the manifest names.
    """
    n_rows = read_json(manifest)["splits"][split]
    arrays = []
    for path in array_paths(Path(manifest).parent, split):
        try:
            # Copy-on-write, since torch takes no read-only memory; nothing ever writes to it.
            array = np.load(path, mmap_mode="c")
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path} cannot be read ({error}): delete {manifest} and run the same command again"
            ) from error
        if len(array) != n_rows or array.offset + array.nbytes != path.stat().st_size:
            raise UserError(
                f"{path} does not hold the {n_rows} rows that {manifest} says: "
                f"delete {manifest} and run the same command again"
            )
        arrays.append(array)
    return arrays[0], arrays[1]
