"""Reading the user's files: headers, decoding, slabs."""

import os
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from twostep.config.preflight import check_writable, list_files
from twostep.data.open_file import open_file
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import read_headers
from twostep.util.errors import UserError


def read(files, variables, dimensions, max_rows=4):
    """Read variables of files in small slabs; return one array, (n_rows, n_features)."""
    source = read_headers(files, variables, dimensions)
    parts = []
    with SlabReader(source, variables) as reader:
        for slab in list_slabs(source, max_rows):
            assert slab.first_row == sum(len(part) for part in parts)
            columns = reader.read(slab)
            parts.append(np.concatenate([columns[name] for name in variables], axis=1))
    assert sum(len(part) for part in parts) == source.n_rows
    return np.concatenate(parts)


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
                "twin": (("nsamples", "kind"), values),
                "kind": ("kind", ["a", "a"]),
            },
            coords={"mode": ["accumulation", "aitken"]},
        ).to_netcdf(tmp_path / f"part_{part}.nc")
        paths.append(str(tmp_path / f"part_{part}.nc"))
    return paths


def test_extra_dimension_becomes_features_named_by_their_labels(files):
    variables = ["tair", "num_aer", "kappa"]
    assert read_headers(files, variables, ["nsamples"]).n_rows == 6
    features = read_headers(files, variables, ["nsamples"]).features
    assert [feature.name for feature in features] == [
        "tair",
        "num_aer[accumulation]",
        "num_aer[aitken]",
        "kappa[accumulation]",
        "kappa[aitken]",
    ]
    assert [feature.units for feature in features] == ["K", "cm-3", "cm-3", "", ""]
    columns = read(files, variables, ["nsamples"])
    np.testing.assert_array_equal(columns[:, 1], [0, 2, 4, 100, 102, 104])
    np.testing.assert_array_equal(columns[:, 1:3], columns[:, 3:5])


def test_each_entry_of_several_further_dimensions_becomes_a_feature(tmp_path):
    path = str(tmp_path / "data.nc")
    values = np.arange(24.0).reshape(2, 3, 4)
    dimensions = ("row", "sample", "band")
    data = xr.Dataset({"image": (dimensions, values)}, coords={"band": ["r", "g", "b", "n"]})
    data.to_netcdf(path)
    source = read_headers([path], ["image"], ["sample"])
    assert [feature.name for feature in source.features] == [
        *("image[0,r]", "image[0,g]", "image[0,b]", "image[0,n]"),
        *("image[1,r]", "image[1,g]", "image[1,b]", "image[1,n]"),
    ]
    assert [feature.entry for feature in source.features] == [*range(8)]
    shape = source.shapes_of_variables["image"]
    assert (shape.dimensions, shape.sizes) == (("row", "band"), (2, 4))
    columns = read([path], ["image"], ["sample"], max_rows=2)
    np.testing.assert_array_equal(columns, values.transpose(1, 0, 2).reshape(3, 8))


def test_further_dimensions_must_be_the_same_in_all_files(tmp_path):
    paths = [str(tmp_path / name) for name in ("one.nc", "turned.nc", "larger.nc")]
    dimensions = [("n", "lat", "lon"), ("n", "lon", "lat"), ("n", "lat", "lon")]
    for path, own, size in zip(paths, dimensions, (3, 3, 4), strict=True):
        xr.Dataset({"x": (own, np.zeros((2, size, 3)))}).to_netcdf(path)
    for other, told in ((1, "(lon = 3, lat = 3)"), (2, "(lat = 4, lon = 3)")):
        with pytest.raises(UserError) as error:
            read_headers([paths[0], paths[other]], ["x"], ["n"])
        for fragment in (paths[0], paths[other], "'x'", told, "(lat = 3, lon = 3)"):
            assert fragment in str(error.value)


def test_a_dimension_without_entries_is_refused(tmp_path):
    path = str(tmp_path / "data.nc")
    xr.Dataset({"x": (("n", "lat", "lon"), np.zeros((2, 3, 0)))}).to_netcdf(path)
    with pytest.raises(UserError, match="'lon' of variable 'x' has no entries"):
        read_headers([path], ["x"], ["n"])


def test_without_labels_the_entries_are_numbered(tmp_path):
    path = str(tmp_path / "data.nc")
    xr.Dataset({"x": (("sample", "mode"), np.ones((4, 2)))}).to_netcdf(path)
    features = read_headers([path], ["x"], ["sample"]).features
    assert [feature.name for feature in features] == ["x[0]", "x[1]"]


def gridded(n_times, first=0):
    """Return fields of time, latitude and longitude whose values tell where they are from."""
    time = first + np.arange(n_times)
    place = 10 * np.arange(3)[:, None] + np.arange(2)
    return xr.Dataset(
        {
            "t": (("time", "lat", "lon"), 100.0 * time[:, None, None] + place),
            "turned": (("lon", "lat", "time"), (100.0 * time[:, None, None] + place).T),
            "levels": (("time", "lev", "lat", "lon"), np.zeros((n_times, 2, 3, 2))),
            "height": (("lat", "lon"), place.astype(float)),
            "lat": ("lat", [-45.0, 0.0, 45.0]),
            "time": ("time", time.astype(float)),
        }
    )


@pytest.mark.parametrize("max_rows", [1, 2, 5, 6, 7, 100])
def test_several_sample_dimensions_are_stacked(tmp_path, max_rows):
    files = [str(tmp_path / name) for name in ("a.nc", "b.nc")]
    gridded(2).to_netcdf(files[0])
    gridded(3, first=2).to_netcdf(files[1])
    variables = ["t", "turned", "levels", "height", "lat", "time"]
    dimensions = ["time", "lat", "lon"]
    columns = read(files, variables, dimensions, max_rows)
    assert columns.shape == (5 * 3 * 2, 7)
    t, turned, _, _, height, lat, time = columns.T
    expected = np.arange(5)[:, None, None] * 100 + 10 * np.arange(3)[:, None] + np.arange(2)
    np.testing.assert_array_equal(t, expected.ravel())
    np.testing.assert_array_equal(turned, t)
    np.testing.assert_array_equal(height, t % 100)
    np.testing.assert_array_equal(time, t // 100)
    np.testing.assert_array_equal(lat, 45.0 * (t % 100 // 10) - 45)
    where = read_headers(files, variables, dimensions).locate(13)
    assert where == f"{files[1]} at time index 0, lat index 0, lon index 1"


@pytest.mark.parametrize("format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA", "NETCDF4"])
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "i4"])
def test_formats_and_types(tmp_path, format, dtype):
    path = str(tmp_path / "data.nc")
    values = np.array([1, 2, 300], dtype)
    with netCDF4.Dataset(path, "w", format=format) as data:
        data.createDimension("sample", None)
        data.createVariable("x", dtype, ("sample",))[:] = values
    columns = read([path], ["x"], ["sample"])
    assert columns.dtype == np.float64
    np.testing.assert_array_equal(columns[:, 0], [1, 2, 300])


def test_packed_and_masked_values_are_decoded(tmp_path):
    path = str(tmp_path / "data.nc")
    encoding = {"x": {"dtype": "int16", "scale_factor": 0.5, "add_offset": 10, "_FillValue": -99}}
    xr.Dataset({"x": ("sample", [10.5, np.nan, 12.0])}).to_netcdf(path, encoding=encoding)
    np.testing.assert_array_equal(read([path], ["x"], ["sample"])[:, 0], [10.5, np.nan, 12.0])


def test_what_was_never_written_or_is_out_of_the_valid_range_is_missing(tmp_path):
    path = str(tmp_path / "data.nc")
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("sample", 4)
        data.createVariable("x", "f4", ("sample",))[:2] = [1, 2]
        packed = data.createVariable("packed", "i2", ("sample",))
        packed.scale_factor, packed.add_offset = -0.5, 10.0
        packed.valid_range = np.array([0, 100], np.int16)
        packed.set_auto_scale(False)
        packed[:3] = [0, 101, 100]
        limited = data.createVariable("limited", "f8", ("sample",))
        limited.valid_min = 0.0
        limited[:] = [-1, 0, 1, 2]
    columns = read([path], ["x", "packed", "limited"], ["sample"])
    nan = np.nan
    np.testing.assert_array_equal(columns[:, 0], [1, 2, nan, nan])
    np.testing.assert_array_equal(columns[:, 1], [10, nan, -40, nan])
    np.testing.assert_array_equal(columns[:, 2], [nan, 0, 1, 2])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_store_is_read_like_a_file(tmp_path, zarr_format):
    path = str(tmp_path / "data.zarr")
    encoding = {"x": {"dtype": "int16", "scale_factor": 0.5, "_FillValue": -99}}
    values = [[1.0, 2.0], [np.nan, 0.0]]
    data = xr.Dataset({"x": (("sample", "mode"), values), "n": ("sample", [0, 3])})
    data.to_zarr(path, encoding=encoding, zarr_format=zarr_format, consolidated=False)
    assert list_files(path) == [path]
    expected = [[1, 2, 0], [np.nan, 0, 3]]
    np.testing.assert_array_equal(read([path], ["x", "n"], ["sample"]), expected)


def test_text_and_coordinates_are_not_loaded_with_the_file(tmp_path):
    path = str(tmp_path / "data.nc")
    text = np.array(["some", "text", "here"], dtype=object)
    xr.Dataset({"x": ("time", np.arange(3.0)), "t": ("time", text)}, {"time": text}).to_netcdf(path)
    with open_file(path) as data:
        assert not any(array._in_memory for array in data.variables.values())


def test_labels_may_be_text_of_either_kind_or_numbers(tmp_path):
    path = str(tmp_path / "data.nc")
    with netCDF4.Dataset(path, "w") as data:
        for name, size in (("n", 2), ("a", 2), ("b", 2), ("c", 2), ("length", 3)):
            data.createDimension(name, size)
        for name in "abc":
            data.createVariable(f"x_{name}", "f4", ("n", name))[:] = [[1, 2], [3, 4]]
        data.createVariable("a", str, ("a",))[:] = np.array(["één", "b"], dtype=object)
        data.createVariable("b", "S1", ("b", "length"))[:] = [
            [b"u", b"p", b""],
            [b"\xff", b"", b""],
        ]
        data.createVariable("c", "f4", ("c",))[:] = [0.5, 2]
    features = read_headers([path], ["x_a", "x_b", "x_c"], ["n"]).features
    assert [feature.name for feature in features] == [
        "x_a[één]",
        "x_a[b]",
        "x_b[up]",
        "x_b[ÿ]",
        "x_c[0.5]",
        "x_c[2.0]",
    ]


@pytest.mark.parametrize(
    ("variables", "dimension", "fragments"),
    [
        (["tairr"], "nsamples", ["no variable 'tairr'", "did you mean 'tair'?"]),
        (["tair"], "sample", ["no dimension 'sample'", "did you mean 'nsamples'?"]),
        (["constant"], "nsamples", ["'constant'", "(mode)", "(nsamples)"]),
        (["label"], "nsamples", ["'label'", "not numeric"]),
        (["twin"], "nsamples", ["two features of the name 'twin[a]'"]),
    ],
)
def test_headers_that_do_not_fit_the_config(files, variables, dimension, fragments):
    with pytest.raises(UserError) as error:
        read_headers(files, variables, [dimension])
    for fragment in [files[0], *fragments]:
        assert fragment in str(error.value)


@pytest.mark.parametrize("file_format", ["nc", "zarr"])
@pytest.mark.parametrize(("variable", "dimension"), [("cloud/lwp", "n"), ("tair", "sample")])
def test_groups_of_a_file_are_named_where_something_is_missing(
    tmp_path, file_format, variable, dimension
):
    path = tmp_path / f"data.{file_format}"
    for group, name in ((None, "tair"), ("cloud", "lwp"), ("rain", "rate")):
        data = xr.Dataset({name: ("n" if group is None else "sample", np.arange(3.0))})
        if file_format == "nc":
            data.to_netcdf(path, group=group, mode="w" if group is None else "a")
        else:
            data.to_zarr(path, group=group, mode="w" if group is None else "a", zarr_format=2)
    with pytest.raises(
        UserError, match=r"one of its groups \(cloud, rain\), name it in dataset.group"
    ):
        read_headers([str(path)], [variable], [dimension])


@pytest.mark.parametrize(
    ("variable", "fragments"),
    [("moed", ["split.variable", "'moed'"]), ("num_aer", ["'num_aer'", "'mode'", "one value"])],
)
def test_a_split_variable_that_cannot_divide_the_samples(files, variable, fragments):
    with pytest.raises(UserError) as error:
        read_headers(files, ["tair"], ["nsamples"], variable)
    for fragment in [files[0], *fragments]:
        assert fragment in str(error.value)


@pytest.mark.parametrize(
    ("variable", "fragments"),
    [
        (xr.Variable("nsamples", [1.0], {"units": "degC"}), ["tair in degC", "tair in K"]),
        (xr.Variable(("nsamples", "x"), [[1.0]], {"units": "K"}), ["'tair'", "x = 1"]),
    ],
)
def test_files_that_disagree_are_named(files, tmp_path, variable, fragments):
    path = str(tmp_path / "other.nc")
    xr.Dataset({"tair": variable}).to_netcdf(path)
    with pytest.raises(UserError) as error:
        read_headers([files[0], path], ["tair"], ["nsamples"])
    for fragment in [path, files[0], *fragments]:
        assert fragment in str(error.value)


@pytest.mark.parametrize(
    ("one", "other", "fragments"),
    [
        (
            xr.Variable("nsamples", [1.0], {"units": "days since 2000-01-01"}),
            xr.Variable("nsamples", [1.0], {"units": "days since 2001-01-01"}),
            ["units of the split.variable", "2001", "2000"],
        ),
        (
            xr.Variable("nsamples", [1.0]),
            xr.Variable("nsamples", ["a"]),
            ["type of the split.variable", "text", "numeric"],
        ),
    ],
)
def test_a_split_variable_must_mean_the_same_in_all_files(tmp_path, one, other, fragments):
    paths = [str(tmp_path / name) for name in ("one.nc", "other.nc")]
    for path, variable in zip(paths, (one, other), strict=True):
        xr.Dataset({"x": ("nsamples", [1.0]), "part": variable}).to_netcdf(path)
    with pytest.raises(UserError) as error:
        read_headers(paths, ["x"], ["nsamples"], "part")
    for fragment in [*paths, *fragments]:
        assert fragment in str(error.value)


def test_oddities_of_files_are_one_sentence(tmp_path):
    path = str(tmp_path / "odd.nc")
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("n", 3)
        data.createVariable("square", "f4", ("n", "n"))
        data.createVariable("ragged", data.createVLType("f4", "list"), ("n",))
        data.createVariable("x", "f4", ("n",))[:] = 1
    for variable, text in (("square", "'n' more than once"), ("ragged", "not numeric")):
        with pytest.raises(UserError, match=text):
            read([path], [variable], ["n"])
    with netCDF4.Dataset(path, "a") as data:
        data["x"].coordinates = 5
    np.testing.assert_array_equal(read([path], ["x"], ["n"]), np.ones((3, 1)))


def damaged(tmp_path, format="NETCDF4", keep=0.5, **options):
    """Write a file of random numbers and cut it off or overwrite its middle."""
    path = tmp_path / f"{format}.nc"
    with netCDF4.Dataset(path, "w", format=format) as data:
        data.createDimension("sample", 20000)
        numbers = np.random.default_rng(0).random(20000)
        data.createVariable("x", "f8", ("sample",), **options)[:] = numbers
    content = path.read_bytes()
    half = int(len(content) * keep)
    rest = b"" if not options else b"\xff" * 4000 + content[half + 4000 :]
    path.write_bytes(content[:half] + rest)
    return str(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: damaged(folder),
        lambda folder: damaged(folder, "NETCDF3_CLASSIC"),
        lambda folder: damaged(folder, "NETCDF3_64BIT_DATA"),
        lambda folder: damaged(folder, zlib=True, chunksizes=(5000,)),
        lambda folder: damaged(folder, keep=0),
        lambda folder: (folder / "text.nc").write_text("a,b\n1,2\n") and str(folder / "text.nc"),
    ],
)
def test_a_damaged_or_foreign_file_is_one_sentence(tmp_path, damage):
    path = damage(tmp_path)
    with pytest.raises(UserError) as error:
        read([path], ["x"], ["sample"])
    assert path in str(error.value)
    assert "damaged" in str(error.value)
    assert "\n" not in str(error.value)


def test_list_files_expands_patterns_and_lists(files, tmp_path):
    assert list_files(f"{tmp_path}/part_*.nc") == files
    assert list_files(files[::-1]) == files[::-1]
    assert list_files(None) == []
    for number in (10, 9, 1):
        (tmp_path / f"z_{number}.nc").write_bytes(b"")
    names = [Path(path).name for path in list_files(f"{tmp_path}/z_*.nc")]
    assert names == ["z_1.nc", "z_9.nc", "z_10.nc"]
    bracketed = tmp_path / "part[1].nc"
    bracketed.write_bytes(b"")
    assert list_files(str(bracketed)) == [str(bracketed)]


def test_files_that_cannot_be_listed(files, tmp_path):
    with pytest.raises(UserError, match=r"no file .*missing\.nc"):
        list_files(f"{tmp_path}/missing.nc")
    with pytest.raises(UserError, match="is a folder"):
        list_files(str(tmp_path))
    with pytest.raises(UserError, match="named twice"):
        list_files([files[0], f"{tmp_path}/part_*.nc"])
    link = tmp_path / "link.nc"
    link.symlink_to(files[0])
    with pytest.raises(UserError, match=r"link\.nc is named twice, once as .*part_0\.nc"):
        list_files([files[0], str(link)])


def test_the_results_need_a_folder_that_can_be_written_to(tmp_path):
    check_writable(tmp_path / "results" / "study")
    (tmp_path / "results").write_text("")
    with pytest.raises(UserError, match="results is a file"):
        check_writable(tmp_path / "results" / "study")


def test_permissions_are_looked_at_before_the_work():
    # In a folder that another user may enter, unlike pytest's own.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "data.nc").write_bytes(b"")
        (folder / "data.nc").chmod(0o000)
        (folder / "results").mkdir(mode=0o555)
        child = os.fork()
        if child == 0:
            # The system lets its superuser read and write anything.
            if os.getuid() == 0:
                os.setuid(65534)
            failed = 0
            for check, path in ((list_files, "data.nc"), (check_writable, "results/study")):
                try:
                    check(str(folder / path))
                except UserError as error:
                    failed += "permission" in str(error)
            os._exit(0 if failed == 2 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_missing_name_is_told_without_all_the_others(tmp_path):
    path = str(tmp_path / "data.nc")
    names = [f"quantity_number_{number}" for number in range(125)]
    xr.Dataset({name: ("sample", [1.0]) for name in names}).to_netcdf(path)
    for variables, split_variable in ((["x"], None), (names[:1], "x")):
        with pytest.raises(UserError, match=r"it has quantity_number_0, .* and 105 more$") as error:
            read_headers([path], variables, ["sample"], split_variable)
        assert str(error.value).count("quantity") == 20
    with pytest.raises(UserError, match="did you mean 'quantity_number_124'") as error:
        read_headers([path], ["quantity_numbr_124"], ["sample"])
    assert str(error.value).count("quantity") == 2
