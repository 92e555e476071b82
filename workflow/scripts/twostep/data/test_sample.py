"""Test samples as the files have them: what predictions are shown beside.

The prepared arrays hold standardised numbers in single precision, which give back neither an exact
zero nor small values beside large ones.
"""

from pathlib import Path

import numpy as np

from twostep.data.arrays import load_array, write_array
from twostep.data.split_numbers import TEST
from twostep.util.files import read_json
from twostep.util.seeds import derive_seed

FILE = "test_sample.npy"
_VALUES = "<f8"
# Rows, and values in all with those that are predicted: enough for any figure, and soon read.
MOST_ROWS = 100_000
MOST_VALUES = 10_000_000


class TestSample:
    """A random sample of the rows of the test split, from rows that come in pieces.

    Each row of the data set has a random number, and the rows with the lowest ones are kept in the
    order of these. So the sample depends neither on the pieces nor on other rows being usable.
    `widths` are the numbers of inputs and of outputs.
    """

    # No test of pytest's.
    __test__ = False

    def __init__(self, widths: tuple[int, int], seed: int) -> None:
        n_inputs, n_outputs = widths
        self._most = min(MOST_ROWS, max(1000, MOST_VALUES // (n_inputs + 2 * n_outputs)))
        self._random = np.random.default_rng(derive_seed(seed, "predictions"))
        # Numbers from here on are too high.
        self._limit = 1.0
        # What was taken so far, in pieces: at most half as much again as is kept, and a slab.
        self._numbers = [np.empty(0)]
        self._rows = [np.empty((0, n_inputs + n_outputs))]
        self._n_taken = 0

    def add(self, blocks: list[np.ndarray], splits: np.ndarray) -> None:
        """Take rows of the splits, (n_rows,), whose values are in `blocks` of columns.

        Each block is float64, (n_rows, n_entries), in physical units.
        """
        # Drawn for all rows, so that none has an influence on the others.
        numbers = self._random.random(len(splits))
        chosen = np.flatnonzero((splits == TEST) & (numbers < self._limit))
        if not chosen.size:
            return
        self._numbers.append(numbers[chosen])
        self._rows.append(np.concatenate([block.take(chosen, axis=0) for block in blocks], axis=1))
        self._n_taken += len(chosen)
        if self._n_taken > 1.5 * self._most:
            self._cut()

    def _cut(self) -> None:
        """Leave only what is kept, piece by piece, so that there is no copy of it all."""
        if self._n_taken <= self._most:
            return
        numbers = np.concatenate(self._numbers)
        self._limit = float(np.partition(numbers, self._most)[self._most])
        for i, own in enumerate(self._numbers):
            kept = own < self._limit
            self._numbers[i], self._rows[i] = own[kept], self._rows[i][kept]
        self._n_taken = self._most

    @property
    def n_rows(self) -> int:
        """The number of rows of the sample."""
        return min(self._n_taken, self._most)

    def rows(self) -> np.ndarray:
        """Return the sample in random order, float64 (n_samples, n_columns), physical units."""
        self._cut()
        return np.concatenate(self._rows)[np.concatenate(self._numbers).argsort()]


def write_test_sample(folder: Path, rows: np.ndarray) -> dict[str, list[int]]:
    """Write a sample, float64 (n_samples, n_columns); return its file with its checksums."""
    return {FILE: write_array(folder / FILE, rows.shape, _VALUES, [rows])}


def load_test_sample(manifest: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs and outputs of the sample in the folder with this manifest.

    They are float64, (n_samples, n_inputs) and (n_samples, n_outputs), in physical units and random
    order. Raises UserError if the sample is missing or damaged.
    """
    description = read_json(manifest)
    n_rows = description["test_sample"]["rows"]
    rows = load_array(manifest, description, FILE, n_rows, _VALUES)
    n_inputs = len(description["inputs"])
    return rows[:, :n_inputs], rows[:, n_inputs:]
