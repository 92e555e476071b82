"""A group of an open NetCDF file: its variables as they are stored, and its dimensions."""

from collections.abc import Iterator

import netCDF4
import xarray as xr

from twostep.data.texts import BYTES_AS_LETTERS, LATIN_1

# Decompressed chunks that are kept for each open variable: much of a column may be in one chunk,
# and reading it in parts must not decompress it for each part, nor may all of them fill the memory.
CHUNK_CACHE_BYTES = 32_000_000
netCDF4.set_chunk_cache(CHUNK_CACHE_BYTES)


# ASSUME: it may be inherited from, although the library's stubs call it final.
class _Letters(netCDF4.Variable):  # type: ignore[misc]
    """Text of any length as a letter for each byte: the library refuses what is not UTF-8."""

    _Encoding = LATIN_1


class NetCDFGroup:
    """One group, or the file itself, which is the topmost."""

    def __init__(self, group: netCDF4.Dataset) -> None:
        self._group = group
        self._store = xr.backends.NetCDF4DataStore(group)

    def names(self) -> list[str]:
        """Return the names of the variables in this group."""
        return list(self._group.variables)

    def sizes(self) -> dict[str, int]:
        """Return the sizes of the dimensions that this group defines."""
        return {name: len(dimension) for name, dimension in self._group.dimensions.items()}

    def variable(self, name: str) -> xr.Variable | None:
        """Return a variable of this group, whose values are read when they are asked for."""
        stored = self._group.variables.get(name)
        if stored is None:
            return None
        if is_text := stored.dtype is str:
            # xarray's variable looks its stored one up here whenever it reads.
            stored = _Letters(self._group, name, str, stored.get_dims(), id=stored._varid)
            self._group.variables[name] = stored
        array = self._store.open_store_variable(name, stored)
        array.encoding[BYTES_AS_LETTERS] = is_text
        for key, value in array.attrs.items():
            # What is not UTF-8 is likely a degree sign in Latin-1.
            if isinstance(value, str) and "\ufffd" in value:
                array.attrs[key] = stored.getncattr(key, encoding=LATIN_1)
        return array


def open_groups(file: netCDF4.Dataset, parts: list[str]) -> list[NetCDFGroup] | None:
    """Return the group at a path and those above it, the innermost first; None if there is none."""
    groups = [file]
    for part in parts:
        if part not in groups[-1].groups:
            return None
        groups.append(groups[-1].groups[part])
    return [NetCDFGroup(group) for group in reversed(groups)]


def list_groups(file: netCDF4.Dataset, above: str = "") -> Iterator[str]:
    """Yield the paths of all groups within a file or a group."""
    for name, group in file.groups.items():
        yield f"{above}{name}"
        yield from list_groups(group, f"{above}{name}/")
