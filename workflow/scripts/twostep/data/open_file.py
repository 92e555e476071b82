"""Data files as they are stored: opened without reading values, whatever their format."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NoReturn, Protocol

import netCDF4
import xarray as xr

from twostep.data import netcdf_groups, tables, zarr_stores
from twostep.data.netcdf3 import missing_bytes
from twostep.util.errors import UserError
from twostep.util.text import list_names, suggest

# What the libraries say of compressed values that they have no program for.
NO_FILTER = ("filter error", "unknown codec", "codec not available")


class Group(Protocol):
    """A group of a file, or the file itself."""

    def names(self) -> list[str]:
        """Return the names of its variables."""

    def sizes(self) -> dict[str, int]:
        """Return the sizes of its dimensions."""

    def variable(self, name: str) -> xr.Variable | None:
        """Return one of its variables; None if there is none of that name."""


class Variables(Mapping[str, xr.Variable]):
    """The variables that a group sees: its own and those of the groups above it.

    Only those that are asked for are looked at, and their values are read when they are used.
    """

    def __init__(self, path: str | Path, groups: list[Group]) -> None:
        self._path, self._groups = path, groups
        self._found: dict[str, xr.Variable] = {}

    def __getitem__(self, name: str) -> xr.Variable:
        if name not in self._found:
            self._found[name] = self._find(name)
        return self._found[name]

    def _find(self, name: str) -> xr.Variable:
        for group in self._groups:
            try:
                array = group.variable(name)
            except Exception as error:  # the libraries raise all kinds for what makes no sense
                refuse_unreadable(self._path, name, error)
            if array is not None:
                return array
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for group in self._groups for name in group.names()))

    def __len__(self) -> int:
        return len(list(iter(self)))


class OpenFile:
    """An open file, or a group of it: its variables, and the sizes of its dimensions.

    `list_groups` returns the paths of all groups in the file: a look at a whole store, which only
    an error needs.
    """

    def __init__(
        self,
        path: str | Path,
        groups: list[Group],
        list_groups: Callable[[], list[str]],
        close: Callable[[], object],
    ) -> None:
        self.variables = Variables(path, groups)
        self.list_groups, self.close = list_groups, close
        self._groups = groups

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Sizes of the dimensions that the group sees."""
        sizes: dict[str, int] = {}
        for group in reversed(self._groups):
            sizes |= group.sizes()
        return sizes

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_file(path: str | Path, group: str | None = None) -> OpenFile:
    """Open a NetCDF file, a Zarr store or a table lazily, with everything as it is stored.

    `group` is the path of a group in it. Raises UserError if the file is none of them, incomplete
    or damaged, or has no such group.
    """
    parts = (group or "").strip("/").split("/") if (group or "").strip("/") else []
    opener, kind = _choose(path)
    try:
        return opener(path, parts)
    except UserError:
        raise
    except PermissionError as error:
        raise UserError(f"{path} may not be read: ask its owner for permission") from error
    except Exception as error:  # the libraries raise all kinds for a file that makes no sense
        raise UserError(
            f"{path} cannot be opened as a {kind} ({' '.join(str(error).split())}): it is another "
            "kind of file, incomplete or damaged. Check dataset.files and the file: names of "
            "tables must end in .csv or .parquet"
        ) from error


def _choose(path: str | Path) -> tuple[Callable[[str | Path, list[str]], OpenFile], str]:
    """Return what opens a file, and what kind of file that is."""
    name = str(path).lower()
    if zarr_stores.is_zarr(path):
        return _open_zarr, "Zarr store"
    if name.endswith((f"{tables.CSV}.gz", f"{tables.CSV}.bz2", f"{tables.CSV}.zip")):
        raise UserError(
            f"{path} is compressed, so that no part of it can be read by itself: unpack it, or "
            "write it as Parquet, which is compressed inside"
        )
    if name.endswith(tables.CSV):
        return _open_csv, "CSV file"
    if name.endswith(tables.PARQUET):
        return _open_parquet, "Parquet file"
    return _open_netcdf, "NetCDF file"


def _open_csv(path: str | Path, parts: list[str]) -> OpenFile:
    # Imported here, as are the next two: few studies need it.
    from twostep.data.csv_file import CsvTable

    return _open_table(path, parts, CsvTable(path))


def _open_parquet(path: str | Path, parts: list[str]) -> OpenFile:
    from twostep.data.parquet_file import ParquetTable

    return _open_table(path, parts, ParquetTable(path))


def _open_table(path: str | Path, parts: list[str], table: tables.Table) -> OpenFile:
    if parts:
        _refuse_group(path, parts, [])
    return OpenFile(path, [tables.TableGroup(table)], list, table.close)


def _open_netcdf(path: str | Path, parts: list[str]) -> OpenFile:
    lacking = missing_bytes(path)
    if lacking:
        raise UserError(
            f"{path} is incomplete or damaged: it lacks {lacking:,} bytes of what its header "
            "announces; copy or make it again"
        )
    # Not as a data set of xarray's, which would read all text to decode it and all coordinates to
    # index them, however large they are.
    file = netCDF4.Dataset(path)
    groups = netcdf_groups.open_groups(file, parts)
    if groups is None:
        names = list(netcdf_groups.list_groups(file))
        file.close()
        _refuse_group(path, parts, names)
    return OpenFile(path, list(groups), lambda: list(netcdf_groups.list_groups(file)), file.close)


def _open_zarr(path: str | Path, parts: list[str]) -> OpenFile:
    from twostep.data import zarr_groups

    groups = zarr_groups.open_groups(path, parts)
    if groups is None:
        _refuse_group(path, parts, list(zarr_stores.list_groups(Path(path))))
    return OpenFile(
        path, list(groups), lambda: list(zarr_stores.list_groups(Path(path))), lambda: None
    )


def _refuse_group(path: str | Path, parts: list[str], names: Iterable[str]) -> NoReturn:
    group, known = "/".join(parts), list(names)
    there = suggest(group, known) if known else "; it has no groups, so that this key must be null"
    raise UserError(f"{path} has no group {group!r}, which dataset.group names{there}")


def hint_at_groups(data: OpenFile) -> str:
    """Return where else in a file something may be; nothing if it has no groups."""
    groups = data.list_groups()
    if not groups:
        return ""
    names = list_names(groups)
    return f"; to read variables of one of its groups ({names}), name it in dataset.group"


def refuse_unreadable(path: str | Path, name: str, error: Exception, place: str = "") -> NoReturn:
    """Raise the UserError for a variable that cannot be read, from `place` on."""
    if isinstance(error, UserError):
        raise error
    reason = " ".join(str(error).split())
    if any(text in reason.lower() for text in NO_FILTER):
        raise UserError(
            f"{path}: variable {name!r} is compressed by a filter that is not installed here "
            f"({reason}). Install its plugin (for NetCDF, in a folder that the environment "
            "variable HDF5_PLUGIN_PATH names), or write the file anew with zlib compression"
        ) from error
    raise UserError(
        f"{path}: variable {name!r} cannot be read{place} ({reason}): the file is damaged"
    ) from error


def describe_type(array: xr.Variable) -> str:
    """Return of what type a variable is, for the end of a sentence."""
    return str(array.encoding.get(tables.NOTE) or f"of type {array.dtype}")


def is_numeric(array: xr.Variable) -> bool:
    """Tell whether a variable holds numbers; true and false are 1 and 0."""
    return array.dtype.kind in "biuf"


def is_text(array: xr.Variable) -> bool:
    """Tell whether a variable holds text that has no other meaning, such as a time."""
    kind = array.encoding.get(tables.KIND, tables.TEXT)
    return array.dtype.kind in "OSUT" and kind == tables.TEXT
