"""Text of files: labels and the names that a split goes by, in any type and encoding."""

import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import read_headers
from twostep.data.texts import text_of
from twostep.util.errors import UserError


def decode(values, encoding=None):
    """Return values of a variable with the attribute `_Encoding` as a list of texts."""
    attributes = {} if encoding is None else {"_Encoding": encoding}
    values = np.asarray(values)
    join = values.dtype == "S1" and values.ndim == 2
    array = xr.Variable([f"d{i}" for i in range(values.ndim)], values, attributes)
    return text_of(values, array, "data.nc: variable 'x'", join=join).tolist()


@pytest.mark.parametrize(
    ("values", "encoding", "expected"),
    [
        # Two names that differ in a byte that is not UTF-8 stay two.
        ([b"M\xfcller", b"M\xf6ller"], None, ["Müller", "Möller"]),
        ([b"M\xfcller", "Möller".encode()], None, ["Müller", "Möller"]),
        ([b"M\xfcller", "Möller".encode()], "utf-8", ["Müller", "Möller"]),
        ([b"\x80"], "cp1252", ["€"]),
        (["Müller".encode()], "latin-1", ["MÃ¼ller"]),
        ([b"a ", b"a\0\0", b"a"], None, ["a", "a", "a"]),
        ([[b"a", b" ", b""], [b"\xfc", b"b", b" "]], None, ["a", "üb"]),
        (np.zeros((2, 0), "S1"), None, ["", ""]),
        (["a  ", "b"], None, ["a", "b"]),
        (np.array([b"\xfc", "b ", None, np.nan, 5], object), None, ["ü", "b", "", "", "5"]),
        (np.array(["a ", "ü"], np.dtypes.StringDType()), None, ["a", "ü"]),
        ([0.5, 2], None, ["0.5", "2.0"]),
    ],
)
def test_texts_are_read_as_they_were_meant(values, encoding, expected):
    if isinstance(values, list) and isinstance(values[0], list):
        values = np.array(values, "S1")
    assert decode(values, encoding) == expected


def test_a_text_does_not_depend_on_its_neighbours():
    alone = [decode([value])[0] for value in ("ü".encode(), b"\xfc", b"a")]
    assert decode(["ü".encode(), b"\xfc", b"a"]) == alone == ["ü", "ü", "a"]


@pytest.mark.parametrize("encoding", ["klingon", "base64", "", 5])
def test_an_encoding_that_is_none(encoding):
    with pytest.raises(UserError, match=r"data\.nc: variable 'x' has the _Encoding '.*not known"):
        decode([b"a"], encoding)


def read_text(path, variable):
    """Return the values of a variable of text, as a split reads them."""
    source = read_headers([str(path)], ["x"], ["n"], variable)
    with SlabReader(source, [variable]) as reader:
        return [row for slab in list_slabs(source, 2) for row in reader.read(slab)[variable][:, 0]]


@pytest.mark.parametrize("order", "<>")
def test_characters_that_unicode_does_not_have_are_one_sentence(order):
    values = np.array(["a", "b"], f"{order}U1")
    assert decode(values) == ["a", "b"]
    values.view(f"{order}u4")[1] = 0x110000
    with pytest.raises(UserError, match="'x' holds characters that Unicode does not have"):
        decode(values)


def test_text_of_any_length_in_a_netcdf_file(tmp_path):
    path = tmp_path / "data.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("n", 3)
        data.createVariable("x", "f4", ("n",))[:] = 1
        for name, encoding in (("plain", None), ("latin", "latin-1")):
            text = data.createVariable(name, str, ("n",))
            if encoding:
                text.setncattr("_Encoding", encoding)
            text[:] = np.array(["Müller", "Moller ", ""], object)
    # Another program has written one letter of the first in Latin-1.
    content = path.read_bytes()
    assert content.count(b"Moller") == 2
    path.write_bytes(content.replace(b"Moller", b"M\xf6ller"))
    assert read_text(path, "plain") == ["Müller", "Möller", ""]
    assert read_text(path, "latin") == ["Müller", "Möller", ""]


@pytest.mark.parametrize("file_format", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_units_in_another_encoding(tmp_path, file_format):
    path = tmp_path / "data.nc"
    with netCDF4.Dataset(path, "w", format=file_format) as data:
        data.createDimension("n", 3)
        x = data.createVariable("x", "f4", ("n",))
        x.units, x.long_name = np.bytes_(b"\xb0C"), "plain"
    [feature] = read_headers([str(path)], ["x"], ["n"]).features
    assert (feature.units, feature.long_name) == ("°C", "plain")


@pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::zarr.errors.UnstableSpecificationWarning"
)
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    "values",
    [
        np.array(["ü ", "b", ""]),
        np.array(["ü".encode(), b"b ", b""]),
        np.array([b"\xfc", b"b ", b""]),
        np.array(["ü ", "b", ""], np.dtypes.StringDType()),
    ],
)
def test_text_of_any_type_in_a_zarr_store(tmp_path, zarr_format, values):
    path = tmp_path / "data.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    for name, array in (("x", np.ones(3)), ("text", values)):
        names = {"dimension_names": ("n",)} if zarr_format == 3 else {}
        stored = group.create_array(name, data=array, **names)
        stored.attrs["_ARRAY_DIMENSIONS"] = ["n"]
    assert read_text(path, "text") == ["ü", "b", ""]


def test_a_text_of_one_character_for_each_sample_and_each_entry(tmp_path):
    path = tmp_path / "data.nc"
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("n", 3)
        data.createDimension("kind", 2)
        data.createVariable("x", "f4", ("n", "kind"))[:] = 1
        data.createVariable("kind", "S1", ("kind",))[:] = [b"p", b"q"]
        data.createVariable("part", "S1", ("n",))[:] = [b"a", b"b", b""]
    assert read_text(path, "part") == ["a", "b", ""]
    features = read_headers([str(path)], ["x"], ["n"]).features
    assert [feature.name for feature in features] == ["x[p]", "x[q]"]
