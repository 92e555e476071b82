"""The prepared data on disk: one folder of arrays with a manifest, as every stage passes it on.

A folder holds `<split>_inputs.npy` (n_samples, n_inputs) and `<split>_targets.npy`
(n_samples, n_outputs), float32, for the splits it has, and `manifest.json`, which describes them
and carries a hash of their content. Rows are already in random order, so that the first n rows
are a random sample, and the first m < n are contained in it.
"""

import hashlib
from pathlib import Path

import numpy as np

from twostep.errors import UserError
from twostep.files import atomic_path, read_json, write_json
from twostep.fingerprint import hash_values

MANIFEST = "manifest.json"


def write_folder(
    folder: str | Path, splits: dict[str, tuple[np.ndarray, np.ndarray]], description: dict
) -> dict:
    """Write the arrays of each split, then the manifest; return the manifest.

    `splits` maps a split's name to (inputs, targets); `description` is what else the manifest
    says. The manifest's `content` is a hash of the arrays and of the description, hence the same
    whenever the same data are prepared in the same way.
    """
    folder = Path(folder)
    hashes = {}
    for split, pair in splits.items():
        for path, array in zip(array_paths(folder, split), pair, strict=True):
            array = np.ascontiguousarray(array, dtype=np.float32)
            with atomic_path(path) as temporary:
                np.save(temporary, array)
            hashes[path.name] = hashlib.sha256(array).hexdigest()
    sizes = {split: len(inputs) for split, (inputs, _) in splits.items()}
    manifest = {"format": 1, **description, "splits": sizes}
    manifest["content"] = hash_values([manifest, hashes])
    write_json(folder / MANIFEST, manifest)
    return manifest


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
        if len(array) != n_rows:
            raise UserError(
                f"{path} has {len(array)} rows where {manifest} says {n_rows}: "
                f"delete {manifest} and run the same command again"
            )
        arrays.append(array)
    return arrays[0], arrays[1]
