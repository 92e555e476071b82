"""Compilation of the parcel model, with a cache on disk that is safe to share."""

import contextlib
import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding
import numba

# Sums may be reordered for vector instructions; infinities and NaN keep their meaning. One machine
# always gives the same bits, another processor may differ in the last ones.
OPTIONS = {"fastmath": {"reassoc", "contract", "arcp", "nsz"}, "error_model": "numpy"}

inline = numba.njit(**OPTIONS)


def compiled(function: Callable) -> Callable:
    """Compile a function at its first call and keep the result on disk where that is possible.

    Numba's own cache looks only at the file of the compiled function, not at those of the functions
    it calls, and it writes its index before its data, so that a process may be handed the
    code of an earlier version or of another processor. Here every state of the sources and every
    kind of processor has a folder of its own, in which nothing is ever out of date.
    """
    folder = _cache_folder()
    if folder is None:
        return numba.njit(**OPTIONS)(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return numba.njit(**OPTIONS, cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before


def _cache_folder() -> Path | None:
    """Return a folder for this code on this processor; None if nowhere can be written."""
    bases = [Path(__file__).parent / "__pycache__"]
    if numba.config.CACHE_DIR:
        bases.insert(0, Path(numba.config.CACHE_DIR))
    with contextlib.suppress(RuntimeError):
        bases.append(Path.home() / ".cache" / "twostep")
    for base in bases:
        folder = base / f"parcel_{_cache_key()}"
        probe = folder / f"probe.{uuid.uuid4().hex}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError:
            continue
        return folder
    return None


def _cache_key() -> str:
    """Return a hash of all that decides the compiled code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("parcel_*.py")):
        digest.update(path.read_bytes())
    versions = [numba.__version__, llvmlite.__version__, os.environ.get("NUMBA_CPU_NAME", "")]
    processor = [
        llvmlite.binding.get_host_cpu_name(),
        llvmlite.binding.get_host_cpu_features().flatten(),
    ]
    digest.update(repr(versions + processor).encode())
    return digest.hexdigest()[:16]
