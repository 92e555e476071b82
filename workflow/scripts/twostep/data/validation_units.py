"""Which block or group each validation sample is of.

Samples of one block or group are alike. So the standard error of a validation loss has to be told
from whole ones, and not from single samples.
"""

from pathlib import Path

import numpy as np

from twostep.data.arrays import load_array, write_array
from twostep.data.shuffle import Shuffler
from twostep.data.split_numbers import UNKNOWN, VALIDATION
from twostep.util.files import read_json

FILE = "validation_units.npy"
_NUMBERS = "<i4"


class ValidationUnits:
    """The numbers of the validation samples' blocks or groups, on their way into random order.

    The order is that of the samples in `shuffler`, to which the same rows are added.
    """

    def __init__(self, shuffler: Shuffler) -> None:
        self._shuffler = shuffler.beside()

    def add(self, units: np.ndarray, splits: np.ndarray) -> None:
        """Take the numbers of the units of rows, (n_rows,), of these splits, (n_rows,)."""
        # The shuffler copies what it takes for float32 bit by bit.
        column = units.astype(np.int32).view(np.float32)[:, None]
        self._shuffler.add(column, np.where(splits == VALIDATION, splits, UNKNOWN))

    def write(self, folder: Path) -> dict[str, list[int]]:
        """Write the file; return its name with the checksums of its blocks.

        It is an int32 array (n_validation,), or empty if nothing was added, because each sample
        stands for itself.
        """
        n_rows = self._shuffler.count(VALIDATION)
        pieces = self._shuffler.read(VALIDATION) if n_rows else ()
        numbers = (piece.view(np.int32)[:, 0] for piece in pieces)
        return {FILE: write_array(folder / FILE, (n_rows,), _NUMBERS, numbers)}

    def close(self) -> None:
        """Remove the temporary file."""
        self._shuffler.close()


def load_validation_units(manifest: str | Path) -> np.ndarray | None:
    """Return the number of each validation sample's block or group, int32 (n_validation,).

    They are in the order of the prepared samples; None where each sample stands for itself. Raises
    UserError if the file beside the manifest is missing or damaged.
    """
    description = read_json(manifest)
    if description["split"]["n_units"] is None:
        return None
    n_rows = description["splits"]["validation"]
    return load_array(manifest, description, FILE, n_rows, _NUMBERS)
