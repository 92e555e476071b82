"""Zeros that are the fill value of a variable: missing where the file says so, else counted."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from twostep.data.cleaning import Columns
from twostep.data.doubts import describe_doubts
from twostep.data.prepare import prepare
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import read_headers
from twostep.data.zero_fill import ZeroFills

NAN = np.nan
VALUES = [0, 3, 0, 7]


def look(path):
    """Return the values of the variable x as they are read, and the doubts about them."""
    paths = [str(p) for p in (path if isinstance(path, list) else [path])]
    source = read_headers(paths, ["x"], ["sample"])
    zeros = ZeroFills(source, source.features)
    values = []
    with SlabReader(source, ["x"]) as reader:
        for slab in list_slabs(source, 3):
            read = reader.read(slab)
            zeros.add(slab, read)
            values.append(read["x"])
    return np.concatenate(values).squeeze().tolist(), zeros.find()


def write_zarr(path, zarr_format, *, fill_value, dtype="i2", values=VALUES, **attributes):
    """Write a variable x with Zarr itself."""
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    dims = ["sample", "k"][: np.ndim(values)]
    names = {"dimension_names": dims} if zarr_format == 3 else {}
    array = group.create_array(
        "x", shape=np.shape(values), dtype=dtype, fill_value=fill_value, **names
    )
    array[...] = np.asarray(values, dtype)
    array.attrs.update(attributes | ({"_ARRAY_DIMENSIONS": dims} if zarr_format == 2 else {}))
    return path


def doubt(path, rows=2, value=0.0, feature="x", index=0):
    """Return the entry of the manifest for zeros that may be missing."""
    return {
        "kind": "zero_fill",
        "feature": feature,
        "value": value,
        "rows": rows,
        "first": f"{path} at sample index {index}",
    }


@pytest.mark.parametrize("file_format", ["NETCDF3_CLASSIC", "NETCDF4"])
@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_a_fill_value_of_0_in_a_netcdf_file_is_a_mark(tmp_path, file_format, dtype):
    path = tmp_path / "data.nc"
    with netCDF4.Dataset(path, "w", format=file_format) as data:
        data.createDimension("sample", 4)
        data.createVariable("x", dtype, ("sample",), fill_value=0)[:] = VALUES
    np.testing.assert_equal(look(path), ([NAN, 3, NAN, 7], []))


@pytest.mark.parametrize("dtype", ["i2", "f8"])
@pytest.mark.parametrize("packed", [{}, {"scale_factor": 0.5, "add_offset": 10.0}])
@pytest.mark.filterwarnings("ignore::zarr.errors.ZarrUserWarning")
def test_what_xarray_writes_to_zarr_3_is_as_its_attribute_says(tmp_path, dtype, packed):
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"x": ("sample", [12.0, NAN, 13.0])})
    data.to_zarr(path, zarr_format=3, encoding={"x": {"dtype": dtype, "_FillValue": 0, **packed}})
    np.testing.assert_equal(look(path), ([12, NAN, 13], []))


@pytest.mark.parametrize("fill_value", [0, -99])
@pytest.mark.parametrize(
    ("dtype", "mark", "expected"),
    [
        ("i2", 0, [NAN, 3, NAN, 7]),
        # As other programs than xarray write it.
        ("f4", 0.0, [NAN, 3, NAN, 7]),
        ("f4", "0", [NAN, 3, NAN, 7]),
        ("f4", "NaN", [0, 3, 0, 7]),
        ("f4", 7, [0, 3, 0, NAN]),
        ("i2", None, [0, 3, 0, 7]),
        ("f8", None, [0, 3, 0, 7]),
    ],
)
def test_zarr_3_has_the_mark_in_its_attribute(tmp_path, fill_value, dtype, mark, expected):
    given = {} if mark is None else {"_FillValue": mark}
    path = write_zarr(tmp_path / "x.zarr", 3, fill_value=fill_value, dtype=dtype, **given)
    np.testing.assert_equal(look(path), (expected, []))


@pytest.mark.parametrize("dtype", ["i2", "u1", "i8", "f4", "f8"])
def test_zeros_of_zarr_2_are_numbers_and_counted(tmp_path, dtype):
    path = write_zarr(tmp_path / "x.zarr", 2, fill_value=0, dtype=dtype)
    values, doubts = look(path)
    assert (values, doubts) == ([0, 3, 0, 7], [doubt(path)])
    [(kind, text)] = describe_doubts(doubts, 4)
    assert kind == "zero_fill"
    assert "`x` is 0 in 2 of 4 rows" in text and f"{path} at sample index 0" in text
    assert "`missing_value`" in text


@pytest.mark.parametrize(
    ("fill_value", "attributes", "expected"),
    [
        # Nothing is filled with 0, or another attribute says what is missing.
        (None, {}, [0, 3, 0, 7]),
        (-99, {}, [0, 3, 0, 7]),
        (7, {}, [0, 3, 0, NAN]),
        (0, {"missing_value": 0}, [NAN, 3, NAN, 7]),
        (0, {"_FillValue": 0}, [NAN, 3, NAN, 7]),
        (0, {"_FillValue": 3}, [0, NAN, 0, 7]),
        (0, {"valid_min": 1}, [NAN, 3, NAN, 7]),
    ],
)
def test_zarr_2_where_it_can_be_told(tmp_path, fill_value, attributes, expected):
    path = write_zarr(tmp_path / "x.zarr", 2, fill_value=fill_value, **attributes)
    np.testing.assert_equal(look(path), (expected, []))


def test_true_and_false_are_no_missing_values(tmp_path):
    path = write_zarr(tmp_path / "x.zarr", 2, fill_value=False, dtype="?", values=[0, 1, 0, 1])
    assert look(path) == ([0, 1, 0, 1], [])


def test_packed_zeros_are_told_in_physical_units(tmp_path):
    packing = {"scale_factor": 0.5, "add_offset": 273.15}
    path = write_zarr(tmp_path / "x.zarr", 2, fill_value=0, **packing)
    values, doubts = look(path)
    assert values == [273.15, 274.65, 273.15, 276.65]
    assert doubts == [doubt(path, value=273.15)]


def test_each_feature_and_each_file_has_its_zeros(tmp_path):
    paths = [
        write_zarr(tmp_path / "a.zarr", 3, fill_value=0, values=[[0, 1], [1, 0]]),
        write_zarr(tmp_path / "b.zarr", 2, fill_value=0, values=[[5, 1], [0, 1]]),
    ]
    values, doubts = look(paths)
    assert values == [[0, 1], [1, 0], [5, 1], [0, 1]]
    # Only the second is in doubt, and has no zero in its second column.
    assert doubts == [doubt(paths[1], rows=1, feature="x[0]", index=1)]


@pytest.mark.parametrize("zeros", [True, False])
def test_the_manifest_has_the_doubts(tmp_path, zeros):
    rng = np.random.default_rng(0)
    values = rng.integers(1, 100, 200)
    values[5] = 0 if zeros else 1
    path = write_zarr(tmp_path / "x.zarr", 2, fill_value=0, values=values)
    group = zarr.open_group(path, mode="a", zarr_format=2)
    y = group.create_array("y", shape=200, dtype="f8", fill_value=NAN)
    y[:], y.attrs["_ARRAY_DIMENSIONS"] = rng.random(200), ["sample"]
    dataset = {
        "inputs": [{"name": "x", "transform": "none"}],
        "outputs": [{"name": "y", "transform": "none"}],
        "max_dropped": 0,
        "constant_features": "refuse",
    }
    source = read_headers([str(path)], ["x", "y"], ["sample"])
    assert Columns.find(source, dataset).n_inputs == 1
    split = {"method": "random", "validation": 0.2, "test": 0.2, "variable": None, "n_blocks": 5}
    options = {"output_activation": "linear", "seed": 1, "folder": tmp_path / "prepare"}
    manifest = prepare(source, dataset, split, **options)
    assert manifest["doubts"] == ([doubt(path, rows=1, index=5)] if zeros else [])
