"""Files that appear whole or not at all."""

import glob
import json
import os
import platform
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from twostep.errors import UserError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and rename it to `path` once the block has succeeded.

    The content is flushed to the disk before the rename, so that a crash at any moment leaves
    either no file or the whole one. After an exception the temporary file is removed; what a
    killed process has left of the same file is removed now. The temporary name keeps the suffix,
    since several writers choose their format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    unique = uuid.uuid4().hex[:12]
    temporary = path.with_name(f".{path.name}.{_PLACE}.{os.getpid()}.{unique}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


# Process numbers tell processes apart on one machine only.
_PLACE = platform.node() or "localhost"


def _remove_abandoned(path: Path) -> None:
    """Remove temporary files of `path` whose processes, on this machine, are no more."""
    own = f".{path.name}.{_PLACE}."
    for leftover in path.parent.glob(f"{glob.escape(own)}*"):
        process = leftover.name.removeprefix(own).split(".")[0]
        if process.isdecimal() and not _is_running(int(process)):
            leftover.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, content: object) -> None:
    """Write `content` as indented JSON with sorted keys; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> dict:
    """Read a JSON file that holds a mapping; UserError if it is damaged."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise damaged(path) from error
    if not isinstance(content, dict):
        raise damaged(path)
    return content


def damaged(path: str | Path) -> UserError:
    """Return the error about a result that is not as it was written."""
    return UserError(f"{path} is damaged: delete it and run the same command again")


class Background:
    """Does one thing at a time in a second thread: writing, while the first one computes.

    Errors are raised by the next call.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1)
        self._running: Future | None = None

    def submit(self, function: Callable, *arguments) -> None:
        """Wait for what was submitted before, then call a function in the second thread."""
        self.wait()
        self._running = self._executor.submit(function, *arguments)

    def wait(self) -> None:
        """Wait for what was submitted last."""
        if self._running is not None:
            running, self._running = self._running, None
            running.result()

    def __enter__(self) -> "Background":
        return self

    def __exit__(self, *error) -> None:
        self._executor.shutdown()
        if error == (None, None, None):
            self.wait()


def is_zarr(path: str | Path) -> bool:
    """Tell whether a path is a folder that holds a Zarr store."""
    return any((Path(path) / name).is_file() for name in ("zarr.json", ".zgroup", ".zmetadata"))
