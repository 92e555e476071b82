"""A group of a Zarr store: its variables as they are stored, and its dimensions."""

import base64
import struct
from pathlib import Path

import xarray as xr
import zarr

from twostep.data.zarr_stores import ARRAY, GROUP, ZERO_FILL, kind_of, list_folders
from twostep.util.errors import UserError


class _Store(xr.backends.ZarrStore):
    """A store of which only the arrays that are asked for are looked at."""

    @property
    def members(self) -> dict[str, zarr.Array | zarr.Group]:
        """The arrays that have been asked for."""
        return self.__dict__.setdefault("found", {})

    def find(self, name: str) -> zarr.Array | zarr.Group:
        """Return an array as Zarr has it; raises all kinds of errors for one that is damaged."""
        if name not in self.members:
            self.members[name] = self.zarr_group[name]
        return self.members[name]


class ZarrGroup:
    """One group, or the store itself, which is the topmost."""

    def __init__(self, path: Path, parts: list[str]) -> None:
        self._folder = path.joinpath(*parts)
        self._store = _Store.open_group(
            path,
            group="/".join(parts) or None,
            consolidated=False,
            cache_members=False,
            # The marks of missing values are looked at below.
            use_zarr_fill_value_as_mask=True,
        )

    def names(self) -> list[str]:
        """Return the names of the variables in this group."""
        return list_folders(self._folder, ARRAY)

    def sizes(self) -> dict[str, int]:
        """Return the sizes of the dimensions, each the largest that a variable gives it."""
        sizes: dict[str, int] = {}
        for name in self.names():
            try:
                self._store.find(name)
                array = self._store.open_store_variable(name)
            except Exception:  # a variable that is not in use may be anything
                continue
            for dimension, size in array.sizes.items():
                sizes[str(dimension)] = max(size, sizes.get(str(dimension), 0))
        return sizes

    def variable(self, name: str) -> xr.Variable | None:
        """Return a variable of this group, whose values are read when they are asked for."""
        if name in ("", ".", "..") or "/" in name or kind_of(self._folder / name) != ARRAY:
            return None
        stored = self._store.find(name)
        try:
            array = self._store.open_store_variable(name)
        except KeyError as error:
            raise UserError(
                f"{self._folder}: array {name!r} does not say what its dimensions are called: "
                "write it with xarray, or add dimension_names (in Zarr 2, the attribute "
                "_ARRAY_DIMENSIONS)"
            ) from error
        given = dict(stored.attrs).get("_FillValue")
        fill = array.attrs.pop("_FillValue", None)
        if given is not None:
            array.attrs["_FillValue"] = _fill_of_attribute(given)
        elif self._store.zarr_group.metadata.zarr_format == 2 and fill is not None:
            # There, what Zarr fills gaps with is the mark, and 0 is also what it takes by itself.
            if array.dtype.kind in "biuf" and fill == 0:
                array.encoding[ZERO_FILL] = array.dtype.kind != "b"
            else:
                array.attrs["_FillValue"] = fill
        return array


def _fill_of_attribute(given: object) -> object:
    """Return the mark that an attribute names: a number, or one whose bytes xarray has encoded."""
    if not isinstance(given, str):
        return given
    try:
        encoded = base64.b64decode(given, validate=True)
        return struct.unpack("<d", encoded)[0]
    except (ValueError, struct.error):
        return given


def open_groups(path: str | Path, parts: list[str]) -> list[ZarrGroup] | None:
    """Return the group at a path and those above it, the innermost first; None if there is none."""
    folder = Path(path)
    for part in parts:
        folder /= part
        if part in ("", ".", "..") or kind_of(folder) != GROUP:
            return None
    return [ZarrGroup(Path(path), parts[:n]) for n in range(len(parts), -1, -1)]
