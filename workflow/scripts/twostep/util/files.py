"""Files that appear whole or not at all."""

import glob
import json
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twostep.util.errors import UserError


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
        if process.isdecimal() and not is_running(int(process)):
            leftover.unlink(missing_ok=True)


def is_running(process: int) -> bool:
    """Tell whether this machine has a process with this number."""
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
