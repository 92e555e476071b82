"""The data set as the user has it: its files, their headers and the features in them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from twostep.util.errors import UserError
from twostep.data.zarr_stores import is_zarr
from twostep.data.netcdf3 import missing_bytes
from twostep.util.text import one_line, suggest

# Decompressed chunks that are kept for each open variable: much of a column may be in one chunk,
# and reading it in parts must not decompress it for each part, nor may all of them fill the memory.
CHUNK_CACHE_BYTES = 32_000_000
netCDF4.set_chunk_cache(CHUNK_CACHE_BYTES)


@dataclass(frozen=True)
class Feature:
    """One column: a variable, or one entry of a variable's extra dimension.

    `name` is the variable's name, or e.g. `num_aer[accumulation]` for an entry, by the label in
    the dimension's coordinate or else by its index. `units` and `long_name` are the variable's
    attributes; a variable without a long name has its name there.
    """

    name: str
    variable: str
    units: str
    long_name: str


@dataclass(frozen=True)
class Source:
    """Files whose samples are joined along the first sample dimension.

    `shapes` are the sizes of the sample dimensions in each file. Where there are several, such as
    time, latitude and longitude, each combination is a sample, the last dimension running fastest.
    `features` are those of the variables that were asked for.
    """

    files: list[str]
    sample_dimensions: list[str]
    shapes: list[tuple[int, ...]]
    features: list[Feature]

    @property
    def n_rows(self) -> int:
        """Number of samples in all files."""
        return sum(map(math.prod, self.shapes))

    def locate(self, row: int) -> str:
        """Say where a row, counted from 0 over all files, is: the file and the indices there."""
        for path, shape in zip(self.files, self.shapes, strict=True):
            if row < math.prod(shape):
                index = np.unravel_index(row, shape)
                return f"{path} at {self._where(index)}"
            row -= math.prod(shape)
        raise IndexError(f"row {row} is beyond the last one")

    def _where(self, index: Iterable[int]) -> str:
        pairs = zip(self.sample_dimensions, index, strict=True)
        return ", ".join(f"{dimension} index {i}" for dimension, i in pairs)


@dataclass
class OpenFile:
    """An open file: its variables, read when their values are, and the sizes of its dimensions."""

    variables: dict[str, xr.Variable]
    sizes: dict[str, int]
    close: Callable[[], None]

    def __enter__(self) -> "OpenFile":
        return self

    def __exit__(self, *error) -> None:
        self.close()


# What a name with a slash may be meant for.
GROUPS = "; variables in groups of a file are not read"


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
    return OpenFile(variables, sizes, store.close)


def _ignore_default_fill(variables: dict[str, xr.Variable]) -> None:
    """Let zeros of a Zarr store be numbers: 0 is the fill value that Zarr gives by itself."""
    for array in variables.values():
        fill = np.ravel(array.attrs.get("_FillValue", 1))
        if fill.dtype.kind in "biuf" and (fill == 0).all():
            del array.attrs["_FillValue"]


def read_headers(
    files: list[str],
    variables: list[str],
    sample_dimensions: list[str],
    split_variable: str | None = None,
) -> Source:
    """Check every file's header against the config; return the data set that they make.

    Raises UserError if there are no samples, or for a file that lacks a variable, or whose
    variables have other entries or units than those of the first file. `split_variable` is what the
    samples are divided by.
    """
    shapes = []
    first: tuple[list[Feature], dict] | None = None
    for path in files:
        with open_file(path) as data:
            for dimension in sample_dimensions:
                if dimension not in data.sizes:
                    raise UserError(
                        f"{path} has no dimension {dimension!r}, which dataset.sample_dimension "
                        f"names{suggest(dimension, data.sizes)}"
                    )
            for variable in variables:
                _check_variable(data, path, variable, sample_dimensions)
            features = _describe_features(data, path, variables, sample_dimensions)
            splitting = {}
            if split_variable is not None:
                splitting = _describe_split_variable(data, path, split_variable, sample_dimensions)
            first = first or (features, splitting)
            _check_agreement(*first, features, splitting, files[0], path)
            shapes.append(tuple(data.sizes[dimension] for dimension in sample_dimensions))
    source = Source(files, sample_dimensions, shapes, first[0])
    if source.n_rows == 0:
        raise UserError(f"there are no samples in {', '.join(files[:3])}")
    return source


def _describe_features(
    data: OpenFile, path: str, variables: list[str], sample_dimensions: list[str]
) -> list[Feature]:
    """Return the features that variables become, in the order of the extra dimensions.

    Raises UserError if two of them have the same name.
    """
    features: dict[str, Feature] = {}
    for variable in variables:
        array = data.variables[variable]
        units = one_line(str(array.attrs.get("units", "")))
        long_name = one_line(str(array.attrs.get("long_name", variable)))
        names = [variable]
        for dimension in _extra_dimensions(array, sample_dimensions):
            names = [f"{variable}[{label}]" for label in _labels(data, dimension)]
        for name in names:
            if name in features:
                raise UserError(
                    f"{path} has two features of the name {name!r}: the labels of a dimension "
                    "must differ from each other"
                )
            features[name] = Feature(name, variable, units, long_name)
    return list(features.values())


def _extra_dimensions(array: xr.Variable, sample_dimensions: list[str]) -> list[str]:
    # The last dimension of single characters is that of the text they make.
    dims = array.dims[:-1] if is_characters(array) else array.dims
    return [dimension for dimension in dims if dimension not in sample_dimensions]


def _check_variable(data: OpenFile, path: str, variable: str, sample_dimensions: list[str]) -> None:
    """Raise UserError unless `variable` is a numeric variable that can become features."""
    array = _find(data, path, variable, sample_dimensions, "dataset")
    extra = _extra_dimensions(array, sample_dimensions)
    if len(extra) > 1:
        raise UserError(
            f"{path}: variable {variable!r} has the dimensions ({', '.join(map(str, array.dims))});"
            f" at most one besides {', '.join(sample_dimensions)} can become features: name the "
            "others under dataset.sample_dimension or take the variable out"
        )
    if extra and array.sizes[extra[0]] == 0:
        raise UserError(f"{path}: dimension {extra[0]!r} of variable {variable!r} has no entries")
    if not is_numeric(array):
        raise UserError(f"{path}: variable {variable!r} is not numeric but of type {array.dtype}")


def _describe_split_variable(
    data: OpenFile, path: str, variable: str, sample_dimensions: list[str]
) -> dict:
    """Return what must be the same in all files about what the samples are divided by.

    Raises UserError unless it has one value for each sample.
    """
    array = _find(data, path, variable, sample_dimensions, "split.variable")
    extra = _extra_dimensions(array, sample_dimensions)
    if extra:
        raise UserError(
            f"{path}: variable {variable!r}, the split.variable, has the dimension {extra[0]!r} "
            "besides those of the samples; it must have one value for each sample"
        )
    attributes = ("units", "calendar", "flag_values", "flag_meanings")
    described = {name: str(array.attrs.get(name, "none")) for name in attributes}
    return described | {"type": "numeric" if is_numeric(array) else "text"}


def _find(
    data: OpenFile, path: str, variable: str, sample_dimensions: list[str], key: str
) -> xr.Variable:
    """Return a variable that has a sample dimension; raises UserError if there is none."""
    if variable not in data.variables:
        raise UserError(
            f"{path} has no variable {variable!r}, which the config names under {key}"
            f"{suggest(variable, data.variables)}{GROUPS if '/' in variable else ''}"
        )
    array = data.variables[variable]
    if len(set(array.dims)) < array.ndim:
        twice = next(name for name in array.dims if array.dims.count(name) > 1)
        raise UserError(f"{path}: variable {variable!r} has the dimension {twice!r} more than once")
    if not set(array.dims) & set(sample_dimensions):
        raise UserError(
            f"{path}: variable {variable!r} has the dimensions "
            f"({', '.join(map(str, array.dims))}), none of which is a dataset.sample_dimension "
            f"({', '.join(sample_dimensions)}){suggest(sample_dimensions[0], map(str, array.dims))}"
        )
    return array


def is_numeric(array: xr.Variable) -> bool:
    """Tell whether a variable holds numbers; true and false are 1 and 0."""
    return array.dtype.kind in "biuf"


def is_characters(array: xr.Variable) -> bool:
    """Tell whether a variable holds text as single characters, along its last dimension."""
    return array.dtype == "S1" and array.ndim > 0


def _check_agreement(
    first: list[Feature],
    first_splitting: dict,
    features: list[Feature],
    splitting: dict,
    first_path: str,
    path: str,
) -> None:
    """Raise UserError if a file's features or split variable differ from the first file's."""
    for one, other in zip(first, features, strict=False):
        if (one.name, one.units) != (other.name, other.units):
            raise UserError(
                f"{path}: {other.name} in {other.units or 'no units'} differs from "
                f"{one.name} in {one.units or 'no units'} in {first_path}: the entries and units "
                "of a variable must be the same in all files"
            )
    if len(first) != len(features):
        raise UserError(
            f"{path} has {len(features)} features where {first_path} has {len(first)}: the "
            "entries of a variable must be the same in all files"
        )
    for name, value in splitting.items():
        if value != first_splitting[name]:
            raise UserError(
                f"{path}: the {name} of the split.variable is {value!r} and in {first_path} "
                f"{first_splitting[name]!r}: its values cannot be compared"
            )


def _labels(data: OpenFile, dimension: str) -> list[str]:
    """Return the labels of a dimension's entries: those of its coordinate, or their numbers."""
    if dimension in data.variables:
        coordinate = data.variables[dimension]
        if coordinate.ndim - is_characters(coordinate) == 1:
            return [one_line(label) for label in text_of(coordinate.values, coordinate).tolist()]
    return [str(number) for number in range(data.sizes[dimension])]


def text_of(values: np.ndarray, array: xr.Variable) -> np.ndarray:
    """Return values of a variable, or of a part of it, as text."""
    if is_characters(array):
        values = np.ascontiguousarray(values).view(f"S{values.shape[-1]}")[..., 0]
    return (
        np.char.decode(values, "utf-8", "replace")
        if values.dtype.kind == "S"
        else values.astype(str)
    )
