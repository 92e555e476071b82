"""Random order for more rows than the memory holds.

Each row goes to a random bucket of its split, and each bucket, which fits into memory, is shuffled
by itself when it is read back: every order of the rows is equally likely. The order depends on the
seed and on the rows, not on the pieces in which they come.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from twostep.files import Background
from twostep.seeds import derive_seed

# Three copies of one are in memory while it is shuffled and written.
BUCKET_BYTES = 64_000_000


class Shuffler:
    """Rows of several splits on their way into random order, in a temporary file.

    The file has no name, so that it is gone with the process, whatever ends that.
    """

    def __init__(
        self, folder: Path, *, n_rows: int, n_columns: int, n_splits: int, seed: int
    ) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (closed below)
        self._background = Background()
        self._n_columns, self._n_splits, self._seed = n_columns, n_splits, seed
        # Enough for the case that all rows are of one split.
        self._n_buckets = -(-4 * n_rows * n_columns // BUCKET_BYTES)
        self._random = np.random.default_rng(derive_seed(seed, "shuffle"))
        self._counts: list[np.ndarray] = []

    def add(self, rows: np.ndarray, splits: np.ndarray) -> None:
        """Take rows, float32 (n_rows, n_columns), of the splits (n_rows,); leave out those < 0."""
        # Drawn for all rows, so that none has an influence on the others' places.
        buckets = (self._random.random(len(rows)) * self._n_buckets).astype(np.int32)
        buckets += splits.astype(np.int32) * self._n_buckets
        buckets[splits < 0] = -1
        order = buckets.argsort(kind="stable")[np.count_nonzero(splits < 0) :]
        self._background.submit(np.take(rows, order, axis=0).tofile, self._file)
        total = self._n_splits * self._n_buckets
        self._counts.append(np.bincount(buckets[order], minlength=total).astype(np.int32))

    def count(self, split: int) -> int:
        """Return the number of rows of a split."""
        buckets = slice(split * self._n_buckets, (split + 1) * self._n_buckets)
        return sum(int(counts[buckets].sum()) for counts in self._counts)

    def read(self, split: int) -> Iterator[np.ndarray]:
        """Yield the rows of a split in random order, float32 (n_rows, n_columns) at a time.

        Each piece is overwritten by the next one.
        """
        self._background.wait()
        counts = np.array(self._counts, dtype=np.int64)
        starts = np.cumsum(counts).reshape(counts.shape) - counts
        row_bytes = 4 * self._n_columns
        buckets = range(split * self._n_buckets, (split + 1) * self._n_buckets)
        most = counts[:, buckets].sum(axis=0).max()
        rows, shuffled = np.empty((2, most, self._n_columns), np.float32)
        for bucket in buckets:
            end = 0
            for start, count in zip(starts[:, bucket], counts[:, bucket], strict=True):
                self._file.seek(start * row_bytes)
                self._file.readinto(rows[end : end + count])
                end += count
            random = np.random.default_rng(derive_seed(self._seed, "shuffle", bucket))
            # The mode is the quick one; no index is out of range.
            order = random.permutation(end)
            yield np.take(rows, order, axis=0, out=shuffled[:end], mode="clip")

    def close(self) -> None:
        """Remove the temporary file."""
        with self._file, self._background:
            pass
