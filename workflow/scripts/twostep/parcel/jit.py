"""Compilation of the parcel model, with a cache on disk that is safe to share."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba

from twostep.util.fingerprint import used_modules

# Sums may be reordered for vector instructions; infinities and NaN keep their meaning. One machine
# always gives the same bits, another processor may differ in the last ones.
OPTIONS: dict = {"fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}

inline = numba.njit(**OPTIONS)

# Numba makes the attributes of this module while it is imported: no checker of types can know them.
SETTINGS: Any = numba.config


def compiled(function: Callable) -> Callable:
    """Compile a function at its first call and keep the result on disk where that is possible.

    Numba's own cache looks only at the file of the compiled function, not at those of the functions
    it calls, and it writes its index before its data, so that a process may be handed the
    code of an earlier version or of another processor. Here every state of the sources and every
    kind of processor has a folder of its own, in which nothing is ever out of date.
    """
    folder = _cache_folder(_cache_key(Path(function.__code__.co_filename)))
    if folder is None:
        return numba.njit(**OPTIONS)(function)
    before = SETTINGS.CACHE_DIR
    SETTINGS.CACHE_DIR = str(folder)
    try:
        return numba.njit(**OPTIONS, cache=True)(function)
    finally:
        SETTINGS.CACHE_DIR = before


def _cache_folder(key: str) -> Path | None:
    """Return the folder for the code and the processor with this key; None if none is writable."""
    bases = [Path(__file__).parent / "__pycache__"]
    if SETTINGS.CACHE_DIR:
        bases.insert(0, Path(SETTINGS.CACHE_DIR))
    with contextlib.suppress(RuntimeError):
        bases.append(Path.home() / ".cache" / "twostep")
    for base in bases:
        folder = base / f"parcel_{key}"
        probe = folder / f"probe.{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError:
            continue
        return folder
    return None


def _cache_key(source: Path) -> str:
    """Return a hash of all that decides the code compiled from a file.

    That is the file itself, and whatever it imports of the library: byte by byte, because numba
    itself looks at the time and size of files.
    """
    digest = hashlib.sha256()
    for path in (source, *used_modules(source)):
        digest.update(path.read_bytes())
    versions = [numba.__version__, llvmlite.__version__, os.environ.get("NUMBA_CPU_NAME", "")]
    processor = [
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
    ]
    digest.update(repr(versions + processor).encode())
    return digest.hexdigest()[:16]
