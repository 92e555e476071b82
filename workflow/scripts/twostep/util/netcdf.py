"""NetCDF files that appear whole or not at all."""

import errno
from pathlib import Path
from typing import TYPE_CHECKING

from twostep.util.files import atomic_path

if TYPE_CHECKING:
    import xarray as xr


def write_netcdf(path: str | Path, data: "xr.Dataset") -> None:
    """Write a data set; raises OSError if that fails, whatever the library calls it."""
    with atomic_path(path) as temporary:
        try:
            data.to_netcdf(temporary, engine="netcdf4")
        except RuntimeError as error:  # the NetCDF library's own word for a full disk
            reason = f"the file cannot be written, as on a full disk ({error})"
            raise OSError(errno.EIO, reason, str(path)) from error
