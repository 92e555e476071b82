"""Weights of samples and outputs, masks and classes, from the file to what training gets."""

import math

import numpy as np
import pytest
import xarray as xr

from twostep.data.arrays import load_split, load_weights, write_folder
from twostep.data.classes import Classes
from twostep.data.cleaning import Columns
from twostep.data.prepare import prepare
from twostep.data.source import read_headers
from twostep.data.subset import subset
from twostep.data.test_sample import load_test_sample
from twostep.training.data import load_training_data
from twostep.training.objective import PLAIN, Objective
from twostep.util.errors import UserError

N = 600
SPLIT = {"method": "variable", "variable": "part", "validation": 0.2, "test": 0.2, "n_blocks": 9}
# By rows: training, validation, test.
PART = np.repeat([0, 1, 2], [400, 100, 100])
TRAINING, VALIDATION, TEST = (np.flatnonzero(code == PART) for code in range(3))


@pytest.fixture
def columns():
    rng = np.random.default_rng(0)
    a = rng.normal(280, 10, N)
    return {
        "a": a,
        "y": rng.uniform(0, 1, N),
        "z": rng.uniform(0, 1, N),
        "kind": np.where(a > 280, 2, np.where(a > 270, 7, -1)),
        "area": rng.uniform(0, 50, N),
        "part": PART,
    }


def run(folder, columns, outputs=("y",), *, activation="sigmoid", attributes=None, **dataset):
    """Prepare columns of a file; return the manifest and its path."""
    folder.mkdir(exist_ok=True)
    variables = {
        name: ("sample", values, (attributes or {}).get(name, {}))
        for name, values in columns.items()
    }
    xr.Dataset(variables).to_netcdf(folder / "data.nc")
    outputs = [{"name": each} if isinstance(each, str) else each for each in outputs]
    dataset = {
        "inputs": [{"name": "a", "transform": "none"}],
        "outputs": [
            {"transform": "none", "weight": 1, "missing": "drop"} | each for each in outputs
        ],
        "sample_weight": None,
        "max_dropped": 0.05,
        "constant_features": "refuse",
        **dataset,
    }
    source = read_headers(
        [str(folder / "data.nc")],
        ["a", *(entry["name"] for entry in outputs)],
        ["sample"],
        "part",
        weight_variable=dataset["sample_weight"],
    )
    place = folder / "prepare"
    manifest = prepare(source, dataset, SPLIT, output_activation=activation, seed=1, folder=place)
    return manifest, place / "manifest.json"


def masked(name):
    return {"name": name, "missing": "mask"}


def order(path, split, manifest, columns, rows):
    """Return where the prepared samples of a split are among its rows in the file."""
    feature = manifest["inputs"][0]
    found = load_split(path, split)[0][:, 0] * feature["std"] + feature["mean"]
    distances = np.abs(found[:, None] - columns["a"][rows])
    assert distances.min(axis=1).max() < 1e-3
    return rows[distances.argmin(axis=1)]


def test_weights_have_the_mean_1_and_stay_with_their_samples(tmp_path, columns):
    columns["y"][[3, 450]] = np.nan  # rows that are dropped have no part in the mean
    manifest, path = run(tmp_path, columns, sample_weight="area")
    assert manifest["sample_weight"] == "area"
    used = np.setdiff1d(TRAINING, [3])
    mean = columns["area"][used].mean()
    for split, rows in (("training", used), ("validation", VALIDATION), ("test", TEST)):
        weights = load_weights(path, split)
        assert weights.dtype == np.float32 and weights.shape == (manifest["splits"][split], 1)
        expected = columns["area"][order(path, split, manifest, columns, rows)] / mean
        np.testing.assert_allclose(weights[:, 0], expected, rtol=1e-5)
    assert load_weights(path, "training").mean() == pytest.approx(1)


def test_weights_change_no_split_and_no_scaling(tmp_path, columns):
    plain, path = run(tmp_path / "plain", columns)
    weighed, other = run(tmp_path / "weighed", columns, sample_weight="area")
    for split in plain["splits"]:
        for one, another in zip(load_split(path, split), load_split(other, split), strict=True):
            np.testing.assert_array_equal(one, another)
    assert plain["inputs"] == weighed["inputs"] and plain["outputs"] == weighed["outputs"]
    assert plain["data_hash"] != weighed["data_hash"]
    assert load_weights(path, "training") is None
    assert not list(path.parent.glob("*_weights.npy"))


def test_other_weights_are_other_data(tmp_path, columns):
    one, _ = run(tmp_path / "one", columns, sample_weight="area")
    columns["area"][5] += 1
    other, _ = run(tmp_path / "other", columns, sample_weight="area")
    assert one["data_hash"] != other["data_hash"]


def test_a_damaged_weight_is_one_sentence(tmp_path, columns):
    _, path = run(tmp_path, columns, sample_weight="area")
    file = path.parent / "validation_weights.npy"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=r"validation_weights\.npy is damaged .* delete"):
        load_weights(path, "validation")


@pytest.mark.parametrize(
    ("rows", "value", "fragments"),
    [
        ([7, 9], -1.0, ["'area' is negative in 2 rows", "sample index 7"]),
        ([7], np.nan, ["'area' is missing or not finite in 1 rows", "sample index 7"]),
        ([450], np.inf, ["'area' is missing or not finite", "sample index 450"]),
        (slice(None), 0.0, ["'area' is 0 in all samples of the training split"]),
        (VALIDATION, 0.0, ["'area' is 0 in all samples of the validation split"]),
    ],
)
def test_weights_that_make_no_sense_are_one_sentence(tmp_path, columns, rows, value, fragments):
    columns["area"][rows] = value
    with pytest.raises(UserError) as error:
        run(tmp_path, columns, sample_weight="area")
    for fragment in ("dataset.sample_weight", *fragments):
        assert fragment in str(error.value)


def test_weights_of_rows_that_are_dropped_may_be_missing(tmp_path, columns):
    columns["area"][[7, 8]] = np.nan, -1
    columns["y"][[7, 8]] = np.nan
    manifest, _ = run(tmp_path, columns, sample_weight="area")
    assert manifest["splits"]["training"] == 398


@pytest.mark.parametrize(
    ("variable", "fragment"),
    [
        ("aera", "no variable 'aera', which the config names under dataset.sample_weight"),
        ("levels", "has the dimension 'level' besides those of the samples"),
        ("text", "the dataset.sample_weight, is not numeric"),
    ],
)
def test_a_variable_that_cannot_be_weights_is_told_by_the_header(tmp_path, variable, fragment):
    xr.Dataset(
        {
            "a": ("sample", np.arange(4.0)),
            "levels": (("sample", "level"), np.ones((4, 2))),
            "text": ("sample", np.array(["a", "b", "c", "d"])),
        }
    ).to_netcdf(tmp_path / "data.nc")
    with pytest.raises(UserError, match=fragment):
        read_headers([str(tmp_path / "data.nc")], ["a"], ["sample"], weight_variable=variable)


def test_weights_of_outputs_are_in_the_manifest_unless_they_are_1(tmp_path, columns):
    manifest, path = run(tmp_path, columns, [{"name": "y", "weight": 3.0}, "z"])
    assert [output.get("weight") for output in manifest["outputs"]] == [3.0, None]
    loss = load_training_data(path, Objective(is_weighed=True)).loss
    assert loss.combine([1.0, 5.0]) == pytest.approx((3 + 5) / 4)


def test_a_masked_value_leaves_its_row_and_the_scaling_in(tmp_path, columns):
    before, _ = run(tmp_path / "before", columns, ["z", "y"], activation="linear")
    known = columns["y"].copy()
    missing = np.r_[3:203, 450:460]
    columns["y"][missing] = np.nan
    columns["y"][9] = np.inf
    options = {"activation": "linear", "outputs": ["z", masked("y")]}
    manifest, path = run(tmp_path / "after", columns, **options)
    assert manifest["n_rows_used"] == N and manifest["dropped"] == []
    z, y = manifest["outputs"]
    assert z == before["outputs"][0]
    assert (y["missing"], y["n_missing"]) == (
        "mask",
        {"training": 200, "validation": 10, "test": 0},
    )
    own = np.setdiff1d(TRAINING, missing)
    assert y["mean"] == pytest.approx(known[own].mean(), rel=1e-5)
    assert y["std"] == pytest.approx(known[own].std(), rel=1e-5)
    assert (y["min"], y["max"]) == (known[own].min(), known[own].max())
    targets = load_split(path, "training")[1]
    rows = order(path, "training", manifest, columns, TRAINING)
    np.testing.assert_array_equal(np.isnan(targets[:, 1]), np.isin(rows, missing))
    assert np.isfinite(targets[:, 0]).all()
    assert np.nanmean(targets[:, 1]) == pytest.approx(0, abs=1e-5)


def test_a_row_without_any_output_is_dropped(tmp_path, columns):
    columns["y"][:20], columns["z"][10:30] = np.nan, np.nan
    manifest, _ = run(tmp_path, columns, [masked("y"), masked("z")])
    assert manifest["splits"]["training"] == 390
    [dropped] = manifest["dropped"]
    assert (dropped["feature"], dropped["rows"]) == ("each output", 10)
    assert manifest["outputs"][0]["n_missing"]["training"] == 10


def test_a_row_whose_masked_output_is_outside_a_transforms_domain_is_dropped(tmp_path, columns):
    columns["y"][[1, 2]] = np.nan, -1
    outputs = [{"name": "y", "missing": "mask", "transform": "log10"}, "z"]
    manifest, _ = run(tmp_path, columns, outputs, activation="linear")
    [dropped] = manifest["dropped"]
    assert (dropped["reason"], dropped["rows"]) == ("not above 0, as log10 needs", 1)
    assert manifest["outputs"][0]["n_missing"]["training"] == 1


@pytest.mark.parametrize(("rows", "split"), [(VALIDATION, "validation"), (TRAINING, "training")])
def test_an_output_without_a_value_in_a_split_is_one_sentence(tmp_path, columns, rows, split):
    columns["y"][rows] = np.nan
    with pytest.raises(UserError, match=f"'y' has no value that counts in the {split} split"):
        run(tmp_path, columns, [masked("y"), "z"])


def test_values_of_samples_without_weight_do_not_count(tmp_path, columns):
    columns["y"][VALIDATION[1:]], columns["area"][VALIDATION[0]] = np.nan, 0
    with pytest.raises(UserError, match="'y' has no value that counts in the validation split"):
        run(tmp_path, columns, [masked("y"), "z"], sample_weight="area")
    # As many values, of a sample that counts.
    columns["y"][VALIDATION[1]] = 0.5
    _, path = run(tmp_path, columns, [masked("y"), "z"], sample_weight="area")
    where = np.flatnonzero(np.isfinite(load_split(path, "validation")[1][:, 0]))
    weights = load_weights(path, "validation")[where, 0]
    if weights[0] == 0:
        with pytest.raises(UserError, match="'y' has no value that counts"):
            subset(path, fraction=0.5, n_validation=int(where[0]) + 1, batch_size=1)
    assert sorted(weights > 0) == [False, True]


def test_a_masked_output_must_be_within_0_and_1_with_a_sigmoid_where_it_is_there(tmp_path, columns):
    columns["y"][[1, 5]] = np.nan, 1.5
    with pytest.raises(UserError, match=r"'y' has 1 values outside \[0, 1\]"):
        run(tmp_path, columns, [masked("y"), "z"])


def test_the_sample_of_the_test_split_has_gaps_where_the_file_has_them(tmp_path, columns):
    columns["y"][TEST[:30]] = np.nan
    _, path = run(tmp_path, columns, [masked("y"), "z"])
    _, outputs = load_test_sample(path)
    assert np.isnan(outputs[:, 0]).sum() == 30 and np.isfinite(outputs[:, 1]).all()


FLAGS = {"kind": {"flag_values": np.array([-1, 2, 7, 9]), "flag_meanings": "ice rain snow hail"}}


def test_classes_are_targets_of_0_and_1_with_the_names_of_the_file(tmp_path, columns):
    options = {"activation": "softmax", "attributes": FLAGS}
    manifest, path = run(tmp_path, columns, ["kind"], **options)
    assert [output["name"] for output in manifest["outputs"]] == [
        "kind[ice]",
        "kind[rain]",
        "kind[snow]",
    ]
    assert [output["class"] for output in manifest["outputs"]] == [-1, 2, 7]
    for split, rows in (("training", TRAINING), ("test", TEST)):
        targets = load_split(path, split)[1]
        kinds = columns["kind"][order(path, split, manifest, columns, rows)]
        np.testing.assert_array_equal(targets, (kinds[:, None] == [-1, 2, 7]).astype(np.float32))
    inputs, outputs = load_test_sample(path)
    kinds = np.where(inputs[:, 0] > 280, 2, np.where(inputs[:, 0] > 270, 7, -1))
    np.testing.assert_array_equal(outputs, kinds[:, None] == [-1, 2, 7])


def test_classes_without_names_have_their_numbers(tmp_path, columns):
    manifest, path = run(tmp_path, columns, ["kind"], activation="softmax", sample_weight="area")
    names = ["kind[-1]", "kind[2]", "kind[7]"]
    assert [output["name"] for output in manifest["outputs"]] == names
    data = load_training_data(path, Objective("cross_entropy", is_weighed=True))
    assert data.tensors.training_targets.shape == (400, 3)
    weights = data.tensors.validation_weights.numpy()
    shares = (data.tensors.validation_targets.numpy() * weights).sum(axis=0) / weights.sum()
    assert data.constant_losses == pytest.approx([-(shares * np.log(shares)).sum()], rel=1e-5)


@pytest.mark.parametrize(
    ("rows", "value", "fragments"),
    [
        ([5], 1.5, ["output 'kind' is 1.5", "sample index 5", "integers"]),
        (VALIDATION, 2, ["the validation split has no sample of class ice"]),
        ([450], 9, ["the training split has no sample of class hail"]),
        (slice(None), 2, ["same value in all training samples: 'kind'"]),
        ([5], 2.0**25, ["output 'kind' is", "integers up to 16,777,216"]),
    ],
)
def test_what_makes_no_classes_is_one_sentence(tmp_path, columns, rows, value, fragments):
    columns["kind"] = columns["kind"].astype(float)
    columns["kind"][rows] = value
    with pytest.raises(UserError) as error:
        run(tmp_path, columns, ["kind"], activation="softmax", attributes=FLAGS)
    for fragment in fragments:
        assert fragment in str(error.value)


def test_classes_with_other_names_in_another_file_are_one_sentence(tmp_path, columns):
    files = []
    for part, meanings in enumerate(("ice rain snow hail", "ice snow rain hail")):
        files.append(str(tmp_path / f"{part}.nc"))
        kind = ("sample", columns["kind"], FLAGS["kind"] | {"flag_meanings": meanings})
        xr.Dataset({"a": ("sample", columns["a"]), "kind": kind}).to_netcdf(files[-1])
    source = read_headers(files, ["a", "kind"], ["sample"])
    found = Columns.find(
        source,
        {
            "inputs": [{"name": "a", "transform": "none"}],
            "outputs": [{"name": "kind", "transform": "none"}],
        },
    )
    with pytest.raises(UserError, match=r"1\.nc: output 'kind' has other flag_values and flag_"):
        Classes(source, found)


def test_too_many_classes_are_one_sentence(tmp_path, columns, monkeypatch):
    monkeypatch.setattr("twostep.data.classes.MOST_CLASSES", 2)
    with pytest.raises(UserError, match="more than 2 different values, which are no classes"):
        run(tmp_path, columns, ["kind"], activation="softmax")


def test_a_subset_has_the_first_weights_and_classes(tmp_path, columns):
    options = {"activation": "softmax", "sample_weight": "area"}
    _, path = run(tmp_path, columns, ["kind"], **options)
    rows = subset(path, fraction=0.5, n_validation=30, batch_size=10)
    write_folder(tmp_path / "subset", rows, {"sample_weight": "area"})
    for split, n_rows in (("training", 200), ("validation", 30)):
        small = load_weights(tmp_path / "subset/manifest.json", split)
        np.testing.assert_array_equal(small, load_weights(path, split)[:n_rows])


def test_a_subset_in_which_nothing_counts_is_one_sentence(tmp_path, columns):
    columns["y"][TRAINING[2:]] = np.nan
    _, path = run(tmp_path / "masked", columns, [masked("y"), "z"])
    where = int(np.flatnonzero(np.isfinite(load_split(path, "training")[1][:, 0]))[0])
    with pytest.raises(UserError, match=r"'y' has no value that counts in .* search\.fractions"):
        subset(path, fraction=where / 400, n_validation=30, batch_size=1)
    columns["area"][VALIDATION[1:]] = 0
    columns["y"] = columns["z"]
    _, path = run(tmp_path / "weighed", columns, sample_weight="area")
    where = int(np.flatnonzero(load_weights(path, "validation"))[0])
    with pytest.raises(UserError, match=r"weights of samples are 0 in .* search\.n_validation"):
        subset(path, fraction=0.5, n_validation=where, batch_size=1)


def test_a_plain_study_has_the_variances_as_the_loss_of_a_constant(tmp_path, columns):
    _, path = run(tmp_path, columns)
    data = load_training_data(path, PLAIN)
    assert data.constant_losses == pytest.approx([columns["y"][VALIDATION].var()])
    absolute = load_training_data(path, Objective("mae"))
    y = columns["y"][VALIDATION]
    expected = np.abs(y - np.median(y)).mean()
    assert absolute.constant_losses == pytest.approx([expected], rel=1e-2)
    assert math.isfinite(absolute.loss.combine(absolute.constant_losses))
