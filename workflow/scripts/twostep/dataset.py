"""The data set as the user has it: NetCDF files, their headers and their columns."""

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from twostep.errors import UserError


@dataclass(frozen=True)
class Feature:
    """One column: a variable, or one entry of a variable's extra dimension.

    `name` is the variable's name, or e.g. `num_aer[accumulation]` for an entry, by the label in
    the dimension's coordinate or else by its index.
    """

    name: str
    variable: str
    index: int | None
    units: str
    long_name: str


def open_file(path: str | Path) -> xr.Dataset:
    """Open a NetCDF file lazily; raises UserError if it is none."""
    try:
        return xr.open_dataset(path, engine="netcdf4", decode_times=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be opened as a NetCDF file ({' '.join(str(error).split())}): "
            "check dataset.files and the file"
        ) from error


def check_variable(data: xr.Dataset, path: str, variable: str, sample_dimension: str) -> None:
    """Raise UserError unless `variable` is a numeric variable that can become features.

    It must have the sample dimension and at most one other.
    """
    if variable not in data.variables:
        raise UserError(
            f"{path} has no variable {variable!r}, which the config names under dataset"
            f"{_nearest(variable, data.variables)}"
        )
    array = data[variable]
    dimensions = ", ".join(map(str, array.dims))
    if sample_dimension not in array.dims:
        raise UserError(
            f"{path}: variable {variable!r} has the dimensions ({dimensions}) and "
            f"not {sample_dimension!r}, the dataset.sample_dimension"
            f"{_nearest(sample_dimension, array.dims)}"
        )
    if array.ndim > 2:
        raise UserError(
            f"{path}: variable {variable!r} has the dimensions ({dimensions}); "
            f"at most one besides {sample_dimension!r} can become features"
        )
    if not np.issubdtype(array.dtype, np.number):
        raise UserError(f"{path}: variable {variable!r} is not numeric but of type {array.dtype}")


def check_headers(files: list[str], variables: list[str], sample_dimension: str) -> int:
    """Check every file's header against the config; return the number of rows of all files.

    Raises UserError for a file that lacks a variable, or whose variables have other dimensions
    or units than those of the first file.
    """
    n_rows = 0
    first: dict[str, tuple] = {}
    for path in files:
        with open_file(path) as data:
            if sample_dimension not in data.sizes:
                raise UserError(
                    f"{path} has no dimension {sample_dimension!r}, the dataset.sample_dimension"
                    f"{_nearest(sample_dimension, data.sizes)}"
                )
            for variable in variables:
                check_variable(data, path, variable, sample_dimension)
                extra = tuple(
                    (feature.name, feature.units)
                    for feature in describe_features(data, variable, sample_dimension)
                )
                if first.setdefault(variable, extra) != extra:
                    raise UserError(
                        f"{path}: the entries or units of variable {variable!r} differ from those "
                        f"in {files[0]}; files of one data set must agree"
                    )
            n_rows += data.sizes[sample_dimension]
    return n_rows


def describe_features(data: xr.Dataset, variable: str, sample_dimension: str) -> list[Feature]:
    """Return the features that a variable becomes, in the order of its extra dimension."""
    array = data[variable]
    units = str(array.attrs.get("units", ""))
    long_name = str(array.attrs.get("long_name", variable))
    extra = [dimension for dimension in array.dims if dimension != sample_dimension]
    if not extra:
        return [Feature(variable, variable, None, units, long_name)]
    labels = data[extra[0]].values if extra[0] in data.coords else range(array.sizes[extra[0]])
    return [
        Feature(f"{variable}[{label}]", variable, index, units, f"{long_name}, {label}")
        for index, label in enumerate(map(_label, labels))
    ]


def read_columns(
    files: list[str], variables: list[str], sample_dimension: str
) -> tuple[list[Feature], np.ndarray]:
    """Read variables of all files as features.

    Returns
    -------
    features : list of Feature
    columns : float64, (n_rows, n_features)
        In physical units; missing values are NaN.
    """
    features: list[Feature] = []
    tables = []
    for path in files:
        with open_file(path) as data:
            features = [
                feature
                for variable in variables
                for feature in describe_features(data, variable, sample_dimension)
            ]
            blocks = [
                data[variable]
                .transpose(sample_dimension, ...)
                .values.astype(np.float64)
                .reshape(data.sizes[sample_dimension], -1)
                for variable in variables
            ]
        tables.append(np.concatenate(blocks, axis=1))
    return features, np.concatenate(tables)


def _label(label: object) -> str:
    return label.decode() if isinstance(label, bytes) else str(label)


def _nearest(name: str, known) -> str:
    """Return a hint that names the nearest known name, or all of them."""
    known = sorted(map(str, known))
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f"; did you mean {nearest[0]!r}?"
    return f"; it has {', '.join(known)}" if known else ""
