"""What a job tells while it works and what it leaves to say, in a small file that others read.

A look at the run reads these notes, and so does the end of the run: what a job prints itself is
lost between the bars of a terminal. A note is no result, and is kept beside the logs. It holds no
clock: the time of the file tells when the job said something last. Whatever happens to a note, the
job goes on.
"""

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from twostep.util.files import is_running

FOLDER = "logs/jobs"
# Between two things that a job tells: file systems of clusters dislike small files in quick turn.
MIN_SECONDS = 2.0
HOST = platform.node()

Tell = Callable[..., None]


def tell_nobody(**details: object) -> None:
    """Tell nothing, where there is no job whose note could be read."""


@dataclass(frozen=True)
class Note:
    """The note of a job as others read it.

    `details` are what the job told last, such as how many of its trials are done. `said` is what
    it left to say: the sentence of an error if it has failed. `when` is when it changed the note
    last, in seconds since 1970. `process` is its number on the machine `host`.
    """

    rule: str
    wildcards: dict[str, str]
    host: str
    process: int
    details: dict = field(default_factory=dict)
    said: str | None = None
    failed: bool = False
    when: float = 0.0

    def is_at_work(self) -> bool | None:
        """Tell whether the job still runs; None if only another machine knows."""
        if self.said is not None:
            return False
        return is_running(self.process) if self.host == HOST else None


class JobNote:
    """The note of a job that is at work, as the job itself writes it."""

    def __init__(self, log_file: str, rule: str, wildcards: dict[str, str], folder: Path):
        self._path = folder / FOLDER / _name(log_file, folder)
        self._job: dict = {"rule": rule, "wildcards": wildcards, "host": HOST}
        # Not that of a child that it forks later: children may be killed and replaced.
        self._job["process"] = os.getpid()
        self._said: list[str] = []
        self._next = 0.0
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._write()

    def tell(self, **details: object) -> None:
        """Tell how far the job is; what comes too soon after the last time is left out."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + MIN_SECONDS
            with contextlib.suppress(OSError):
                self._write(details=details)

    def leave(self, text: str) -> None:
        """Leave a text to be said at the end of the run."""
        self._leave(text, failed=False)

    def fail(self, sentence: str) -> None:
        """Leave the sentence of an error to be said at the end of the run."""
        self._leave(f"Error: {sentence}", failed=True)

    def close(self) -> None:
        """Remove the note of a job that has ended, unless it has something to say."""
        if not self._said:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _leave(self, text: str, *, failed: bool) -> None:
        self._said.append(text)
        try:
            self._write(said="\n".join(self._said), failed=failed)
        except OSError:
            # A full disk, most likely; the text may be what says so.
            print(text, file=sys.stderr)

    def _write(self, **content: object) -> None:
        """Replace the note by another one, which nobody sees in halves.

        It is not flushed to the disk, since nothing depends on it.
        """
        temporary = self._path.with_name(f".{self._path.name}")
        try:
            temporary.write_text(json.dumps({**self._job, **content}), encoding="utf-8")
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _name(log_file: str, folder: Path) -> str:
    """Return the name of a note: that of the job's log, which no other job has."""
    parts = Path(log_file).relative_to(folder / "logs").with_suffix(".json").parts
    return ",".join(parts)


def read_notes(folder: str | Path) -> dict[Path, Note]:
    """Return the notes that are in the folder of a study, in the order of their times.

    What is damaged or just being removed is left out.
    """
    notes = {}
    # The temporary ones begin with a dot. At its end a run may be in another folder than before.
    for path in Path(folder, FOLDER).absolute().glob("[!.]*.json"):
        with contextlib.suppress(OSError, ValueError, TypeError):
            when = path.stat().st_mtime
            notes[path] = Note(**json.loads(path.read_text(encoding="utf-8")), when=when)
    return dict(sorted(notes.items(), key=lambda item: item[1].when))


def say_what_is_new(folder: str | Path, before: dict[Path, Note]) -> None:
    """Print what jobs have left to say since `before`, what `read_notes` returned then."""
    for path, note in read_notes(folder).items():
        if note.said is not None and note != before.get(path):
            print(note.said, file=sys.stderr)
