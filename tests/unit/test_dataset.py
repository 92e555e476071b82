"""Reading the user's NetCDF files."""

import numpy as np
import pytest
import xarray as xr

from twostep.dataset import check_headers, read_columns
from twostep.errors import UserError
from twostep.preflight import list_files


@pytest.fixture
def files(tmp_path):
    """Two files in the layout of the paper's authors: dimension nsamples, modes second or first."""
    paths = []
    for part in range(2):
        values = np.arange(6.0).reshape(3, 2) + 100 * part
        xr.Dataset(
            {
                "tair": ("nsamples", values[:, 0], {"units": "K"}),
                "num_aer": (("nsamples", "mode"), values, {"units": "cm-3"}),
                "kappa": (("mode", "nsamples"), values.T),
                "label": ("nsamples", ["x", "y", "z"]),
                "profile": (("nsamples", "mode", "level"), np.zeros((3, 2, 2))),
                "constant": ("mode", [1.0, 2.0]),
            },
            coords={"mode": ["accumulation", "aitken"]},
        ).to_netcdf(tmp_path / f"part_{part}.nc")
        paths.append(str(tmp_path / f"part_{part}.nc"))
    return paths


def test_extra_dimension_becomes_features_named_by_their_labels(files):
    assert check_headers(files, ["tair", "num_aer", "kappa"], "nsamples") == 6
    features, columns = read_columns(files, ["tair", "num_aer", "kappa"], "nsamples")
    assert [feature.name for feature in features] == [
        "tair",
        "num_aer[accumulation]",
        "num_aer[aitken]",
        "kappa[accumulation]",
        "kappa[aitken]",
    ]
    assert [feature.units for feature in features] == ["K", "cm-3", "cm-3", "", ""]
    np.testing.assert_array_equal(columns[:, 1], [0, 2, 4, 100, 102, 104])
    np.testing.assert_array_equal(columns[:, 1:3], columns[:, 3:5])


def test_without_labels_the_entries_are_numbered(tmp_path):
    path = str(tmp_path / "data.nc")
    xr.Dataset({"x": (("sample", "mode"), np.ones((4, 2)))}).to_netcdf(path)
    features, _ = read_columns([path], ["x"], "sample")
    assert [feature.name for feature in features] == ["x[0]", "x[1]"]


def test_packed_and_masked_values_are_decoded(tmp_path):
    path = str(tmp_path / "data.nc")
    encoding = {"x": {"dtype": "int16", "scale_factor": 0.5, "add_offset": 10, "_FillValue": -99}}
    xr.Dataset({"x": ("sample", [10.5, np.nan, 12.0])}).to_netcdf(path, encoding=encoding)
    _, columns = read_columns([path], ["x"], "sample")
    np.testing.assert_array_equal(columns[:, 0], [10.5, np.nan, 12.0])


@pytest.mark.parametrize(
    ("variables", "dimension", "fragments"),
    [
        (["tairr"], "nsamples", ["no variable 'tairr'", "did you mean 'tair'?"]),
        (["tair"], "sample", ["no dimension 'sample'", "did you mean 'nsamples'?"]),
        (["constant"], "nsamples", ["'constant'", "(mode)", "not 'nsamples'"]),
        (["profile"], "nsamples", ["'profile'", "at most one"]),
        (["label"], "nsamples", ["'label'", "not numeric"]),
    ],
)
def test_headers_that_do_not_fit_the_config(files, variables, dimension, fragments):
    with pytest.raises(UserError) as error:
        check_headers(files, variables, dimension)
    for fragment in [files[0], *fragments]:
        assert fragment in str(error.value)


def test_files_that_disagree_are_named(files, tmp_path):
    path = str(tmp_path / "other.nc")
    xr.Dataset({"tair": ("nsamples", [1.0], {"units": "degC"})}).to_netcdf(path)
    with pytest.raises(UserError, match=r"other\.nc: the entries or units of variable 'tair'"):
        check_headers([files[0], path], ["tair"], "nsamples")


def test_a_file_that_is_no_netcdf(tmp_path):
    path = tmp_path / "data.nc"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="cannot be opened as a NetCDF file"):
        check_headers([str(path)], ["x"], "sample")


def test_list_files_expands_patterns_and_lists(files, tmp_path):
    assert list_files(f"{tmp_path}/part_*.nc") == files
    assert list_files(files[::-1]) == files[::-1]
    assert list_files(None) == []
    with pytest.raises(UserError, match=r"no file .*missing\.nc"):
        list_files(f"{tmp_path}/missing.nc")
    with pytest.raises(UserError, match="is a folder"):
        list_files(str(tmp_path))
