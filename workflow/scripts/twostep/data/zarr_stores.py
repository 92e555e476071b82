"""Whether a path is a Zarr store: known without loading the library."""

from pathlib import Path


def is_zarr(path: str | Path) -> bool:
    """Tell whether a path is a folder that holds a Zarr store."""
    return any((Path(path) / name).is_file() for name in ("zarr.json", ".zgroup", ".zmetadata"))
