"""Preparing: what is dropped, what is refused, and that scaling sees training rows only."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from twostep.data import prepare as prepare_module
from twostep.data.arrays import Rows, load_split, write_folder
from twostep.data.prepare import prepare
from twostep.data.source import read_headers
from twostep.data.subset import subset
from twostep.data.test_sample import load_test_sample
from twostep.data.transforms import standardise
from twostep.data.validation_units import FILE as UNITS_FILE
from twostep.data.validation_units import load_validation_units
from twostep.util.errors import UserError

UNITS = {"a": "K", "b": "m s-1", "y": "1"}
DATASET = {
    "inputs": [{"name": "a", "transform": "none"}, {"name": "b", "transform": "log10"}],
    "outputs": [{"name": "y", "transform": "none"}],
    "max_dropped": 0.05,
    "constant_features": "refuse",
}
SPLIT = {"method": "random", "validation": 0.2, "test": 0.1, "variable": None, "n_blocks": 10}


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    return {
        "a": rng.normal(280, 10, 1000),
        "b": 10 ** rng.uniform(-2, 1, 1000),
        "y": rng.uniform(0, 1, 1000),
    }


def run(folder, columns, *, n_files=1, output_activation="sigmoid", split=SPLIT, **dataset):
    """Write columns to files and prepare them; return the splits and the manifest."""
    folder.mkdir(exist_ok=True)
    files = []
    for part, rows in enumerate(np.array_split(np.arange(len(columns["y"])), n_files)):
        files.append(str(folder / f"part_{part}.nc"))
        xr.Dataset(
            {
                name: (
                    "sample",
                    x[rows],
                    {"units": UNITS.get(name, ""), "long_name": f"the {name}"},
                )
                for name, x in columns.items()
            }
        ).to_netcdf(files[-1])
    dataset = DATASET | dataset
    variables = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    manifest = prepare(
        read_headers(files, variables, ["sample"], split["variable"]),
        dataset,
        split,
        output_activation=output_activation,
        seed=1,
        folder=folder / "prepare",
    )
    path = folder / "prepare" / "manifest.json"
    return {name: load_split(path, name) for name in manifest["splits"]}, manifest


def test_sizes_types_scaling_and_description(tmp_path, columns):
    splits, manifest = run(tmp_path, columns)
    assert manifest["splits"] == {"training": 700, "validation": 200, "test": 100}
    inputs, targets = splits["training"]
    assert inputs.dtype == targets.dtype == np.float32
    np.testing.assert_allclose(inputs.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(0), 1, atol=1e-5)
    assert abs(splits["test"][0].mean(0)).min() > 1e-4  # not standardised by itself
    a, b = manifest["inputs"]
    assert (a["transform"], b["transform"]) == ("none", "log10")
    assert (a["units"], a["long_name"]) == ("K", "the a")
    assert b["min"] == pytest.approx(0.01, rel=0.05) and b["max"] == pytest.approx(10, rel=0.05)
    assert manifest["outputs"][0]["mean"] == 0 and manifest["outputs"][0]["std"] == 1
    # Nothing else is left in the folder: the temporary file is gone.
    assert {path.suffix for path in (tmp_path / "prepare").iterdir()} == {".npy", ".json"}


def restore(splits, manifest):
    """Undo the scaling; return the rows of all splits in the order of y."""
    mean, std = (np.array([f[key] for f in manifest["inputs"]]) for key in ("mean", "std"))
    inputs = np.concatenate([splits[split][0] for split in splits]) * std + mean
    inputs[:, 1] = 10 ** inputs[:, 1]
    rows = np.column_stack([inputs, np.concatenate([splits[split][1] for split in splits])])
    return rows[rows[:, 2].argsort()]


def test_splits_undo_to_the_very_rows(tmp_path, columns):
    expected = np.column_stack(list(columns.values()))
    expected = expected[expected[:, 2].argsort()]
    np.testing.assert_allclose(restore(*run(tmp_path, columns)), expected, rtol=1e-4)


def test_values_far_from_zero_keep_their_digits(tmp_path, columns):
    columns["a"] = 1e6 + columns["b"]
    splits, manifest = run(tmp_path, columns)
    a = manifest["inputs"][0]
    restored = splits["training"][0][:, 0].astype(float) * a["std"] + a["mean"] - 1e6
    b = manifest["inputs"][1]
    expected = 10 ** (splits["training"][0][:, 1].astype(float) * b["std"] + b["mean"])
    np.testing.assert_allclose(restored, expected, rtol=1e-3, atol=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 5), st.integers(1, 400))
def test_the_result_does_not_depend_on_files_or_slabs(tmp_path_factory, n_files, slab_rows):
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=300), "b": rng.uniform(1, 2, 300), "y": rng.uniform(size=300)}
    columns["a"][5] = np.nan
    whole, manifest = run(tmp_path_factory.mktemp("whole"), columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepare_module, "SLAB_BYTES", slab_rows * 8 * 3)
        patch.setattr(prepare_module, "MIN_SLAB_ROWS", 1)
        parts, other = run(tmp_path_factory.mktemp("parts"), columns, n_files=n_files)
    for split in whole:
        for array, again in zip(whole[split], parts[split], strict=True):
            np.testing.assert_allclose(array, again, rtol=1e-5, atol=1e-5)
    assert manifest["splits"] == other["splits"]
    assert manifest["checksums"]["test_sample.npy"] == other["checksums"]["test_sample.npy"]
    for one, again in zip(manifest["inputs"], other["inputs"], strict=True):
        assert (one["min"], one["max"]) == (again["min"], again["max"])


def test_scaling_ignores_rows_outside_the_training_split(tmp_path, columns):
    splits, before = run(tmp_path / "before", columns)
    elsewhere = ~np.isin(columns["y"].astype(np.float32), splits["training"][1])
    assert elsewhere.sum() == 300
    changed = columns | {"a": np.where(elsewhere, columns["a"] + 5, columns["a"])}
    _, after = run(tmp_path / "after", changed)
    for one, other in zip(before["inputs"], after["inputs"], strict=True):
        for key in ("mean", "std", "min", "max"):
            assert other[key] == pytest.approx(one[key], rel=1e-6)


def test_linear_targets_are_standardised_after_their_transform(tmp_path, columns):
    columns["y"] = 10 ** (5 * columns["y"])
    outputs = [{"name": "y", "transform": "log10"}]
    splits, manifest = run(tmp_path, columns, output_activation="linear", outputs=outputs)
    assert abs(splits["training"][1].mean()) < 1e-5
    assert abs(splits["training"][1].std() - 1) < 1e-5
    assert manifest["outputs"][0]["std"] == pytest.approx(5 / np.sqrt(12), rel=0.05)
    assert manifest["outputs"][0]["max"] == pytest.approx(1e5, rel=0.1)


def test_inputs_that_are_not_scaled_keep_their_values(tmp_path, columns):
    columns["a"] = np.random.default_rng(1).integers(0, 16_777_216, 1000).astype(float)
    columns["flag"] = np.full(1000, 3.0)
    inputs = [
        {"name": "a", "transform": "none", "scale": "none"},
        {"name": "b", "transform": "log10", "scale": "none"},
        # It may be constant, as it needs no spread.
        {"name": "flag", "transform": "none", "scale": "none"},
    ]
    splits, manifest = run(tmp_path, columns, inputs=inputs)
    assert [(x["scale"], x["mean"], x["std"]) for x in manifest["inputs"]] == [("none", 0, 1)] * 3
    found = np.concatenate([splits[name][0] for name in splits])
    expected = np.column_stack([columns["a"], np.log10(columns["b"]), columns["flag"]])
    order = [rows[:, 1].argsort() for rows in (found, expected)]
    np.testing.assert_array_equal(found[order[0]], expected[order[1]].astype(np.float32))
    # What a model does with new values is the same.
    inputs, _ = load_test_sample(tmp_path / "prepare" / "manifest.json")
    again = standardise(inputs, manifest["inputs"])
    np.testing.assert_array_equal(
        again[again[:, 1].argsort()],
        splits["test"][0][splits["test"][0][:, 1].argsort()],
    )
    # The others are as before.
    assert "scale" not in manifest["outputs"][0]


def test_an_input_that_does_not_vary_is_refused_if_it_is_to_be_scaled(tmp_path, columns):
    columns["flag"] = np.full(1000, 3.0)
    inputs = [*DATASET["inputs"], {"name": "flag", "transform": "none", "scale": "standardise"}]
    with pytest.raises(UserError, match="'flag'"):
        run(tmp_path, columns, inputs=inputs)


def test_many_features_that_do_not_vary_are_told_by_their_variable(tmp_path):
    rng = np.random.default_rng(0)
    data = xr.Dataset(
        {
            "q": (("sample", "level", "part"), np.ones((300, 30, 2))),
            "y": ("sample", rng.uniform(size=300)),
        }
    )
    path = str(tmp_path / "data.nc")
    data.to_netcdf(path)
    with pytest.raises(UserError, match=r"'q' \(60 entries\); they cannot be standardised"):
        prepare(
            read_headers([path], ["q", "y"], ["sample"]),
            DATASET | {"inputs": [{"name": "q", "transform": "none"}]},
            SPLIT,
            output_activation="sigmoid",
            seed=1,
            folder=tmp_path / "prepare",
        )


def test_the_manifest_keeps_the_shapes_of_the_variables(tmp_path):
    rng = np.random.default_rng(0)
    data = xr.Dataset(
        {
            "image": (("row", "sample", "column"), rng.normal(size=(2, 300, 3))),
            "y": ("sample", rng.uniform(size=300)),
        }
    )
    # One entry of the image does not vary.
    data["image"][1, :, 0] = 4.0
    path = str(tmp_path / "data.nc")
    data.to_netcdf(path)
    dataset = DATASET | {"inputs": [{"name": "image", "transform": "none"}]}
    manifest = prepare(
        read_headers([path], ["image", "y"], ["sample"]),
        dataset | {"constant_features": "drop"},
        SPLIT,
        output_activation="sigmoid",
        seed=1,
        folder=tmp_path / "prepare",
    )
    assert manifest["variables"] == {
        "image": {"dimensions": ["row", "column"], "shape": [2, 3]},
        "y": {"dimensions": [], "shape": []},
    }
    assert [feature["entry"] for feature in manifest["inputs"]] == [0, 1, 2, 4, 5]
    for feature in manifest["inputs"]:
        row, column = divmod(feature["entry"], 3)
        assert feature["name"] == f"image[{row},{column}]"
        # Each column has the values of its entry.
        values = data["image"][row, :, column]
        assert values.min() <= feature["min"] < feature["max"] <= values.max()


def test_unusable_rows_are_dropped_and_counted_by_reason_and_feature(tmp_path, columns):
    before, _ = run(tmp_path / "before", columns)
    columns["a"][:3] = np.nan
    columns["a"][999] = 1e300  # too large for float32
    columns["b"][2:7] = -1
    columns["y"][10] = np.inf
    splits, manifest = run(tmp_path / "after", columns)
    assert manifest["n_rows_read"] == 1000
    assert manifest["n_rows_used"] == sum(manifest["splits"].values()) == 991
    where = str(tmp_path / "after" / "part_0.nc at sample index")
    missing, outside = "missing or not finite", "not above 0, as log10 needs"
    assert manifest["dropped"] == [
        {"feature": "a", "reason": missing, "rows": 3, "first": f"{where} 0"},
        {"feature": "a", "reason": "too large", "rows": 1, "first": f"{where} 999"},
        {"feature": "b", "reason": outside, "rows": 5, "first": f"{where} 2"},
        {"feature": "y", "reason": missing, "rows": 1, "first": f"{where} 10"},
    ]
    # A missing value changes no other sample's split.
    for split in splits:
        assert np.isin(splits[split][1], before[split][1]).all()


def test_rows_without_a_group_are_dropped(tmp_path, columns):
    columns["day"] = np.repeat(np.arange(20.0), 50)
    columns["day"][:7] = np.nan
    split = SPLIT | {"method": "group", "variable": "day"}
    _, manifest = run(tmp_path, columns, split=split)
    assert manifest["n_rows_used"] == 993
    assert manifest["split"]["n_units"] == 20
    [dropped] = manifest["dropped"]
    assert (dropped["feature"], dropped["rows"]) == ("day (split.variable)", 7)


def test_each_validation_sample_has_the_number_of_its_unit(tmp_path, columns, monkeypatch):
    columns["day"] = np.repeat(np.arange(40.0), 25)[np.random.default_rng(1).permutation(1000)]
    columns["a"] = columns["day"] + 300
    columns["b"][::17] = np.nan
    kwargs = {"max_dropped": 0.1}
    # Several buckets, and several pieces.
    monkeypatch.setattr("twostep.data.shuffle.BUCKET_BYTES", 4000)
    monkeypatch.setattr("twostep.data.shuffle.WRITE_BYTES", 1000)
    monkeypatch.setattr(prepare_module, "MIN_SLAB_ROWS", 70)
    monkeypatch.setattr(prepare_module, "SLAB_BYTES", 1)
    split = SPLIT | {"method": "group", "variable": "day"}
    splits, manifest = run(tmp_path, columns, split=split, **kwargs)
    units = load_validation_units(tmp_path / "prepare" / "manifest.json")
    assert units.dtype == np.int32 and len(np.unique(units)) == 8
    (a, _) = manifest["inputs"]
    days = splits["validation"][0][:, 0] * a["std"] + a["mean"] - 300
    assert (units == days.round()).all()
    split = SPLIT | {"method": "blocks", "n_blocks": 20}
    columns["a"] = np.arange(1000.0)
    splits, manifest = run(tmp_path / "blocks", columns, split=split, **kwargs)
    units = load_validation_units(tmp_path / "blocks" / "prepare" / "manifest.json")
    (a, _) = manifest["inputs"]
    rows = splits["validation"][0][:, 0].astype(float) * a["std"] + a["mean"]
    assert (units == rows.round() // 50).all()


def test_samples_that_stand_for_themselves_have_no_numbers(tmp_path, columns):
    run(tmp_path, columns)
    assert load_validation_units(tmp_path / "prepare" / "manifest.json") is None
    assert np.load(tmp_path / "prepare" / "validation_units.npy").shape == (0,)


def test_damaged_numbers_of_groups_are_one_sentence(tmp_path, columns):
    run(tmp_path, columns, split=SPLIT | {"method": "blocks"})
    manifest, path = (tmp_path / "prepare" / name for name in ("manifest.json", UNITS_FILE))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=r"is damaged .* delete .*manifest\.json"):
        load_validation_units(manifest)
    path.unlink()
    with pytest.raises(UserError, match=r"cannot be read .* delete .*manifest\.json"):
        load_validation_units(manifest)


def test_an_input_that_also_divides_the_samples_is_counted_once_for_each(tmp_path, columns):
    columns["a"] = np.where(np.arange(1000) % 2, np.nan, np.arange(1000) // 100)
    split = SPLIT | {"method": "group", "variable": "a"}
    _, manifest = run(tmp_path, columns, split=split, max_dropped=0.6)
    assert [entry["rows"] for entry in manifest["dropped"]] == [500, 500]
    assert manifest["n_rows_used"] == 500


def test_a_small_signal_over_numerical_noise_is_kept(tmp_path, columns):
    columns["a"] = np.random.default_rng(0).uniform(1e-43, 1e-42, 1000)
    columns["a"][::30] = 1.5
    splits, manifest = run(tmp_path, columns)
    assert manifest["dropped"] == [] and manifest["n_rows_used"] == 1000
    assert splits["training"][0][:, 0].max() > 3


def test_a_split_of_a_single_row_among_many_buckets(tmp_path, columns, monkeypatch):
    monkeypatch.setattr("twostep.data.shuffle.BUCKET_BYTES", 500)
    columns["part"] = np.zeros(1000)
    columns["part"][[400, 700]] = [1, 2]
    split = SPLIT | {"method": "variable", "variable": "part"}
    splits, _ = run(tmp_path, columns, split=split)
    assert splits["validation"][1] == np.float32(columns["y"][400])
    assert splits["test"][1] == np.float32(columns["y"][700])
    kept = np.delete(columns["y"], [400, 700]).astype(np.float32)
    np.testing.assert_array_equal(np.sort(splits["training"][1][:, 0]), np.sort(kept))


@pytest.mark.parametrize(
    ("name", "rows", "value", "fragments"),
    [
        ("y", 7, 1.5, ["'y'", "1 values outside [0, 1]", "sample index 7", "linear"]),
        ("a", slice(None), 5.1, ["'a'", "same value", "dataset.constant_features"]),
        ("b", slice(None), -1, ["'b' has no usable value", "all 1,000", "log10"]),
        ("a", slice(None), np.nan, ["'a' has no usable value", "all 1,000", "missing"]),
        ("b", slice(30, 81), 0, ["51 of 1,000", "5.1 %", "max_dropped", "'b'", "sample index 30"]),
    ],
)
def test_bad_contents_are_one_sentence_and_leave_nothing(
    tmp_path, columns, name, rows, value, fragments
):
    columns[name][rows] = value
    with pytest.raises(UserError) as error:
        run(tmp_path, columns)
    for fragment in fragments:
        assert fragment in str(error.value)
    assert not list((tmp_path / "prepare").iterdir())


def test_a_sentence_has_room_for_one_long_name(tmp_path, columns):
    long = {letter: letter * 180 for letter in "ab"}
    columns = {long.get(name, name): values for name, values in columns.items()}
    for name in long.values():
        columns[name][:100] = np.nan
    inputs = [{"name": name, "transform": "none"} for name in long.values()]
    with pytest.raises(UserError, match="correct the data or allow more") as error:
        run(tmp_path, columns, inputs=inputs)
    assert long["a"] in str(error.value) and long["b"] not in str(error.value)


def test_ranges_are_the_exact_extremes_of_the_training_split(tmp_path, columns):
    # Seconds and nanoseconds of a month: six digits of them are those of a quarter of an hour.
    rng = np.random.default_rng(2)
    columns["a"] = 1_704_067_200 + rng.integers(0, 31 * 86_400, 1000)
    columns["b"] = columns["a"] * 10**9
    columns["part"] = np.repeat([0, 1, 2], [800, 100, 100])
    columns["a"][[850, 950]] = [1, 2_000_000_000]
    split = SPLIT | {"method": "variable", "variable": "part"}
    none = [{"name": name, "transform": "none"} for name in ("a", "b")]
    _, manifest = run(tmp_path, columns, n_files=3, split=split, inputs=none)
    for feature in (*manifest["inputs"], *manifest["outputs"]):
        own = columns[feature["name"]][:800]
        assert (feature["min"], feature["max"]) == (float(own.min()), float(own.max()))


def test_rows_that_cannot_be_used_are_in_no_range(tmp_path, columns):
    columns["a"][[3, 4]], columns["b"][3], columns["y"][4] = [1, 1000], np.nan, np.nan
    _, manifest = run(tmp_path, columns)
    a = manifest["inputs"][0]
    assert a["min"] > 200 and a["max"] < 400
    columns["a"][5], columns["b"][5] = np.inf, 1.0
    _, manifest = run(tmp_path, columns)
    assert np.isfinite(manifest["inputs"][0]["max"])


@pytest.mark.parametrize("scale", [1e35, 1e-30])
def test_ranges_of_values_of_any_size(tmp_path, columns, scale):
    columns["a"] *= scale
    _, manifest = run(tmp_path, columns)
    a = manifest["inputs"][0]
    assert columns["a"].min() <= a["min"] < a["max"] <= columns["a"].max()


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        (101_325 + 1e-3 * np.arange(10), True),
        (101_325 + 0.1 * np.arange(10), False),
        (2460676 + np.arange(10) / 24, True),
        (-5.0 - 1e-7 * np.arange(10), True),
        (1e-7 * np.arange(10), False),
        (np.zeros(10), True),
        (np.arange(10) % 2, False),
    ],
)
def test_what_single_precision_hardly_resolves_is_refused(tmp_path, columns, values, is_refused):
    columns["a"] = np.resize(values, 1000)
    if not is_refused:
        assert run(tmp_path, columns)[1]["constant_features"] == []
        return
    with pytest.raises(UserError, match=r": 'a'; they cannot be .*dataset\.constant_features"):
        run(tmp_path, columns)


def run_with_levels(folder, columns, **dataset):
    """Prepare with a variable of four levels more, the first and third of which do not vary."""
    levels = np.random.default_rng(3).normal(size=(1000, 4))
    levels[:, 0], levels[:, 2] = 0.0, 250.0 + 1e-9 * levels[:, 2]
    path = folder / "levels.nc"
    variables = {name: ("sample", values) for name, values in columns.items()}
    xr.Dataset({"q": (("sample", "level"), levels)} | variables).to_netcdf(path)
    dataset = (
        DATASET | {"inputs": [{"name": "q", "transform": "none"}, *DATASET["inputs"]]} | dataset
    )
    names = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    source = read_headers([str(path)], names, ["sample"])
    options = {"output_activation": "linear", "seed": 1, "folder": folder / "prepare"}
    return prepare(source, dataset, SPLIT, **options), levels


def test_features_that_do_not_vary_are_left_out_and_listed_if_the_config_says_so(tmp_path, columns):
    with pytest.raises(UserError, match=r"training samples: 'q\[0\]'; .* alone: 'q\[2\]'"):
        run_with_levels(tmp_path, columns)
    manifest, levels = run_with_levels(tmp_path, columns, constant_features="drop")
    assert [f["name"] for f in manifest["inputs"]] == ["q[1]", "q[3]", "a", "b"]
    dropped = manifest["constant_features"]
    assert [(entry["feature"], entry["role"]) for entry in dropped] == [
        ("q[0]", "input"),
        ("q[2]", "input"),
    ]
    assert (dropped[0]["min"], dropped[0]["max"]) == (0, 0)
    path = tmp_path / "prepare" / "manifest.json"
    inputs, targets = load_split(path, "training")
    assert inputs.shape == (700, 4) and targets.shape == (700, 1)
    assert abs(inputs.mean(0)).max() < 1e-5 and abs(inputs.std(0) - 1).max() < 1e-4
    raw, truth = load_test_sample(path)
    assert raw.shape == (100, 4) and truth.shape == (100, 1)
    assert np.isin(raw[:, :2], levels[:, [1, 3]]).all() and np.isin(truth, columns["y"]).all()


@pytest.mark.parametrize("role", ["inputs", "outputs"])
def test_all_inputs_or_outputs_that_do_not_vary_are_an_error(tmp_path, columns, role):
    columns |= (
        {"a": np.ones(1000), "b": np.ones(1000)} if role == "inputs" else {"y": np.ones(1000)}
    )
    with pytest.raises(UserError, match=f"no {role} that vary"):
        run(tmp_path, columns, constant_features="drop")


def test_values_far_from_all_others_are_doubts_with_count_and_place(tmp_path, columns, caplog):
    columns["a"][[70, 80, 90, 500]], columns["y"][6] = -999, 1e9
    _, manifest = run(tmp_path, columns, n_files=2, output_activation="linear")
    place = str(tmp_path / "part_0.nc at sample index ")
    assert manifest["doubts"] == [
        {"kind": "sentinel", "feature": "a", "value": -999, "rows": 4, "first": f"{place}70"},
        {"kind": "far", "feature": "y", "value": 1e9, "rows": 1, "first": f"{place}6"},
    ]
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert all(
        part in told[0]
        for part in ("`a` is -999 in 4 of 1,000 rows", f"{place}70", "missing_value")
    )
    assert all(part in told[1] for part in ("`y` is 1e+09", f"{place}6"))


def test_a_feature_that_may_be_zero_but_for_rounding_is_a_doubt(tmp_path, columns):
    columns["a"] = 1e-22 * np.random.default_rng(1).normal(size=1000)
    columns["a"][:3] = np.nan
    _, manifest = run(tmp_path, columns)
    [doubt] = manifest["doubts"]
    size = max(abs(manifest["inputs"][0][end]) for end in ("min", "max"))
    assert (doubt["kind"], doubt["feature"], doubt["value"]) == ("tiny", "a", size)
    assert doubt["rows"] == 997 and doubt["first"].endswith("sample index 3")
    # A logarithm is taken where small values are meant.
    columns["a"], columns["b"] = columns["b"], 1e-25 * columns["b"]
    assert run(tmp_path, columns)[1]["doubts"] == []


def test_an_entry_far_smaller_than_the_others_of_its_variable_is_a_doubt(tmp_path, columns):
    rng = np.random.default_rng(1)
    levels = rng.normal(size=(1000, 3)) * [1e-12, 1.0, 1e-8]
    path = tmp_path / "levels.nc"
    xr.Dataset({"q": (("sample", "level"), levels), "y": ("sample", columns["y"])}).to_netcdf(path)
    dataset = DATASET | {"inputs": [{"name": "q", "transform": "none"}]}
    source = read_headers([str(path)], ["q", "y"], ["sample"])
    options = {"output_activation": "linear", "seed": 1, "folder": tmp_path / "prepare"}
    manifest = prepare(source, dataset, SPLIT, **options)
    assert [(entry["kind"], entry["feature"]) for entry in manifest["doubts"]] == [("tiny", "q[0]")]


def test_the_sample_of_the_test_split_has_the_very_values_of_the_files(tmp_path, columns):
    columns["y"] = np.where(columns["y"] < 0.7, 0.0, 1e-14 * columns["y"])
    splits, manifest = run(tmp_path, columns, output_activation="linear")
    inputs, outputs = load_test_sample(tmp_path / "prepare" / "manifest.json")
    given = np.column_stack([columns[name] for name in ("a", "b", "y")])
    sample = np.column_stack([inputs, outputs])
    assert len(sample) == 100 == manifest["test_sample"]["rows"]
    assert {tuple(row) for row in sample} <= {tuple(row) for row in given}
    # They are those of the test split.
    standardised = standardise(inputs, manifest["inputs"])
    for one, other in zip(standardised.T, splits["test"][0].T, strict=True):
        np.testing.assert_allclose(np.sort(one), np.sort(other), rtol=1e-4, atol=1e-5)


def test_all_features_that_do_not_vary_are_named_at_once(tmp_path, columns):
    columns["a"][:], columns["b"][:] = 5.1, 2.0
    with pytest.raises(UserError, match=r"same value in all training samples: 'a', 'b'; .* take"):
        run(tmp_path, columns)


def test_a_split_that_the_file_leaves_empty(tmp_path, columns):
    columns["part"] = np.zeros(1000)
    columns["part"][:100] = 1
    split = SPLIT | {"method": "variable", "variable": "part"}
    with pytest.raises(UserError, match="the test split is empty"):
        run(tmp_path, columns, split=split)


def test_too_little_disk_space_is_told_before_the_work(tmp_path, columns, monkeypatch):
    free = prepare_module.shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(prepare_module.shutil, "disk_usage", lambda path: free)
    with pytest.raises(UserError, match="free disk space"):
        run(tmp_path, columns)


@pytest.mark.parametrize(("memory", "expected"), [(0.98, 0.98), (0.0, 0.0)])
def test_autocorrelation_is_that_of_neighbours(tmp_path, memory, expected):
    # An autoregressive series of order 1 with this coefficient.
    rng = np.random.default_rng(0)
    series = np.zeros((20_000, 3))
    for i in range(1, len(series)):
        series[i] = memory * series[i - 1] + np.sqrt(1 - memory**2) * rng.normal(size=3)
    columns = dict(zip(("a", "b", "y"), np.exp(series).T, strict=True))
    log10 = [{"name": name, "transform": "log10"} for name in ("a", "b", "y")]
    options = {"inputs": log10[:2], "outputs": log10[2:], "output_activation": "linear"}
    _, manifest = run(tmp_path, columns, n_files=2, **options)
    measured = manifest["autocorrelation"]
    assert measured["along"] == "sample"
    assert measured["inputs"] == pytest.approx(expected, abs=0.03)
    assert measured["outputs"] == pytest.approx(expected, abs=0.03)


def test_values_that_alternate_are_alike_at_the_next_but_one(tmp_path):
    time = np.arange(2000)
    wave = np.sin(time / 300) * (-1.0) ** time
    columns = {"a": 280 + wave, "b": np.exp(wave), "y": 0.5 + 0.3 * wave}
    _, manifest = run(tmp_path, columns)
    measured = manifest["autocorrelation"]
    assert measured["lag"] == 2
    assert min(measured["inputs"], measured["outputs"]) > 0.99


def test_autocorrelation_without_what_does_not_vary_in_the_sample(tmp_path, columns):
    n_rows = 200_000
    walk = np.random.default_rng(0).normal(size=n_rows).cumsum()
    flag = np.zeros(n_rows)
    flag[5000] = 1  # between the parts that are looked at
    columns = {"a": walk, "b": 1.0 + flag, "y": walk + 5}
    _, manifest = run(tmp_path, columns, output_activation="linear")
    assert manifest["autocorrelation"]["inputs"] > 0.99


def test_a_constant_that_is_no_binary_number_is_not_alike_its_neighbours(tmp_path, columns):
    columns["b"] = np.full(1000, 273.15)
    none = [{"name": name, "transform": "none"} for name in ("a", "b")]
    _, manifest = run(tmp_path, columns, inputs=none, constant_features="drop")
    assert abs(manifest["autocorrelation"]["inputs"]) < 0.1


@pytest.mark.parametrize("n_files", [1, 20])
def test_autocorrelation_is_looked_for_along_each_dimension(tmp_path, n_files):
    # Alike in time and not in space; with one time in each file, neighbours are in the next one.
    rng = np.random.default_rng(0)
    fields = rng.normal(size=(1, 40, 30, 3)) + 0.1 * rng.normal(size=(20, 40, 30, 3))
    files = []
    for part, times in enumerate(np.array_split(fields, n_files)):
        files.append(str(tmp_path / f"{part:02d}.nc"))
        variables = {name: (("time", "lat", "lon"), times[..., i]) for i, name in enumerate("abc")}
        xr.Dataset(variables).to_netcdf(files[-1])
    none = [{"name": name, "transform": "none"} for name in "abc"]
    manifest = prepare(
        read_headers(files, list("abc"), ["time", "lat", "lon"]),
        {"inputs": none[:2], "outputs": none[2:], "max_dropped": 0, "constant_features": "refuse"},
        SPLIT,
        output_activation="linear",
        seed=1,
        folder=tmp_path / "prepare",
    )
    assert manifest["autocorrelation"]["along"] == "time"
    assert manifest["autocorrelation"]["inputs"] == pytest.approx(0.99, abs=0.02)


def rows_of(pieces):
    return [np.concatenate(parts) for parts in zip(*pieces, strict=True)]


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """The manifest of a folder whose splits are the numbers from 0 to 999."""
    folder = tmp_path_factory.mktemp("thousand")
    column = np.arange(1000, dtype=np.float32)[:, None]
    splits = {split: Rows.first(1000, column, column) for split in ("training", "validation")}
    write_folder(folder, splits, {})
    return folder / "manifest.json"


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 1), st.floats(0.05, 1))
def test_fractions_nest_and_share_the_validation_sample(thousand, one, other):
    small, large = (
        subset(thousand, fraction=fraction, n_validation=100, batch_size=10)
        for fraction in sorted((one, other))
    )
    n = small["training"].n_rows
    assert n == round(min(one, other) * 1000)
    small_rows, large_rows = rows_of(small["training"].pieces), rows_of(large["training"].pieces)
    assert len(small_rows[0]) == n
    assert (large_rows[0][:n] == small_rows[0]).all()
    validation = rows_of(small["validation"].pieces), rows_of(large["validation"].pieces)
    assert (validation[0][1] == validation[1][1]).all()
    assert small["validation"].n_rows == len(validation[0][0]) == 100


def test_a_fraction_below_one_batch_is_an_error(thousand):
    with pytest.raises(UserError, match="10, fewer than one batch of 64"):
        subset(thousand, fraction=0.01, n_validation=10, batch_size=64)


def test_a_value_beyond_single_precision_once_standardised_is_named(tmp_path, columns):
    columns["a"] = 1 + 1e-3 * columns["b"]
    columns["a"][0] = 3e38
    columns["part"] = np.repeat([1, 0, 2], [100, 800, 100])  # the first is in the validation split
    split = SPLIT | {"method": "variable", "variable": "part"}
    with pytest.raises(UserError, match="'a' has a value in the validation split that is too far"):
        run(tmp_path, columns, split=split)
    assert not (tmp_path / "prepare" / "manifest.json").exists()
