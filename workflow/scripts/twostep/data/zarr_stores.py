"""Zarr stores on disk: what lies in which folder, known without loading the library."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

# The metadata of Zarr 3 say which of the two they belong to; those of Zarr 2 have names of theirs.
ARRAY, GROUP = "array", "group"
# In the encoding of a variable: its zeros may be numbers or missing values.
ZERO_FILL = "zero_fill"


def is_zarr(path: str | Path) -> bool:
    """Tell whether a path is a folder that holds a Zarr store."""
    return os.path.isdir(path) and any(  # noqa: PTH112 (asked for each of many files)
        (Path(path) / name).is_file() for name in ("zarr.json", ".zgroup", ".zmetadata")
    )


def kind_of(folder: Path) -> str | None:
    """Return whether a folder of a store is an ARRAY or a GROUP; None if it is neither.

    What has metadata that make no sense is taken for an array, whose reading tells so.
    """
    if (folder / ".zarray").is_file():
        return ARRAY
    if (folder / ".zgroup").is_file():
        return GROUP
    try:
        kind = json.loads((folder / "zarr.json").read_text(encoding="utf-8"))["node_type"]
    except OSError:
        return None
    except (ValueError, KeyError, TypeError):
        return ARRAY
    return GROUP if kind == GROUP else ARRAY


def list_folders(folder: Path, kind: str) -> list[str]:
    """Return the names of the arrays or groups in a group's folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir() if kind_of(entry) == kind)


def list_groups(folder: Path, above: str = "") -> Iterator[str]:
    """Yield the paths of all groups within a store or a group."""
    for name in list_folders(folder, GROUP):
        yield f"{above}{name}"
        yield from list_groups(folder / name, f"{above}{name}/")
