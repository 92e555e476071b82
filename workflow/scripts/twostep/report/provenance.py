"""What a study's results were made from, with and on: one description for all of them."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from twostep.util.checked_json import read_checked
from twostep.util.fingerprint import LIBRARY, hash_file
from twostep.util.processor import processor_name

# What decides numbers and figures, and what runs the study; the rest follows from these.
PACKAGES = (
    "markdown-it-py",
    "matplotlib",
    "netCDF4",
    "numba",
    "numpy",
    "onnx",
    "onnxruntime",
    "optuna",
    "pandas",
    "pyarrow",
    "pygments",
    "rich",
    "scikit-learn",
    "scipy",
    "snakemake",
    "snakemake-executor-plugin-slurm",
    "snakemake-logger-plugin-rich",
    "threadpoolctl",
    "torch",
    "vl-convert-python",
    "xarray",
    "zarr",
)
GIT_SECONDS = 30
# With these set, as they are inside a git hook, git would look into another repository.
GIT_VARIABLES = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}
LIBRARIES = r"Math Kernel Library|MKL-DNN|oneDNN|OpenMP"


def describe_commit(folder: str | Path = LIBRARY) -> dict[str, str | bool | None]:
    """Return the git commit of the repository around a folder, and whether it was edited since.

    Both are None where there is no git, or no repository that has files of the folder in it.
    """
    commit = _git(folder, "rev-parse", "HEAD")
    # A copy of the workflow may lie within a repository that does not know it.
    tracked = _git(folder, "ls-files")
    # Files that git does not know are not part of the workflow: data, results, configs.
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    known = commit and tracked and changes is not None
    return {"commit": commit if known else None, "dirty": bool(changes) if known else None}


def _git(folder: str | Path, *arguments: str) -> str | None:
    environment = {key: os.environ[key] for key in os.environ.keys() - GIT_VARIABLES}
    try:
        process = subprocess.run(
            # Without the lock: the user may be working in the repository at the same time.
            ["git", "--no-optional-locks", "-C", str(folder), *arguments],
            capture_output=True,
            env=environment,
            encoding="utf-8",
            errors="replace",  # names of files can be any bytes
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()


def describe_files(data_record: str | Path) -> list[dict] | None:
    """Return path, size and SHA-256 of each data file; None if the record of them was deleted."""
    if not Path(data_record).exists():
        return None
    kept = ("path", "bytes", "sha256")
    return [{key: entry[key] for key in kept} for entry in read_checked(data_record)["files"]]


def describe_environment(threads: int) -> dict:
    """Return versions, processor and matrix libraries of this process, and its `threads`."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "packages": {name: _version(name) for name in PACKAGES},
        "processor": processor_name(),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "threads": threads,
        "matrix_libraries": {"torch": _torch_libraries(), "numpy": _numpy_library()},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _torch_libraries() -> list[str]:
    """Return the BLAS that torch was built with, and its libraries with their versions."""
    description = torch.__config__.show()
    blas = re.search(r"BLAS_INFO=(\w+)", description)
    named = [line.strip(" -") for line in description.splitlines() if re.search(LIBRARIES, line)]
    return [f"BLAS: {blas[1] if blas else 'unknown'}", *named]


def _numpy_library() -> str:
    # Where numpy was built without a BLAS, or without looking for its version, entries are missing.
    library = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    return " ".join(library[key] for key in ("name", "version") if key in library) or "unknown"


def count_environments(timings: pd.DataFrame) -> list[dict]:
    """Return on which processors, with which torch and threads a table's trials were trained."""
    counted = timings.groupby(["processor", "torch", "threads"], as_index=False).size()
    return counted.rename(columns={"size": "n_trials"}).to_dict("records")


def hash_results(paths: Iterable[str], folder: str | Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its path relative to a folder."""
    return {Path(path).relative_to(folder).as_posix(): hash_file(path) for path in sorted(paths)}
