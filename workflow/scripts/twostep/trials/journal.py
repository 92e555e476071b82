"""The journal of finished trials, which outlives jobs, interruptions and changes of the config.

Every finished trial is appended at once as one line of JSON, under a key that hashes all that
decides its result, and with a checksum, as lines may be torn or damaged. Each process appends to a
file of its own and reads all of them: no locks, which are unreliable on some cluster file systems,
and no database. Trials are spread over folders by their id, so that a shard reads about as much as
it needs, whatever the shard size.
"""

import json
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

from twostep.trials.records import REPEATABLE
from twostep.util.fingerprint import hash_values

TRIALS_PER_FOLDER = 100
CHECKSUM = "checksum"
# What a look at a running study needs of a record and of its timing.
OUTLINE = (
    "trial",
    "seed",
    "status",
    "configuration",
    "n_parameters",
    "n_operations",
    "min_val_loss",
)
OUTLINE_TIMING = ("seconds", "threads", "torch", "numpy")


class Journal:
    """The journal in one folder, as one process of a job sees it."""

    def __init__(self, folder: str | Path, job: str):
        self._folder = Path(folder)
        self._job = job
        # Not the job's alone: its processes may be killed in the middle of a line.
        self._file_name = f"{job}-{uuid.uuid4().hex[:12]}.jsonl"

    def read(self, trials: Iterable[int]) -> dict[str, dict]:
        """Return the entries that hold these trials, and perhaps others, by key.

        Left out are lines that are not whole (the process was killed while it wrote) or damaged,
        and trials whose failure in an earlier job has to do with the machine: they are to be
        trained again.
        """
        buckets = sorted({trial // TRIALS_PER_FOLDER for trial in trials})
        entries = {}
        for bucket in buckets:
            for path in sorted(self._bucket(bucket).glob("*.jsonl")):
                own = path.name.startswith(self._job)
                for line in path.read_bytes().split(b"\n"):
                    entry = _parse(line)
                    if not entry:
                        continue
                    if entry["record"]["status"] in REPEATABLE:
                        entries[entry["key"]] = entry
                    elif own:
                        # Another job may have had more luck.
                        entries.setdefault(entry["key"], entry)
        return entries

    def append(self, trial: int, entry: dict) -> None:
        """Append an entry with `key`, `record` and `timing`, and flush it to the disk."""
        folder = self._bucket(trial // TRIALS_PER_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({**entry, CHECKSUM: hash_values(entry)}, allow_nan=False) + "\n"
        # Buffered, as a full disk may take a part of an unbuffered line without an error.
        with (folder / self._file_name).open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _bucket(self, bucket: int) -> Path:
        return self._folder / f"{bucket:06d}"


def journal_files(folder: str | Path) -> list[Path]:
    """Return the files of the journal in a folder."""
    return sorted(Path(folder).glob("*/*.jsonl"))


def read_outlines(path: Path) -> list[dict]:
    """Return the entries of a file of a journal in their order, to look at a run.

    The entries lack the loss curves and their checksums are not compared, both of which would take
    most of the time. Left out are lines that are not whole or lack what is looked at.
    """
    entries = []
    for line in path.read_bytes().split(b"\n"):
        # JSON escapes the quotation marks within text: these are the record's own keys.
        head, curves, rest = line.partition(b', "train_loss": [')
        if curves:
            line = head + b'}, "timing": ' + rest.partition(b']}, "timing": ')[2]
        entry = _parse_outline(line)
        if entry:
            entries.append(entry)
    return entries


def _parse_outline(line: bytes) -> dict | None:
    """Return a journal entry that holds at least an outline, or None for any other line."""
    try:
        entry = json.loads(line)
        outline = {name: entry[name] for name in ("key", "record", "timing")}
        is_whole = outline["record"].keys() >= set(OUTLINE)
        is_timed = outline["timing"].keys() >= set(OUTLINE_TIMING)
        return outline if is_whole and is_timed else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def _parse(line: bytes) -> dict | None:
    """Return a journal entry, or None for a line that is none."""
    try:
        entry = json.loads(line)
        return entry if entry.pop(CHECKSUM) == hash_values(entry) else None
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
