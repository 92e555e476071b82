"""The journal of finished trials, which outlives jobs, interruptions and changes of the config.

Every finished trial is appended at once as one line of JSON, under a key that hashes all that
decides its result. Each process appends to a file of its own and reads all of them: no locks,
which are unreliable on some cluster file systems, and no database. Trials are spread over
folders by their id, so that a shard reads about as much as it needs, whatever the shard size.
"""

import json
import os
import uuid
from pathlib import Path

TRIALS_PER_FOLDER = 100


class Journal:
    """The journal in one folder, as one process sees it."""

    def __init__(self, folder: str | Path):
        self._folder = Path(folder)
        self._file_name = f"{uuid.uuid4().hex}.jsonl"

    def read(self, trials: range) -> dict[str, dict]:
        """Return the entries that hold these trials, and perhaps others, by key.

        A line that is not whole (its process was killed while it wrote) is passed over; its
        trial is then simply not there.
        """
        buckets = sorted({trial // TRIALS_PER_FOLDER for trial in trials})
        entries = {}
        for bucket in buckets:
            for path in sorted(self._bucket(bucket).glob("*.jsonl")):
                for line in path.read_bytes().split(b"\n"):
                    if entry := _parse(line):
                        entries[entry["key"]] = entry
        return entries

    def append(self, trial: int, entry: dict) -> None:
        """Append an entry, which has a `key`, and flush it to the disk."""
        folder = self._bucket(trial // TRIALS_PER_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps(entry, allow_nan=False) + "\n"
        with (folder / self._file_name).open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())

    def _bucket(self, bucket: int) -> Path:
        return self._folder / f"{bucket:06d}"


def _parse(line: bytes) -> dict | None:
    """Return a journal entry, or None for a line that is none."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(entry, dict) and {"key", "record", "timing"} <= entry.keys()
    return entry if whole else None
