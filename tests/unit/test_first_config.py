"""A first config for files of many kinds: what it suggests, and that it runs as it is."""

import re
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml
from write_config import main

from twostep.config.first_config import name_study
from twostep.config.resolve import resolve_config
from twostep.config.schema import load_schema
from twostep.data.prepare import prepare
from twostep.data.source import read_headers
from twostep.util.errors import UserError

N = 600
RANDOM = np.random.default_rng(0)


def write_config(tmp_path, data: xr.Dataset | list[xr.Dataset], outputs, **options) -> dict:
    """Write files, a config for them and the prepared data; return the config as it is written."""
    datasets = data if isinstance(data, list) else [data]
    for number, dataset in enumerate(datasets):
        dataset.to_netcdf(tmp_path / f"part_{number}.nc")
    return config_of(tmp_path, f"{tmp_path}/part_*.nc", outputs, **options)


def config_of(tmp_path, files, outputs, **options) -> dict:
    to = tmp_path / "study.yaml"
    kwargs = {"inputs": [], "study": "mine"} | options
    main(files=[files], outputs=outputs, to=str(to), **kwargs)
    written = yaml.safe_load(to.read_text(encoding="utf-8"))
    config = resolve_config(yaml.safe_load(to.read_text(encoding="utf-8")))
    dataset = config["dataset"]
    names = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    found = sorted(map(str, tmp_path.glob(files.rpartition("/")[2])))
    has_classes = config["training"]["loss"] == "cross_entropy"
    source = read_headers(
        found,
        names,
        dataset["sample_dimension"],
        config["split"].get("variable"),
        dataset["group"],
        class_variable=names[-1] if has_classes else None,
    )
    manifest = prepare(
        source,
        dataset,
        config["split"],
        output_activation=config["training"]["output_activation"],
        seed=1,
        folder=tmp_path / "prepare",
    )
    n_train = manifest["splits"]["training"]
    assert (
        round(config["search"]["fractions"][0] * n_train)
        >= written["search"]["space"]["batch_size"]
    )
    return written


def of_samples(**columns) -> xr.Dataset:
    return xr.Dataset({name: ("sample", values) for name, values in columns.items()})


def normal(n: int = N) -> np.ndarray:
    return RANDOM.normal(280, 10, n)


def names(config: dict, role: str = "inputs") -> list[str]:
    return [entry["name"] for entry in config["dataset"][role]]


def transforms(config: dict) -> dict[str, str]:
    entries = [*config["dataset"]["inputs"], *config["dataset"]["outputs"]]
    return {entry["name"]: entry.get("transform", "none") for entry in entries}


def test_quantities_that_span_decades_become_logarithms(tmp_path):
    wide = 10 ** RANDOM.uniform(0, 4, N)
    with_zeros = np.where(RANDOM.uniform(size=N) < 0.3, 0, 1000 * RANDOM.exponential(size=N) ** 2)
    data = of_samples(t=normal(), n_aer=wide, rain=with_zeros, signed=normal() - 280, y=-wide)
    data["t"].attrs = {"units": "K", "long_name": "air # temperature: at 2 m\n(new line)"}
    config = write_config(tmp_path, data, ["y"])
    found = {"t": "none", "n_aer": "log10", "rain": "log1p", "signed": "none", "y": "none"}
    assert transforms(config) == found
    assert config["training"] == {"output_activation": "linear"}
    assert config["split"] == {"method": "random"}
    text = (tmp_path / "study.yaml").read_text()
    assert "air # temperature: at 2 m (new line)" in text and " K\n" in text


def test_units_that_the_files_lack_can_be_added_where_the_config_says_so(tmp_path):
    data = of_samples(t=normal(), p=normal(), y=normal(), kind=RANDOM.integers(0, 3, N))
    data["t"].attrs = {"units": "K"}
    write_config(tmp_path, data, ["y"], inputs=["t", "p"])
    text = (tmp_path / "study.yaml").read_text()
    assert '# The files have no units of "p".' in text
    assert '# The files have no units of "y".' in text
    # As the comment tells.
    entry = re.search(r'add them to the entry: ({name: "y", units: "...") *}', text)
    assert entry
    config = yaml.safe_load(text)
    config["dataset"]["outputs"] = [yaml.safe_load(entry[1] + "}")]
    assert resolve_config(config)["dataset"]["outputs"][0]["units"] == "..."
    # Classes have none.
    folder = tmp_path / "classes"
    folder.mkdir()
    write_config(folder, data, ["kind"], inputs=["t"])
    assert "no units" not in (folder / "study.yaml").read_text()


def test_shares_keep_their_units_and_classes_and_events_are_told_by_their_values(tmp_path):
    share = RANDOM.uniform(size=N)
    flags = {"flag_values": np.array([0, 1, 2], "i1"), "flag_meanings": "clear liquid ice"}
    kind = xr.Variable("sample", RANDOM.integers(0, 3, N).astype("i1"), flags)
    event = (share > 0.8).astype(float)
    data = of_samples(t=normal(), share=share, event=event).assign(kind=kind)
    for output, training in (
        ("share", {"output_activation": "sigmoid"}),
        ("kind", {"loss": "cross_entropy"}),
        ("event", {"loss": "binary_cross_entropy"}),
    ):
        folder = tmp_path / output
        folder.mkdir()
        config = write_config(folder, data, [output])
        assert config["training"] == training
        # Codes have no order.
        assert "kind" not in names(config)


def test_profiles_are_features_and_constant_levels_are_dropped(tmp_path):
    profile = RANDOM.normal(size=(N, 5))
    profile[:, 0] = 0
    data = xr.Dataset(
        {
            "q": (("time", "lev"), profile),
            "heating": (("time", "lev"), np.cumsum(RANDOM.normal(size=(N, 5)), axis=1)),
            "flux": ("time", normal()),
            "lev": ("lev", np.arange(5.0)),
            "unused": ("lev", np.arange(5.0)),
            "always": ("time", np.ones(N)),
            "never": ("time", np.full(N, np.nan)),
        }
    )
    config = write_config(tmp_path, data, ["heating"])
    assert config["dataset"]["sample_dimension"] == "time"
    assert names(config) == ["q", "flux"]
    assert config["dataset"]["constant_features"] == "drop"
    text = (tmp_path / "study.yaml").read_text()
    for left in (
        "lev, a coordinate",
        "unused, it does not lie along time",
        "always, it has the same",
    ):
        assert f"# Left out: {left}" in text
    assert "# Left out: never, it is missing" in text


def field(n_times: int) -> xr.Dataset:
    """Return fields of which neighbours in time are alike."""
    shape = (n_times, 4, 5)
    days = np.arange(n_times)[:, None, None]
    wave = np.sin(2 * np.pi * days / 60 + RANDOM.uniform(0, 6, (1, 4, 5)))
    data = xr.Dataset(
        {
            "t": (("time", "lat", "lon"), wave + 0.05 * RANDOM.normal(size=shape)),
            "rate": (("time", "lat", "lon"), wave**2 + 0.05 * RANDOM.normal(size=shape)),
            "orography": (("lat", "lon"), RANDOM.uniform(0, 3000, (4, 5))),
            "time_bnds": (("time", "nv"), np.zeros((n_times, 2))),
        },
        coords={"time": np.arange(float(n_times)), "lat": np.arange(4.0), "lon": np.arange(5.0)},
    )
    data["time"].attrs = {"units": "days since 2000-01-01", "bounds": "time_bnds"}
    return data


def test_fields_with_a_time_are_divided_by_blocks_of_it(tmp_path):
    whole = field(240)
    parts = [whole.isel(time=slice(0, 120)), whole.isel(time=slice(120, 240))]
    config = write_config(tmp_path, parts, ["rate"])
    assert config["dataset"]["sample_dimension"] == ["time", "lat", "lon"]
    assert config["dataset"]["files"] == f"{tmp_path}/*.nc"
    assert names(config) == ["t", "orography"]
    assert config["split"]["method"] == "blocks" and config["split"]["variable"] == "time"


def test_a_series_without_a_coordinate_is_divided_by_blocks_in_its_order(tmp_path):
    series = np.cumsum(RANDOM.normal(size=(2, N)), axis=1)
    config = write_config(tmp_path, of_samples(x=series[0], y=series[1]), ["y"])
    assert config["split"] == {"method": "blocks", "n_blocks": 50}


def test_stations_stay_together_and_given_splits_are_taken(tmp_path):
    station = np.repeat([f"station {i}" for i in range(30)], N // 30)
    data = of_samples(t=normal(), y=normal(), station=station)
    (tmp_path / "a").mkdir()
    config = write_config(tmp_path / "a", data, ["y"])
    assert config["split"] == {"method": "group", "variable": "station"}
    assert "groups were seen" not in (tmp_path / "a" / "study.yaml").read_text()
    part = RANDOM.choice(["training", "validation", "test"], N, p=[0.8, 0.1, 0.1])
    (tmp_path / "b").mkdir()
    config = write_config(
        tmp_path / "b", data.assign(part=("sample", part)).drop_vars("station"), ["y"]
    )
    assert config["split"] == {"method": "variable", "variable": "part"}


def test_few_groups_are_told(tmp_path):
    station = np.repeat([f"station {i}" for i in range(12)], N // 12)
    config = write_config(tmp_path, of_samples(t=normal(), y=normal(), station=station), ["y"])
    assert config["split"] == {"method": "group", "variable": "station"}
    text = " ".join((tmp_path / "study.yaml").read_text().replace("\n#", "").split())
    assert "Only 12 groups were seen." in text and "Raise split.validation" in text


def test_gaps_raise_the_limit_of_what_may_be_dropped(tmp_path):
    t = normal()
    t[RANDOM.uniform(size=N) < 0.2] = np.nan
    config = write_config(tmp_path, of_samples(t=t, y=normal()), ["y"])
    assert 0.25 < config["dataset"]["max_dropped"] < 0.4
    assert re.search(r"t is missing in \d\d %", (tmp_path / "study.yaml").read_text())


@pytest.mark.parametrize(("mark", "share"), [(-999.0, 0.1), (-9999.0, 0.3), (1e20, 0.2)])
def test_marks_of_missing_values_do_not_hide_what_the_others_suggest(tmp_path, mark, share):
    wide = np.where(RANDOM.uniform(size=N) < share, mark, 10 ** RANDOM.uniform(0, 2.9, N))
    narrow = np.where(RANDOM.uniform(size=N) < share, mark, normal())
    data = of_samples(wide=wide, narrow=narrow, y=normal())
    data["wide"].attrs = {"units": "cm-3"}
    config = write_config(tmp_path, data, ["y"])
    assert transforms(config) == {"wide": "log10", "narrow": "none", "y": "none"}
    text = (tmp_path / "study.yaml").read_text()
    assert text.count(f", and {mark:g}, perhaps for missing values") == 2
    assert re.search(r"# 1(\.\d+)? to 7\d\d cm-3, and", text)
    # What has no logarithm is dropped, so that the config runs.
    assert (config["dataset"]["max_dropped"] > share) == (mark < 0)


def test_nines_in_the_range_of_all_others_are_no_marks(tmp_path):
    counts = np.r_[np.arange(1, N), 999.0]
    write_config(tmp_path, of_samples(counts=counts, y=normal()), ["y"])
    assert "perhaps for missing" in (tmp_path / "study.yaml").read_text()
    (tmp_path / "b").mkdir()
    write_config(
        tmp_path / "b", of_samples(counts=counts + 399 * (counts < 999), y=normal()), ["y"]
    )
    assert "perhaps for missing" not in (tmp_path / "b" / "study.yaml").read_text()


def test_few_samples_make_small_batches(tmp_path):
    config = write_config(tmp_path, of_samples(t=normal(60), y=normal(60)), ["y"])
    assert config["search"]["fractions"] == [0.5]
    assert config["search"]["space"]["batch_size"] == 8


def test_many_samples_make_a_small_fraction(tmp_path):
    config = write_config(tmp_path, of_samples(t=normal(100_000), y=normal(100_000)), ["y"])
    assert config["search"]["fractions"] == [0.05]
    assert config["search"]["space"]["batch_size"] == 128


def test_a_zarr_store_with_packed_values(tmp_path):
    data = of_samples(t=normal(), y=normal())
    encoding = {"t": {"dtype": "i2", "scale_factor": 0.01, "add_offset": 280, "_FillValue": -999}}
    data.to_zarr(tmp_path / "data.zarr", zarr_format=2, encoding=encoding)
    config = config_of(tmp_path, f"{tmp_path}/data.zarr", ["y"])
    assert names(config) == ["t"]


def test_variables_of_a_group(tmp_path):
    data = of_samples(t=normal(), y=normal())
    data.to_netcdf(tmp_path / "data.nc", group="level2")
    path = f"{tmp_path}/data.nc"
    with pytest.raises(UserError, match=r"no variable with a dimension.*\(level2\)"):
        main(files=[path], outputs=["y"], inputs=[], study="mine", to=None)
    to = str(tmp_path / "study.yaml")
    main(files=[path], outputs=["y"], inputs=[], study="mine", to=to, group="level2")
    dataset = yaml.safe_load((tmp_path / "study.yaml").read_text())["dataset"]
    assert dataset["group"] == "level2" and dataset["inputs"] == [{"name": "t"}]


def test_packed_numbers_and_counts_with_a_unit_are_no_classes(tmp_path):
    whole = RANDOM.integers(0, 20, N)
    days = xr.Variable("sample", whole.astype("i2"), {"units": "days since it rained"})
    days.attrs["units"] = "d"
    data = of_samples(t=normal(), packed=whole.astype(float)).assign(days=days)
    data["packed"].encoding = {"dtype": "i2", "scale_factor": 1.0, "_FillValue": -1}
    for output in ("packed", "days"):
        (tmp_path / output).mkdir()
        config = write_config(tmp_path / output, data, [output])
        assert config["training"] == {"output_activation": "linear"}


def test_a_short_coordinate_makes_no_blocks(tmp_path):
    config = write_config(tmp_path, field(16), ["rate"])
    assert "variable" not in config["split"]


def test_inputs_can_be_named(tmp_path):
    data = of_samples(a=normal(), b=normal(), y=normal())
    config = write_config(tmp_path, data, ["y"], inputs=["b"])
    assert names(config) == ["b"]


@pytest.mark.parametrize(
    ("path", "study"),
    [
        ("my-study.yaml", "my_study"),
        ("configs/rain.2024.yaml", "rain.2024"),
        (".hidden.yaml", "hidden"),
        ("été (2).yaml", "t_2"),
        ("数据.yaml", "my_study"),
        (f"{'a' * 200}.yaml", "a" * 100),
    ],
)
def test_the_study_has_the_name_of_its_file(path, study):
    assert name_study(path) == study
    schema = load_schema()["properties"]["study"]
    assert re.search(schema["pattern"], study) and len(study) <= schema["maxLength"]


def test_two_files_are_two_studies(tmp_path, capsys):
    of_samples(t=normal(), y=normal()).to_netcdf(tmp_path / "data.nc")
    kwargs = {"files": [f"{tmp_path}/data.nc"], "outputs": ["y"], "inputs": []}
    for name, options, study in (
        ("first.yaml", {"study": None}, "first"),
        ("second-try.yaml", {"study": None}, "second_try"),
        ("third.yaml", {"study": "mine"}, "mine"),
    ):
        main(**kwargs, **options, to=str(tmp_path / name))
        assert yaml.safe_load((tmp_path / name).read_text())["study"] == study
    capsys.readouterr()
    main(**kwargs, study=None, to=None)
    assert yaml.safe_load(capsys.readouterr().out)["study"] == "my_study"


def test_without_outputs_it_lists_what_there_is(tmp_path, capsys):
    of_samples(t=normal(), y=normal()).to_netcdf(tmp_path / "data.nc")
    main(files=[f"{tmp_path}/data.nc"], outputs=[], inputs=[], study="mine", to=None)
    said = capsys.readouterr().out
    assert "| t | sample: 600 |" in said and "--outputs" in said


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        ({"outputs": ["yy"]}, ["has no variable 'yy'", "did you mean 'y'?"]),
        ({"outputs": ["y"], "inputs": ["tt"]}, ["has no variable 'tt'"]),
        ({"outputs": ["name"]}, ["'name' cannot be learned", "the same value"]),
        ({"outputs": ["name", "y"]}, ["'name' is not numeric"]),
        ({"outputs": ["y", "level"]}, ["y and level have no dimension in common"]),
        ({"outputs": ["y"], "files": ["none.nc"]}, ["there is no file none.nc"]),
        ({"outputs": ["y"], "study": "a/b"}, ["study must be"]),
        ({"outputs": ["y"], "to": "data.nc"}, ["data.nc exists already"]),
        ({"outputs": ["y", "t"]}, ["no input beside the outputs"]),
        ({"outputs": ["always"]}, ["output 'always' cannot be learned", "the same value"]),
        ({"outputs": ["one"]}, ["no variable 'one' with a dimension"]),
        ({"outputs": ["y"], "study": "2024: a"}, ["study must be"]),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    tmp_path, monkeypatch, options, fragments
):
    monkeypatch.chdir(tmp_path)
    data = of_samples(t=normal(), y=normal(), name=np.full(N, "a"))
    more = {"level": ("lev", np.arange(3.0)), "always": ("sample", np.ones(N)), "one": 1.0}
    data.assign(more).to_netcdf("data.nc")
    kwargs = {"files": ["data.nc"], "inputs": [], "study": "mine", "to": "new.yaml"}
    with pytest.raises(UserError) as error:
        main(**kwargs | options)
    for fragment in fragments:
        assert fragment in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data.nc"]


def as_table(path: Path, columns: dict, **options) -> None:
    """Write a table as CSV or Parquet, by the name of the file."""
    data = pd.DataFrame(columns)
    if path.suffix == ".csv":
        data.to_csv(path, **{"index": False} | options)
    else:
        data.to_parquet(path)


# Files, what is in them and how they are written; what is to be learned, the inputs that are
# chosen, and the method or the variable of the split.
ODD_TABLES = {
    "index.csv": ({"t": normal(), "y": normal()}, {"index": True}, "y", ["t"], "random"),
    "decimal_commas.csv": (
        {"row": range(N), "w/o, %": normal(), "null": normal(), "$y$": normal()},
        {"sep": ";", "decimal": ","},
        *("$y$", ["w/o, %", "null"], "random"),
    ),
    "nullable.parquet": (
        {
            "count": pd.array([None, *range(N - 1)], "Int64"),
            "wet": pd.array([None, *[True, False] * N], "boolean")[:N],
            "when": pd.date_range("2000", periods=N),
            "lists": [[1.0]] * N,
            "y": normal(),
        },
        *({}, "y", ["count", "wet"], "random"),
    ),
    "stations.csv": (
        {"station_id": np.repeat(np.arange(30), N // 30), "t": normal(), "y": normal()},
        *({}, "y", ["t"], "station_id"),
    ),
    "shuffled.parquet": (
        {"time": RANDOM.permutation(N), "t": normal(), "y": normal()},
        *({}, "y", ["t"], "time"),
    ),
    "series.csv": (
        {
            "date": pd.date_range("2000", periods=N),
            "t": np.cumsum(RANDOM.normal(size=N)),
            "y": np.cumsum(RANDOM.normal(size=N)),
        },
        *({}, "y", ["t"], "blocks"),
    ),
    "wide.csv": (
        {f"v{i}": normal(100) for i in range(300)},
        *({}, "v0", [f"v{i}" for i in range(1, 300)], "random"),
    ),
    "kinds.csv": (
        {"t": normal(), "kind": RANDOM.choice(["rain", "snow, wet"], N)},
        *({}, "kind", ["t"], "random"),
    ),
    "events.parquet": ({"t": normal(), "y": normal() > 290}, {}, "y", ["t"], "random"),
}


@pytest.mark.parametrize("name", ODD_TABLES)
def test_odd_tables_make_a_config_that_runs(tmp_path, name):
    columns, options, output, inputs, split = ODD_TABLES[name]
    as_table(tmp_path / name, columns, **options)
    config = config_of(tmp_path, f"{tmp_path}/{name}", [output])
    assert names(config) == inputs
    assert split in config["split"].values()


def test_a_file_with_variables_of_all_types_makes_a_config_that_runs(tmp_path):
    with netCDF4.Dataset(tmp_path / "data.nc", "w") as data:
        data.createDimension("n", N)
        for name in ("größe (µm)", "y", "a: b #c"):
            data.createVariable(name, "f8", ("n",))[:] = normal()
        pair = data.createCompoundType(np.dtype([("a", "f8"), ("b", "i4")]), "two numbers")
        data.createVariable("pair", pair, ("n",))
        data.createVariable("text", str, ("n",))[:] = np.full(N, "a", object)
        data.createVariable("number", "f8", ())[:] = 1.0
        data.createVariable("never_written", "f4", ("n",))
        packed = data.createVariable("packed", "i2", ("n",), fill_value=-1)
        packed.scale_factor = 0.5
        packed[:] = np.round(normal())
    config = config_of(tmp_path, f"{tmp_path}/data.nc", ["y"])
    assert names(config) == ["größe (µm)", "a: b #c", "packed"]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"t": [1.0], "y": [2.0]}, "too few samples for a study: 1 can be used.*at least 20"),
        ({"t": [], "y": []}, "there are no samples"),
        ({"t": [np.nan] * N, "y": normal()}, "no input beside the outputs.*t: it is missing"),
        ({"t": [np.nan, 1, 2] * 8, "y": normal(24)}, "too few samples for a study: 16 can be used"),
        ({"t": normal(), "y": ["a"] * N}, "output 'y' cannot be learned: it has the same value"),
        ({"t": normal(), "y": [f"s{i}" for i in range(N)]}, "'y' has 600 different texts"),
        ({"t": normal(), "y": ["2000-01-01"] * N}, "'y' is not numeric but a time"),
    ],
)
def test_odd_tables_from_which_nothing_can_be_learned_are_one_sentence(tmp_path, columns, told):
    as_table(tmp_path / "data.csv", columns)
    with pytest.raises(UserError, match=told) as error:
        config_of(tmp_path, f"{tmp_path}/data.csv", ["y"])
    assert "\n" not in str(error.value)


def test_a_file_without_samples_is_one_sentence(tmp_path):
    with netCDF4.Dataset(tmp_path / "data.nc", "w") as data:
        data.createDimension("n", None)
        for name in "ty":
            data.createVariable(name, "f8", ("n",))
    with pytest.raises(UserError, match="no samples in"):
        config_of(tmp_path, f"{tmp_path}/data.nc", ["y"])
