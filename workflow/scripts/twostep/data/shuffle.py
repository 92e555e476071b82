"""Random order for more rows than the memory holds.

Each row goes to a random bucket of its split, and each bucket, which fits into memory, is shuffled
by itself when it is read back: every order of the rows is equally likely. The order depends on the
seed and on the rows, not on the pieces in which they come.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from twostep.util.background import Background
from twostep.util.seeds import derive_seed

# Three copies of one are in memory while it is shuffled and written.
BUCKET_BYTES = 64_000_000
# Rows are collected up to this size before they are written.
WRITE_BYTES = 20_000_000


class Shuffler:
    """Rows of several splits on their way into random order, in a temporary file.

    The file has no name, so that it is gone with the process, whatever ends that.
    """

    def __init__(
        self, folder: Path, *, n_rows: int, n_columns: int, n_splits: int, seed: int
    ) -> None:
        self._folder = folder
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (closed below)
        self._background = Background()
        self._n_columns, self._n_splits, self._seed = n_columns, n_splits, seed
        # Enough for the case that all rows are of one split.
        self._n_buckets = -(-4 * n_rows * n_columns // BUCKET_BYTES)
        self._random = np.random.default_rng(derive_seed(seed, "shuffle"))
        self._n_written = 0
        # For each write, where its first bucket begins and where each of its buckets ends, in rows.
        self._ends: list[np.ndarray] = []
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._bytes_waiting = 0

    def beside(self) -> "Shuffler":
        """Return a shuffler of one column that gives the same rows the same order.

        It must be given the same rows in the same order, too; some splits may be left out.
        """
        twin = Shuffler(
            self._folder, n_rows=0, n_columns=1, n_splits=self._n_splits, seed=self._seed
        )
        twin._n_buckets = self._n_buckets
        return twin

    def add(self, rows: np.ndarray, splits: np.ndarray) -> None:
        """Take rows, float32 (n_rows, n_columns), of the splits (n_rows,); leave out those < 0."""
        # Drawn for all rows, so that none has an influence on the others' places.
        buckets = (self._random.random(len(rows)) * self._n_buckets).astype(np.int32)
        buckets += splits.astype(np.int32) * self._n_buckets
        buckets[splits < 0] = -1
        self._waiting.append((rows, buckets))
        self._bytes_waiting += rows.nbytes
        if self._bytes_waiting >= WRITE_BYTES:
            self._write()

    def _write(self) -> None:
        """Write the waiting rows in the order of their buckets, and note where each begins."""
        if len(self._waiting) == 1:
            rows, buckets = self._waiting[0]
        else:
            rows = np.concatenate([rows for rows, _ in self._waiting])
            buckets = np.concatenate([buckets for _, buckets in self._waiting])
        self._waiting.clear()
        self._bytes_waiting = 0
        order = buckets.argsort(kind="stable")[np.count_nonzero(buckets < 0) :]
        self._background.submit(np.take(rows, order, axis=0).tofile, self._file)
        counts = np.bincount(buckets[order], minlength=self._n_splits * self._n_buckets)
        ends = self._n_written + counts.cumsum()
        self._ends.append(np.concatenate([[self._n_written], ends]))
        self._n_written += len(order)

    def count(self, split: int) -> int:
        """Return the number of rows of a split, after the last of them was added."""
        if self._waiting:
            self._write()
        first, last = split * self._n_buckets, (split + 1) * self._n_buckets
        return sum(int(ends[last] - ends[first]) for ends in self._ends)

    def read(self, split: int) -> Iterator[np.ndarray]:
        """Yield the rows of a split in random order, float32 (n_rows, n_columns) at a time.

        `count` comes first. Each piece is overwritten by the next one.
        """
        buckets = range(split * self._n_buckets, (split + 1) * self._n_buckets)
        sizes = [sum(int(e[bucket + 1] - e[bucket]) for e in self._ends) for bucket in buckets]
        self._background.wait()
        rows, shuffled = np.empty((2, max(sizes), self._n_columns), np.float32)
        for bucket, size in zip(buckets, sizes, strict=True):
            self._gather(bucket, rows)
            order = np.random.default_rng(derive_seed(self._seed, "shuffle", bucket))
            # The mode is the quick one; no index is out of range.
            np.take(rows, order.permutation(size), axis=0, out=shuffled[:size], mode="clip")
            yield shuffled[:size]

    def _gather(self, bucket: int, rows: np.ndarray) -> None:
        """Read the rows of a bucket, which lie in a piece of the file for each write."""
        n_read = 0
        for ends in self._ends:
            first, last = int(ends[bucket]), int(ends[bucket + 1])
            self._file.seek(4 * self._n_columns * first)
            piece = (
                rows.reshape(-1)
                .data[n_read * self._n_columns : (n_read + last - first) * self._n_columns]
                .cast("B")
            )
            n_read += last - first
            # The system may give less than it was asked for.
            while piece:
                n_bytes = self._file.readinto(piece)
                if not n_bytes:
                    raise OSError("the temporary file is shorter than what was written to it")
                piece = piece[n_bytes:]

    def close(self) -> None:
        """Remove the temporary file, once the last of it has been written."""
        try:
            self._background.close()
        finally:
            self._file.close()
