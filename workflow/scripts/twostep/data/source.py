"""The data as the user has them: the files, their headers and the features in them."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from twostep.data.decoding import decode
from twostep.data.open_file import (
    OpenFile,
    describe_type,
    hint_at_groups,
    is_numeric,
    is_text,
    open_file,
    refuse_unreadable,
)
from twostep.data.texts import is_characters, text_of
from twostep.data.zarr_stores import ZERO_FILL
from twostep.util.errors import UserError
from twostep.util.text import one_line, suggest


@dataclass(frozen=True)
class Feature:
    """One column: a variable, or one entry of a variable with further dimensions.

    `name` is the variable's name, or e.g. `num_aer[accumulation]` or `image[3,17]` for an entry, by
    the labels in the dimensions' coordinates or else by its indices. `units` and `long_name` are
    the variable's attributes; a variable without a long name has its name there. `entry` counts the
    variable's entries from 0, those along its last dimension first.
    """

    name: str
    variable: str
    units: str
    long_name: str
    entry: int = 0


@dataclass(frozen=True)
class Shape:
    """The dimensions of a variable besides those of the samples, in the order of the file."""

    dimensions: tuple[str, ...]
    sizes: tuple[int, ...]

    def __str__(self) -> str:
        named = zip(self.dimensions, self.sizes, strict=True)
        return ", ".join(f"{name} = {size:,}" for name, size in named) or "none"


@dataclass(frozen=True)
class Source:
    """Files whose samples are joined along the first sample dimension.

    `shapes` are the sizes of the sample dimensions in each file. Where there are several, such as
    time, latitude and longitude, each combination is a sample, the last dimension running fastest.
    `features` are those of the variables that were asked for, which lie in a `group` of each file,
    or in those above it; None is the file itself. `shapes_of_variables` are the further dimensions
    of each. `zero_fills` are, by the number of a file, the variables of which a 0 as it is stored
    may be missing, and what it is in physical units. `labels` are the texts of a variable that
    names classes by text: empty until `find_labels` has looked for them.
    """

    files: list[str]
    sample_dimensions: list[str]
    shapes: list[tuple[int, ...]]
    features: list[Feature]
    group: str | None = None
    shapes_of_variables: dict[str, Shape] = field(default_factory=dict)
    zero_fills: dict[int, dict[str, float]] = field(default_factory=dict)
    labels: dict[str, list[str]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of samples in all files."""
        return sum(map(math.prod, self.shapes))

    def open(self, number: int) -> OpenFile:
        """Open one of the files, by its number from 0."""
        return open_file(self.files[number], self.group)

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
    group: str | None = None,
    weight_variable: str | None = None,
    units: dict[str, str] | None = None,
    class_variable: str | None = None,
) -> Source:
    """Check every file's header against the config; return the data set that they make.

    Raises UserError if there are no samples, or for a file that lacks a variable, or whose
    variables have other entries or units than those of the first file. `split_variable` is what the
    samples are divided by, `weight_variable` has their weights; `group` is where in each file all
    variables are looked for. `units` are by variable, for those of which the files tell none.
    `class_variable` names classes, and may be text.
    """
    source = Source(files, sample_dimensions, [], [], group)
    first = None
    for number, path in enumerate(files):
        with source.open(number) as data:
            header = _read_header(
                data,
                path,
                variables,
                sample_dimensions,
                split_variable,
                units or {},
                class_variable,
            )
            if weight_variable is not None:
                _check_weights(data, path, weight_variable, sample_dimensions)
        first = first or header
        _check_agreement(first, header)
        source.shapes.append(header.shape)
        if header.zero_fills:
            source.zero_fills[number] = header.zero_fills
    if first:
        if first.has_text and class_variable is not None:
            source.labels[class_variable] = []
        source.features.extend(first.features)
        source.shapes_of_variables.update(first.variables)
    if source.n_rows == 0:
        raise UserError(f"there are no samples in {', '.join(files[:3])}")
    return source


@dataclass(frozen=True)
class _Header:
    """What a file's header says; features and splitting must be the same in all files.

    `shape` are the sizes of the sample dimensions, and `splitting` are the attributes of the
    variable that the samples are divided by. `variables` are the further dimensions of the others,
    and `zero_fills` are those of a Source. `has_text` tells if classes are named by text.
    """

    path: str
    shape: tuple[int, ...]
    variables: dict[str, Shape]
    features: list[Feature]
    splitting: dict[str, str]
    zero_fills: dict[str, float]
    has_text: bool


def _read_header(
    data: OpenFile,
    path: str,
    variables: list[str],
    sample_dimensions: list[str],
    split_variable: str | None,
    units: dict[str, str],
    class_variable: str | None,
) -> _Header:
    used = [*variables, *([] if split_variable is None else [split_variable])]
    sizes = _sizes_in_use(data, path, used)
    for dimension in sample_dimensions:
        if dimension not in sizes and dimension not in data.sizes:
            raise UserError(
                f"{path} has no dimension {dimension!r}, which dataset.sample_dimension "
                f"names{suggest(dimension, data.sizes)}{hint_at_groups(data)}"
            )
    for variable in variables:
        may_be_text = variable == class_variable
        _check_variable(data, path, variable, sample_dimensions, may_be_text=may_be_text)
    splitting = {}
    if split_variable is not None:
        splitting = _describe_split_variable(data, path, split_variable, sample_dimensions)
    shapes = {name: _shape(data.variables[name], sample_dimensions) for name in variables}
    return _Header(
        path,
        tuple(sizes[name] if name in sizes else data.sizes[name] for name in sample_dimensions),
        shapes,
        _describe_features(data, path, shapes, units),
        splitting,
        _find_zero_fills(data, path, variables),
        class_variable is not None and not is_numeric(data.variables[class_variable]),
    )


def _sizes_in_use(data: OpenFile, path: str, variables: Iterable[str]) -> dict[str, int]:
    """Return the sizes of the dimensions of some variables, of which some may be missing.

    Raises UserError if they differ: in a Zarr store each variable has sizes of its own, and groups
    of a file may have dimensions of the same name.
    """
    found: dict[str, tuple[int, str]] = {}
    for variable in variables:
        array = data.variables.get(variable)
        for dimension, size in array.sizes.items() if array is not None else ():
            other_size, other = found.setdefault(str(dimension), (size, variable))
            if size != other_size:
                raise UserError(
                    f"{path}: variable {variable!r} has {size:,} entries along {dimension!r}, and "
                    f"{other!r} has {other_size:,}: complete the shorter one, or take one of "
                    "them out of the config"
                )
    return {dimension: size for dimension, (size, _) in found.items()}


def _find_zero_fills(data: OpenFile, path: str, variables: list[str]) -> dict[str, float]:
    """Return the variables of which a 0 may be missing, with what it is in physical units."""
    found = {}
    for name in variables:
        array = data.variables[name]
        if array.encoding.get(ZERO_FILL):
            zero = decode(np.zeros(1, array.dtype), array.attrs, f"{path}: variable {name!r}")
            # It is missing for sure where another attribute says so.
            if np.isfinite(zero[0]):
                found[name] = float(zero[0])
    return found


def _describe_features(
    data: OpenFile, path: str, shapes: dict[str, Shape], units: dict[str, str]
) -> list[Feature]:
    """Return the features that variables with these further dimensions become.

    Those of a variable are in the order of its dimensions, the last one running fastest. `units`
    are those that the config names. Raises UserError if two features have the same name.
    """
    features: dict[str, Feature] = {}
    for variable, shape in shapes.items():
        attributes = data.variables[variable].attrs
        unit = _unit(path, variable, attributes, units.get(variable))
        long_name = one_line(str(attributes.get("long_name", variable)))
        named = zip(shape.dimensions, shape.sizes, strict=True)
        labels = [_labels(data, path, dimension, size) for dimension, size in named]
        for entry, own in enumerate(itertools.product(*labels)):
            name = f"{variable}[{','.join(own)}]" if own else variable
            if name in features:
                raise UserError(
                    f"{path} has two features of the name {name!r}: the labels of a dimension "
                    "must differ from each other"
                )
            features[name] = Feature(name, variable, unit, long_name, entry)
    return list(features.values())


def _unit(path: str, variable: str, attributes: dict, wanted: str | None) -> str:
    """Return the unit of a variable: its attribute, or else what the config wants.

    Raises UserError if both are there and differ.
    """
    given = one_line(str(attributes.get("units", "")))
    if wanted and given and given != wanted:
        raise UserError(
            f"{path}: variable {variable!r} has the units {given!r}, and the config says "
            f"{wanted!r}. No quantity is converted: take `units` out of its entry under dataset, "
            "or correct the file"
        )
    return given or wanted or ""


def units_of(dataset: dict) -> dict[str, str]:
    """Return the units that the config's section `dataset` names, by variable."""
    entries = [*dataset["inputs"], *dataset["outputs"]]
    return {entry["name"]: entry["units"] for entry in entries if entry.get("units")}


def _shape(array: xr.Variable, sample_dimensions: list[str]) -> Shape:
    """Return the dimensions of a variable besides those of the samples."""
    # The last dimension of single characters is that of the text they make.
    dims = array.dims[:-1] if is_characters(array, sample_dimensions) else array.dims
    extra = [str(dimension) for dimension in dims if dimension not in sample_dimensions]
    return Shape(tuple(extra), tuple(array.sizes[dimension] for dimension in extra))


def _check_variable(
    data: OpenFile, path: str, variable: str, sample_dimensions: list[str], *, may_be_text: bool
) -> None:
    """Raise UserError unless `variable` is a numeric variable that can become features."""
    array = _find(data, path, variable, sample_dimensions, "dataset")
    shape = _shape(array, sample_dimensions)
    for dimension, size in zip(shape.dimensions, shape.sizes, strict=True):
        if size == 0:
            raise UserError(
                f"{path}: dimension {dimension!r} of variable {variable!r} has no entries"
            )
    if not is_numeric(array) and not (may_be_text and is_text(array)):
        hint = "; only an output with training.loss: cross_entropy may be text"
        raise UserError(
            f"{path}: variable {variable!r} is not numeric but {describe_type(array)}"
            f"{hint if is_text(array) else ''}"
        )


def _describe_split_variable(
    data: OpenFile, path: str, variable: str, sample_dimensions: list[str]
) -> dict:
    """Return what must be the same in all files about what the samples are divided by.

    Raises UserError unless it has one value for each sample.
    """
    array = _find(data, path, variable, sample_dimensions, "split.variable")
    extra = _shape(array, sample_dimensions).dimensions
    if extra:
        raise UserError(
            f"{path}: variable {variable!r}, the split.variable, has the dimension {extra[0]!r} "
            "besides those of the samples; it must have one value for each sample"
        )
    attributes = ("units", "calendar", "flag_values", "flag_meanings")
    described = {name: str(array.attrs.get(name, "none")) for name in attributes}
    return described | {"type": "numeric" if is_numeric(array) else "text"}


def _check_weights(data: OpenFile, path: str, variable: str, sample_dimensions: list[str]) -> None:
    """Raise UserError unless a variable has a number for each sample."""
    array = _find(data, path, variable, sample_dimensions, "dataset.sample_weight")
    extra = _shape(array, sample_dimensions).dimensions
    if extra:
        raise UserError(
            f"{path}: variable {variable!r}, the dataset.sample_weight, has the dimension "
            f"{extra[0]!r} besides those of the samples; it must have one value for each sample"
        )
    if not is_numeric(array):
        raise UserError(
            f"{path}: variable {variable!r}, the dataset.sample_weight, is not numeric but "
            f"{describe_type(array)}"
        )


def _find(
    data: OpenFile, path: str, variable: str, sample_dimensions: list[str], key: str
) -> xr.Variable:
    """Return a variable that has a sample dimension; raises UserError if there is none."""
    if variable not in data.variables:
        raise UserError(
            f"{path} has no variable {variable!r}, which the config names under {key}"
            f"{suggest(variable, data.variables)}{hint_at_groups(data)}"
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


def _check_agreement(first: _Header, header: _Header) -> None:
    """Raise UserError if a file's features or split variable differ from the first file's."""
    path = header.path
    if header.has_text != first.has_text:
        raise UserError(
            f"{path} and {first.path} differ: the classes are text in one of them, and numbers in "
            "the other; write the same in all files"
        )
    for name, shape in header.variables.items():
        if shape != first.variables[name]:
            raise UserError(
                f"{path}: variable {name!r} has other further dimensions ({shape}) than in "
                f"{first.path} ({first.variables[name]}): they must be the same in all files, in "
                "the same order"
            )
    for one, other in zip(first.features, header.features, strict=True):
        if (one.name, one.units) != (other.name, other.units):
            raise UserError(
                f"{path}: {other.name} in {other.units or 'no units'} differs from "
                f"{one.name} in {one.units or 'no units'} in {first.path}: the entries and units "
                "of a variable must be the same in all files"
            )
    for name, value in header.splitting.items():
        if value != first.splitting[name]:
            raise UserError(
                f"{path}: the {name} of the split.variable is {value!r} and in {first.path} "
                f"{first.splitting[name]!r}: its values cannot be compared"
            )


def _labels(data: OpenFile, path: str, dimension: str, size: int) -> list[str]:
    """Return the labels of a dimension's entries: those of its coordinate, or their numbers.

    Raises UserError if there are more or fewer labels than entries, or they cannot be read.
    """
    coordinate = data.variables.get(dimension)
    join = coordinate is not None and is_characters(coordinate, [dimension])
    if coordinate is None or coordinate.ndim - join != 1:
        return [str(number) for number in range(size)]
    if len(coordinate) != size:
        raise UserError(
            f"{path}: dimension {dimension!r} has {size:,} entries, and the variable of that name, "
            f"which labels them, has {len(coordinate):,}: correct that variable"
        )
    try:
        values = coordinate.values
    except (OSError, RuntimeError, ValueError, IndexError) as error:
        refuse_unreadable(path, dimension, error)
    labels = text_of(values, coordinate, f"{path}: variable {dimension!r}", join=join)
    return [one_line(label) for label in labels.tolist()]
