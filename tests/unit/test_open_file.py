"""Files as they are: groups, compression that is not installed, and stores with other things."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr

from twostep.data.open_file import open_file
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import read_headers
from twostep.util.errors import UserError

UNKNOWN_FILTER = Path(__file__).parents[1] / "fixtures" / "filter" / "unknown_filter.nc"
NOT_INSTALLED = "is compressed by a filter that is not installed here"
pytestmark = pytest.mark.filterwarnings(
    "ignore::zarr.errors.ZarrUserWarning", "ignore::zarr.errors.UnstableSpecificationWarning"
)


def read(path, variables, group=None, dimensions=("sample",), split_variable=None):
    """Return {variable: its values} and the names of the features."""
    dimensions = list(dimensions)
    source = read_headers([str(path)], variables, dimensions, split_variable, group)
    parts = []
    with SlabReader(source, variables) as reader:
        parts += [reader.read(slab) for slab in list_slabs(source, 2)]
    columns = {
        name: np.concatenate([part[name] for part in parts]).squeeze().tolist()
        for name in variables
    }
    return columns, [feature.name for feature in source.features]


def write_groups(folder, file_format):
    """Write a file with groups `level2` and `level2/clouds`, of which the inner has new sizes."""
    path = folder / f"data.{file_format}"
    groups = {
        None: xr.Dataset(
            {"top": ("sample", [1.0, 2.0, 3.0]), "shadowed": ("sample", [0.0, 0.0, 0.0])},
            {"band": ["red", "blue"]},
        ),
        "level2": xr.Dataset({"shadowed": ("sample", [4.0, 5.0, 6.0])}),
        "level2/clouds": xr.Dataset(
            {
                "lwp": (("sample", "band"), [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
                "pixel": ("pixel", [1.0, 2.0]),
            }
        ),
        "rain": xr.Dataset({"rate": ("sample", [7.0, 8.0])}),
    }
    for number, (group, data) in enumerate(groups.items()):
        mode = "a" if number else "w"
        if file_format == "nc":
            data.to_netcdf(path, group=group, mode=mode)
        else:
            version = 2 if file_format == "zarr2" else 3
            data.to_zarr(path, group=group, mode=mode, zarr_format=version)
    return path


@pytest.mark.parametrize("file_format", ["nc", "zarr2", "zarr3"])
@pytest.mark.parametrize("group", ["level2/clouds", "/level2/clouds/"])
def test_a_group_sees_what_the_groups_above_it_have(tmp_path, file_format, group):
    path = write_groups(tmp_path, file_format)
    columns, features = read(path, ["lwp", "shadowed", "top"], group)
    assert columns == {
        "lwp": [[1, 2], [3, 4], [5, 6]],
        # The nearest of two of the same name.
        "shadowed": [4, 5, 6],
        "top": [1, 2, 3],
    }
    # Labels of a dimension of the file, too.
    assert features == ["lwp[red]", "lwp[blue]", "shadowed", "top"]
    assert read(path, ["pixel"], group, ["pixel"])[0] == {"pixel": [1, 2]}


@pytest.mark.parametrize("file_format", ["nc", "zarr2", "zarr3"])
def test_a_group_has_dimensions_of_its_own(tmp_path, file_format):
    path = write_groups(tmp_path, file_format)
    assert read(path, ["rate"], "rain")[0] == {"rate": [7, 8]}
    with pytest.raises(UserError) as error:
        read(path, ["rate", "top"], "rain")
    assert "'top' has 3 entries along 'sample', and 'rate' has 2" in str(error.value)


@pytest.mark.parametrize("file_format", ["nc", "zarr2", "zarr3"])
@pytest.mark.parametrize(
    ("group", "fragment"),
    [
        ("levle2", "did you mean 'level2'?"),
        ("xyz", "it has level2, level2/clouds, rain"),
        ("level2/top", "'level2/top'"),
        ("level2/../rain", "'level2/../rain'"),
    ],
)
def test_a_group_that_does_not_exist_is_told_beside_those_that_do(
    tmp_path, file_format, group, fragment
):
    path = write_groups(tmp_path, file_format)
    with pytest.raises(UserError) as error:
        read(path, ["rate"], group)
    for text in (str(path), "has no group", "dataset.group", fragment):
        assert text in str(error.value)


def test_a_file_without_groups_says_so(tmp_path):
    path = tmp_path / "data.nc"
    xr.Dataset({"x": ("sample", [1.0])}).to_netcdf(path, format="NETCDF3_CLASSIC")
    with pytest.raises(UserError, match=r"no group 'x'.*it has no groups.*must be null"):
        read(path, ["x"], "x")


@pytest.mark.parametrize("file_format", ["nc", "zarr2", "zarr3"])
def test_variables_of_groups_are_hinted_at_with_the_key(tmp_path, file_format):
    path = write_groups(tmp_path, file_format)
    with pytest.raises(UserError) as error:
        read(path, ["lwp"])
    assert "no variable 'lwp'" in str(error.value)
    assert "(level2, level2/clouds, rain), name it in dataset.group" in str(error.value)


def test_a_split_variable_above_the_group(tmp_path):
    path = write_groups(tmp_path, "nc")
    assert read(path, ["lwp"], "level2/clouds", split_variable="top")[0]


def test_a_filter_that_is_not_installed_is_no_damage():
    assert read(UNKNOWN_FILTER, ["b"])[0]["b"][:3] == [0, 1, 2]
    with pytest.raises(UserError) as error:
        read(UNKNOWN_FILTER, ["b", "a"])
    for text in (str(UNKNOWN_FILTER), "'a'", NOT_INSTALLED, "HDF5_PLUGIN_PATH", "zlib"):
        assert text in str(error.value)
    assert "damaged" not in str(error.value)


def test_labels_behind_a_filter_that_is_not_installed():
    with pytest.raises(UserError, match=f"'k' {NOT_INSTALLED}"):
        read(UNKNOWN_FILTER, ["x"])


def write_codec(folder, zarr_format):
    """Write a store of two variables, `a` of which has a codec that nobody knows."""
    path = folder / "data.zarr"
    data = xr.Dataset({"a": ("sample", [1.0, 2.0]), "b": ("sample", [3.0, 4.0])})
    data.to_zarr(path, zarr_format=zarr_format, consolidated=False)
    metadata = path / "a" / ("zarr.json" if zarr_format == 3 else ".zarray")
    content = json.loads(metadata.read_text())
    if zarr_format == 3:
        content["codecs"][-1]["name"] = "nobody"
    else:
        content["compressor"]["id"] = "nobody"
    metadata.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_codec_that_is_not_installed_concerns_those_who_use_it(tmp_path, zarr_format):
    path = write_codec(tmp_path, zarr_format)
    assert read(path, ["b"])[0] == {"b": [3, 4]}
    with pytest.raises(UserError) as error:
        read(path, ["b", "a"])
    for text in (str(path), "'a'", "nobody", NOT_INSTALLED):
        assert text in str(error.value)
    with pytest.raises(UserError, match=r"no dimension 'smaple'.*did you mean 'sample'"):
        read(path, ["b"], dimensions=["smaple"])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_store_with_a_short_variable(tmp_path, zarr_format):
    path = tmp_path / "data.zarr"
    first = xr.Dataset({"a": ("sample", [1.0, 2.0]), "short": ("sample", [3.0, 4.0])})
    first.to_zarr(path, zarr_format=zarr_format, consolidated=False)
    xr.Dataset({"a": ("sample", [5.0])}).to_zarr(path, append_dim="sample", consolidated=False)
    assert read(path, ["a"])[0] == {"a": [1, 2, 5]}
    with pytest.raises(UserError) as error:
        read(path, ["a", "short"])
    assert f"{path}: variable 'short' has 2 entries along 'sample', and 'a' has 3" in str(
        error.value
    )
    with pytest.raises(UserError, match="'short' has 2 entries"):
        read(path, ["a"], split_variable="short")


def test_labels_that_are_too_few(tmp_path):
    path = tmp_path / "data.zarr"
    data = xr.Dataset({"a": (("sample", "k"), [[1.0, 2.0]])}, {"k": ["x", "y"]})
    data.to_zarr(path, zarr_format=2, consolidated=False)
    group = zarr.open_group(path, mode="a")
    group["a"].resize((1, 3))
    with pytest.raises(UserError, match=r"'k' has 3 entries, and the variable .* has 2"):
        read(path, ["a"])


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_an_array_without_names_of_dimensions(tmp_path, zarr_format):
    path = tmp_path / "data.zarr"
    xr.Dataset({"a": ("sample", [1.0])}).to_zarr(path, zarr_format=zarr_format, consolidated=False)
    zarr.open_group(path, mode="a").create_array("bare", data=np.zeros(1))
    assert read(path, ["a"])[0] == {"a": 1}
    with pytest.raises(UserError, match="'bare' does not say what its dimensions are called"):
        read(path, ["bare"])


def test_a_store_whose_metadata_are_damaged(tmp_path):
    path = write_codec(tmp_path, 3)
    for content in ('{"node_type": "array"', '{"node_type": "array"}', "[]"):
        (path / "b" / "zarr.json").write_text(content)
        with pytest.raises(UserError, match=r"variable 'b' cannot be read \(.*damaged"):
            read(path, ["b"])
    (path / "zarr.json").write_text("{")
    with pytest.raises(UserError, match="cannot be opened as a Zarr store"):
        open_file(path)
