"""The data as the user has them: the files, their headers and the features in them."""

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr

from twostep.data.open_file import OpenFile, is_characters, is_numeric, open_file, text_of
from twostep.util.errors import UserError
from twostep.util.text import list_names, one_line, suggest


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

    def _where(self, index: tuple[np.intp, ...]) -> str:
        pairs = zip(self.sample_dimensions, index, strict=True)
        return ", ".join(f"{dimension} index {i}" for dimension, i in pairs)


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
    first = _read_header(files[0], variables, sample_dimensions, split_variable)
    shapes = [first.shape]
    for path in files[1:]:
        header = _read_header(path, variables, sample_dimensions, split_variable)
        _check_agreement(first, header)
        shapes.append(header.shape)
    source = Source(files, sample_dimensions, shapes, first.features)
    if source.n_rows == 0:
        raise UserError(f"there are no samples in {', '.join(files[:3])}")
    return source


@dataclass(frozen=True)
class _Header:
    """What a file's header says; features and splitting must be the same in all files.

    `shape` are the sizes of the sample dimensions, and `splitting` are the attributes of the
    variable that the samples are divided by.
    """

    path: str
    shape: tuple[int, ...]
    features: list[Feature]
    splitting: dict[str, str]


def _read_header(
    path: str, variables: list[str], sample_dimensions: list[str], split_variable: str | None
) -> _Header:
    with open_file(path) as data:
        for dimension in sample_dimensions:
            if dimension not in data.sizes:
                raise UserError(
                    f"{path} has no dimension {dimension!r}, which dataset.sample_dimension "
                    f"names{suggest(dimension, data.sizes)}{_hint_at_groups(data)}"
                )
        for variable in variables:
            _check_variable(data, path, variable, sample_dimensions)
        splitting = {}
        if split_variable is not None:
            splitting = _describe_split_variable(data, path, split_variable, sample_dimensions)
        return _Header(
            path,
            tuple(data.sizes[dimension] for dimension in sample_dimensions),
            _describe_features(data, path, variables, sample_dimensions),
            splitting,
        )


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
    return [str(dimension) for dimension in dims if dimension not in sample_dimensions]


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
            f"{suggest(variable, data.variables)}{_hint_at_groups(data)}"
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


def _hint_at_groups(data: OpenFile) -> str:
    """Return where else in a file something may be; nothing if it has no groups."""
    groups = data.list_groups()
    return f"; variables in its groups ({list_names(groups)}) are not read" if groups else ""


def _check_agreement(first: _Header, header: _Header) -> None:
    """Raise UserError if a file's features or split variable differ from the first file's."""
    path = header.path
    for one, other in zip(first.features, header.features, strict=False):
        if (one.name, one.units) != (other.name, other.units):
            raise UserError(
                f"{path}: {other.name} in {other.units or 'no units'} differs from "
                f"{one.name} in {one.units or 'no units'} in {first.path}: the entries and units "
                "of a variable must be the same in all files"
            )
    if len(first.features) != len(header.features):
        raise UserError(
            f"{path} has {len(header.features)} features where {first.path} has "
            f"{len(first.features)}: the entries of a variable must be the same in all files"
        )
    for name, value in header.splitting.items():
        if value != first.splitting[name]:
            raise UserError(
                f"{path}: the {name} of the split.variable is {value!r} and in {first.path} "
                f"{first.splitting[name]!r}: its values cannot be compared"
            )


def _labels(data: OpenFile, dimension: str) -> list[str]:
    """Return the labels of a dimension's entries: those of its coordinate, or their numbers."""
    if dimension in data.variables:
        coordinate = data.variables[dimension]
        if coordinate.ndim - is_characters(coordinate) == 1:
            return [one_line(label) for label in text_of(coordinate.values, coordinate).tolist()]
    return [str(number) for number in range(data.sizes[dimension])]
