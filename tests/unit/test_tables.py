"""CSV and Parquet files: columns are variables, and mistakes are one sentence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from twostep.config.resolve import resolve_config
from twostep.data import csv_file, parquet_file
from twostep.data.labels import find_labels
from twostep.data.open_file import open_file
from twostep.data.prepare import prepare
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import Source, read_headers, units_of
from twostep.util.errors import UserError

FORMATS = ["csv", "parquet", "nc"]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Let files of some rows be read in pieces."""
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 300)
    monkeypatch.setattr(parquet_file, "PIECE_ROWS", 5)


def read(source: Source, variables: list[str], max_rows: int = 4) -> dict[str, np.ndarray]:
    """Return all values of variables that have one for each row, (n_rows,)."""
    with SlabReader(source, variables) as reader:
        parts = [reader.read(slab) for slab in list_slabs(source, max_rows)]
    return {name: np.concatenate([part[name][:, 0] for part in parts]) for name in variables}


def table(n_rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """Return numbers of all sizes, of which some are missing, with whole ones and text."""
    random = np.random.default_rng(seed)
    x = random.normal(size=n_rows) * 10.0 ** random.integers(-30, 30, n_rows)
    x[3] = np.nan
    return pd.DataFrame(
        {
            "x": x,
            "z": random.normal(size=n_rows),
            "kind": random.integers(0, 3, n_rows),
            "is_wet": random.random(n_rows) > 0.5,
            "station": [f"s{i % 12}" for i in range(n_rows)],
            "area": random.random(n_rows),
            "y": random.normal(size=n_rows),
        }
    )


def write(data: pd.DataFrame, path: Path) -> str:
    """Write a table in the format that the name says."""
    if path.suffix == ".csv":
        data.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        data.to_parquet(path, row_group_size=17)
    else:
        variables = {name: ("sample", data[name].to_numpy()) for name in data}
        variables["station"] = ("sample", data["station"].to_numpy(object))
        xr.Dataset(variables).to_netcdf(path)
    return str(path)


def source_of(tmp_path: Path, text: str, variables: list[str], **options) -> Source:
    """Return a CSV file of this text with variables."""
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode())
    return read_headers([str(path)], variables, ["sample"], **options)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("max_rows", [1, 7, 1000])
def test_what_is_read_is_what_is_there_bit_by_bit(tmp_path, format, max_rows):
    data = table()
    path = write(data, tmp_path / f"data.{format}")
    names = ["y", "x", "kind", "is_wet", "station"]
    found = read(read_headers([path], names[:-1], ["sample"]), names, max_rows)
    for name in names[:-1]:
        assert found[name].dtype == np.float64
        np.testing.assert_array_equal(found[name], data[name].to_numpy(float))
    assert found["station"].tolist() == data["station"].tolist()


@pytest.mark.parametrize(
    ("split", "loss"),
    [
        ({"method": "random"}, "mse"),
        ({"method": "blocks", "n_blocks": 20, "variable": "area"}, "mse"),
        ({"method": "group", "variable": "station"}, "cross_entropy"),
    ],
)
def test_the_same_numbers_are_prepared_alike_from_all_formats(tmp_path, split, loss):
    output = {"mse": "y", "cross_entropy": "kind"}[loss]
    manifests = []
    for format in FORMATS:
        parts = [table(600, seed) for seed in range(2)]
        paths = [write(part, tmp_path / f"{i}.{format}") for i, part in enumerate(parts)]
        config = resolve_config(
            {
                "study": "mine",
                "dataset": {
                    "files": paths,
                    "inputs": [{"name": "z", "units": "K"}, {"name": "is_wet"}],
                    "outputs": [{"name": output}],
                    "sample_weight": "area",
                },
                "training": {"loss": loss},
                "split": split,
            }
            | ({"training": {"output_activation": "linear"}} if loss == "mse" else {})
        )
        dataset, split_variable = config["dataset"], config["split"]["variable"]
        names = ["z", "is_wet", output]
        source = read_headers(
            paths, names, ["sample"], split_variable, None, "area", units_of(dataset)
        )
        manifest = prepare(
            source,
            dataset,
            config["split"],
            output_activation=config["training"]["output_activation"],
            seed=1,
            folder=tmp_path / format,
        )
        assert manifest["inputs"][0]["units"] == "K"
        manifests.append(manifest)
    assert manifests[0]["n_rows_used"] == 1200
    assert manifests[0] == manifests[1] == manifests[2]
    for one in (tmp_path / "csv").glob("*.npy"):
        assert one.read_bytes() == (tmp_path / "nc" / one.name).read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,2\n3,\n",
        "a,b\r\n1.5,2\r\n3,\r\n\r\n",
        "\ufeffa,b\n1.5,2\n3,NA\n",
        '"a" , "b"\n"1.5",2\n3,nan',
        "a;b\n1,5;2\n3;\n",
        "a\tb\n1.5\t2\n3\t\n",
        ",b,a\n0,2,1.5\n1,,3\n",
        "c,a,b\n,1.5,2\n,3e0,NULL\n",
    ],
)
def test_csv_as_programs_write_it(tmp_path, text):
    found = read(source_of(tmp_path, text, ["a", "b"]), ["a", "b"])
    np.testing.assert_array_equal(found["a"], [1.5, 3])
    np.testing.assert_array_equal(found["b"], [2, np.nan])


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("a,bb\n1,2\n", ["no variable 'b'", "did you mean 'bb'?"]),
        ("a,b\n1,2\nx y,3\n", ["'a' is not numeric but text", "'x y' at sample index 1"]),
        ("a,b\nx y,3\n", ["only an output with training.loss: cross_entropy may be text"]),
        ("a,b\n" + "1,2\n" * 200 + "x,3\n", ["column 'a' is 'x' at sample index 200"]),
        (
            "a,b\n" + "true,2\n" * 99 + "maybe,3\n",
            ["is 'maybe' at sample index 99", "neither true"],
        ),
        ("a,b\n" + "1,2\n" * 99 + "1,5,2\n", ["3 fields at sample index 99", "2 names"]),
        ("a,b\n1\n", ["1 field at sample index 0", "2 names"]),
        ('a,b\n"1,5",2\n', ["'a' is not numeric but text, such as '1,5' at sample index 0"]),
        ("a,b\n2000-01-01,2\n", ["a time, such as '2000-01-01'", "the hours since a date"]),
        ("a,b,a\n1,2,3\n", ["two columns of the name 'a'"]),
        ("a,b\n", ["there are no samples"]),
        ("", ["no names of columns in its first line"]),
        ("1,2\n3,4\n", ["only numbers in its first line"]),
        ("# made by me\na,b\n1,2\n", ["begins with a comment"]),
        ("a,b\r1,2\r", ["bare carriage return"]),
        ("a,b\0\n1,2\n", ["no text in UTF-8"]),
        ('"a\nb",b\n1,2\n', ["line break in the name of a column"]),
    ],
)
def test_a_mistake_in_csv_is_one_sentence(tmp_path, text, fragments):
    with pytest.raises(UserError) as error:
        read(source_of(tmp_path, text, ["a", "b"]), ["a", "b"])
    assert "\n" not in str(error.value) and "data.csv" in str(error.value)
    for fragment in fragments:
        assert fragment in str(error.value)


def test_a_table_has_rows_and_no_groups(tmp_path):
    path = write(table(), tmp_path / "data.csv")
    with pytest.raises(UserError, match=r"no dimension 'time'.*it has sample"):
        read_headers([path], ["x"], ["time"])
    with pytest.raises(UserError, match=r"no group 'inner'.*must be null"):
        open_file(path, "inner")
    for name in ("data.csv.gz", "DATA.CSV.zip"):
        with pytest.raises(UserError, match=r"is compressed.*unpack it"):
            open_file(tmp_path / name)


def test_a_file_is_no_table_by_its_name_alone(tmp_path):
    (tmp_path / "data.parquet").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="cannot be opened as a Parquet file"):
        open_file(tmp_path / "data.parquet")
    (tmp_path / "data.txt").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"must end in \.csv or \.parquet"):
        open_file(tmp_path / "data.txt")


def test_parquet_of_all_types(tmp_path):
    path = str(tmp_path / "data.parquet")
    labels = pa.array(["a", None, "b"])
    columns = {
        "nullable": pa.array([1, None, 3]),
        "small": pa.array([1, 2, 3], pa.uint8()),
        "single": pa.array([0.5, None, 2.5], pa.float32()),
        "decimal": pa.array([1, 2, 3]).cast(pa.decimal128(21, 2)),
        "flag": pa.array([True, None, False]),
        "category": pa.array([7, 8, 7]).dictionary_encode(),
        "text": labels,
        "labels": labels.dictionary_encode(),
        "when": pa.array([0, 1, 2]).cast(pa.timestamp("s")),
        "list": pa.array([[1.0]] * 3),
        "__index_level_0__": pa.array([4, 5, 6]),
    }
    pq.write_table(pa.table(columns), path)
    nan = np.nan
    numbers = {
        "nullable": [1, nan, 3],
        "small": [1, 2, 3],
        "single": [0.5, nan, 2.5],
        "decimal": [1, 2, 3],
        "flag": [1, nan, 0],
        "category": [7, 8, 7],
    }
    found = read(read_headers([path], list(numbers), ["sample"]), [*numbers, "text", "labels"])
    for name, expected in numbers.items():
        np.testing.assert_array_equal(found[name], expected)
    assert found["text"].tolist() == found["labels"].tolist() == ["a", "", "b"]
    for name, told in {
        "when": r"of type timestamp.*the hours since a date",
        "list": "of type list",
        "text": "of type string",
        "__index_level_0__": "no variable '__index_level_0__'",
    }.items():
        with pytest.raises(UserError, match=told):
            read_headers([path], [name], ["sample"])


def test_columns_of_a_parquet_file_may_tell_their_units(tmp_path):
    path = str(tmp_path / "data.parquet")
    field = pa.field("t", pa.float64(), metadata={"units": "K", "long_name": "temperature"})
    pq.write_table(pa.table([pa.array([1.0])], schema=pa.schema([field])), path)
    [feature] = read_headers([path], ["t"], ["sample"]).features
    assert (feature.units, feature.long_name) == ("K", "temperature")


def test_the_config_names_units_that_the_files_lack_and_no_others(tmp_path):
    path = str(tmp_path / "data.nc")
    xr.Dataset({"t": ("sample", [1.0], {"units": "K"}), "q": ("sample", [1.0])}).to_netcdf(path)
    units = {"t": "K", "q": "g kg-1"}
    features = read_headers([path], ["t", "q"], ["sample"], units=units).features
    assert [feature.units for feature in features] == ["K", "g kg-1"]
    with pytest.raises(UserError, match=r"data.nc: variable 't' has the units 'K'.* says 'degC'"):
        read_headers([path], ["t"], ["sample"], units={"t": "degC"})


def test_files_of_all_formats_are_joined_if_their_columns_agree(tmp_path):
    paths = [write(table(20, i), tmp_path / f"{i}.{each}") for i, each in enumerate(FORMATS)]
    source = read_headers(paths, ["x", "y"], ["sample"])
    expected = np.concatenate([table(20, i)["y"] for i in range(3)])
    np.testing.assert_array_equal(read(source, ["x", "y"], 7)["y"], expected)
    assert source.locate(25) == f"{paths[1]} at sample index 5"
    other = table(20).rename(columns={"y": "yy"})
    paths.append(write(other, tmp_path / "3.csv"))
    with pytest.raises(UserError, match=r"3\.csv has no variable 'y'.*'yy'"):
        read_headers(paths, ["x", "y"], ["sample"])


def test_a_csv_file_that_has_changed_is_looked_at_again(tmp_path):
    assert source_of(tmp_path, "a,b\n1,2\n", ["a"]).n_rows == 1
    source = source_of(tmp_path, "b,a\n1,2\n3,4\n", ["a"])
    np.testing.assert_array_equal(read(source, ["a"])["a"], [2, 4])


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_split_column_that_is_text_in_one_file_and_numbers_in_another_is_refused(
    tmp_path, format
):
    data = table(30)
    paths = [write(data, tmp_path / f"a.{format}")]
    paths.append(write(data.assign(station=range(30)), tmp_path / f"b.{format}"))
    with pytest.raises(UserError, match=r"type of the split.variable is 'numeric'.*'text'"):
        read_headers(paths, ["x"], ["sample"], "station")


@pytest.mark.parametrize("format", FORMATS)
def test_classes_may_be_named_by_text(tmp_path, format):
    paths = []
    for part, names in enumerate((["snow", "rain", ""], ["rain", "hail, large", "snow"])):
        data = table(120, part).assign(station=names * 40)
        paths.append(write(data, tmp_path / f"{part}.{format}"))
    config = resolve_config(
        {
            "study": "mine",
            "dataset": {
                "files": paths,
                "inputs": [{"name": "z"}],
                "outputs": [{"name": "station"}],
                "max_dropped": 0.5,
            },
            "training": {"loss": "cross_entropy"},
        }
    )
    source = read_headers(paths, ["z", "station"], ["sample"], class_variable="station")
    manifest = prepare(
        source,
        config["dataset"],
        config["split"],
        output_activation="softmax",
        seed=1,
        folder=tmp_path / "prepare",
    )
    named = [f"station[{label}]" for label in ("hail, large", "rain", "snow")]
    assert [output["name"] for output in manifest["outputs"]] == named
    assert manifest["n_rows_used"] == 200
    targets = np.load(tmp_path / "prepare" / "training_targets.npy")
    np.testing.assert_array_equal(targets.sum(axis=1), 1)
    splits = ("training", "validation", "test")
    totals = sum(
        np.load(tmp_path / "prepare" / f"{split}_targets.npy").sum(axis=0) for split in splits
    )
    np.testing.assert_array_equal(totals, [40, 80, 80])


def test_text_is_no_class_where_it_makes_no_sense(tmp_path):
    data = table(30)
    paths = [write(data, tmp_path / "a.csv"), write(data.assign(station=1), tmp_path / "b.csv")]
    with pytest.raises(UserError, match="the classes are text in one of them"):
        read_headers(paths, ["station"], ["sample"], class_variable="station")
    many = write(table(2000).assign(station=[f"s{i}" for i in range(2000)]), tmp_path / "d.csv")
    source = read_headers([many], ["station"], ["sample"], class_variable="station")
    with pytest.raises(UserError, match="'station' has more than 1,000 different texts"):
        find_labels(source)
    when = "a,b\n1,2000-01-01\n"
    with pytest.raises(UserError, match="'b' is not numeric but a time"):
        source_of(tmp_path, when, ["a", "b"], class_variable="b")
