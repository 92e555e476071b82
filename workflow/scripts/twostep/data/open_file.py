"""Data files as they are stored: opened without reading values, whatever their format."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from twostep.data.netcdf3 import missing_bytes
from twostep.data.zarr_stores import is_zarr
from twostep.util.errors import UserError

# Decompressed chunks that are kept for each open variable: much of a column may be in one chunk,
# and reading it in parts must not decompress it for each part, nor may all of them fill the memory.
CHUNK_CACHE_BYTES = 32_000_000
netCDF4.set_chunk_cache(CHUNK_CACHE_BYTES)


@dataclass
class OpenFile:
    """An open file: its variables, read when their values are, and the sizes of its dimensions.

    `list_groups` returns the names of the groups within it, whose variables are not read: a look at
    a whole store, which only an error needs.
    """

    variables: dict[str, xr.Variable]
    sizes: dict[str, int]
    list_groups: Callable[[], list[str]]
    close: Callable[[], None]

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_file(path: str | Path) -> OpenFile:
    """Open a NetCDF file or a Zarr store lazily, with everything as it is stored.

    Raises UserError if it is neither, incomplete or damaged.
    """
    zarr = is_zarr(path)
    try:
        lacking = 0 if zarr else missing_bytes(path)
        # Not as a data set of xarray's, which would read all text to decode it and all coordinates
        # to index them, however large they are.
        if zarr:
            store = xr.backends.ZarrStore.open_group(path, consolidated=False)
        else:
            store = xr.backends.NetCDF4DataStore.open(path)
        variables = dict(store.load()[0])
        sizes = dict(store.get_dimensions())
    except PermissionError as error:
        raise UserError(f"{path} may not be read: ask its owner for permission") from error
    except Exception as error:  # the libraries raise all kinds for a file that makes no sense
        raise UserError(
            f"{path} cannot be opened as a NetCDF file ({' '.join(str(error).split())}): it is "
            "another kind of file, incomplete or damaged; check dataset.files and the file"
        ) from error
    if lacking:
        store.close()
        raise UserError(
            f"{path} is incomplete or damaged: it lacks {lacking:,} bytes of what its header "
            "announces; copy or make it again"
        )
    if zarr:
        _ignore_default_fill(variables)
    return OpenFile(variables, sizes, partial(_list_groups, store), store.close)


def _list_groups(store: xr.backends.ZarrStore | xr.backends.NetCDF4DataStore) -> list[str]:
    if isinstance(store, xr.backends.ZarrStore):
        return sorted(store.zarr_group.group_keys())
    return sorted(store.ds.groups)


def _ignore_default_fill(variables: dict[str, xr.Variable]) -> None:
    """Let zeros of a Zarr store be numbers: 0 is the fill value that Zarr gives by itself."""
    for array in variables.values():
        fill = np.ravel(array.attrs.get("_FillValue", 1))
        if fill.dtype.kind in "biuf" and (fill == 0).all():
            del array.attrs["_FillValue"]


def is_numeric(array: xr.Variable) -> bool:
    """Tell whether a variable holds numbers; true and false are 1 and 0."""
    return array.dtype.kind in "biuf"


def is_characters(array: xr.Variable) -> bool:
    """Tell whether a variable holds text as single characters, along its last dimension."""
    return array.dtype == "S1" and array.ndim > 0


def text_of(values: np.ndarray, array: xr.Variable) -> np.ndarray:
    """Return values of a variable, or of a part of it, as text."""
    if is_characters(array):
        values = np.ascontiguousarray(values).view(f"S{values.shape[-1]}")[..., 0]
    return (
        np.char.decode(values, "utf-8", "replace")
        if values.dtype.kind == "S"
        else values.astype(str)
    )
