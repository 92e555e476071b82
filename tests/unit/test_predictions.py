"""The predictions of the selected model: their file, and the figures made from it."""

import dataclasses
import math

import hard_studies
import numpy as np
import pytest
import synthetic_study as made_up
import xarray as xr
from test_inference import write_model

from twostep.data.arrays import Rows, write_folder
from twostep.data.test_sample import TestSample, load_test_sample, write_test_sample
from twostep.data.transforms import standardise, to_physical
from twostep.figures.errors import draw_errors_by_input
from twostep.figures.predicted import draw_predicted
from twostep.model.model import load_model
from twostep.model.predictions import read_predictions, write_predictions
from twostep.util.errors import UserError
from twostep.util.files import write_json

MODEL = {"trial": 3, "seed": 1}


@pytest.fixture(scope="module")
def predictions():
    return made_up.predictions()


def artist(axes, gid):
    (found,) = [child for child in axes.get_children() if child.get_gid() == gid]
    return found


# The file


def test_what_is_written_is_read_again(tmp_path, predictions):
    path = tmp_path / "predictions.nc"
    write_predictions(path, predictions, MODEL)
    again = read_predictions(path)
    for part in ("input", "true", "predicted"):
        assert (getattr(again, part) == getattr(predictions, part)).all()
    assert [feature["name"] for feature in again.inputs] == [f"x{i}" for i in range(10)]
    assert again.outputs == predictions.outputs
    assert again.n_test == 15_000


def test_variables_have_names_units_and_long_names(tmp_path, predictions):
    path = tmp_path / "predictions.nc"
    write_predictions(path, predictions, MODEL)
    with xr.open_dataset(path) as data:
        assert data.sizes == {"sample": 4000}
        assert data["input_x3"].attrs["units"] == "K"
        assert data["input_x3"].attrs["long_name"] == "input 3"
        assert data["predicted_fn[coarse]"].attrs["feature"] == "fn[coarse]"
        assert data["true_fn[coarse]"].to_numpy() == pytest.approx(predictions.true[:, 1])
        assert (data.attrs["trial"], data.attrs["seed"]) == (3, 1)


def test_names_that_netcdf_does_not_take_are_kept_as_attributes(tmp_path, predictions):
    inputs = [dict(feature) for feature in predictions.inputs]
    inputs[0]["name"], inputs[1]["name"] = "a/b", "a_b"
    path = tmp_path / "predictions.nc"
    write_predictions(path, dataclasses.replace(predictions, inputs=inputs), MODEL)
    assert [feature["name"] for feature in read_predictions(path).inputs[:2]] == ["a/b", "a_b"]


def test_the_same_predictions_give_the_same_bytes(tmp_path, predictions):
    for name in ("a.nc", "b.nc"):
        write_predictions(tmp_path / name, predictions, MODEL)
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no NetCDF file", None])
def test_a_damaged_file_is_named(tmp_path, predictions, content):
    path = tmp_path / "predictions.nc"
    write_predictions(path, predictions, MODEL)
    path.write_bytes(path.read_bytes()[:20_000] if content is None else content)
    with pytest.raises(UserError, match=r"predictions\.nc is damaged"):
        read_predictions(path)


def test_the_script_predicts_with_the_selected_model(tmp_path):
    from predict import main

    random = np.random.default_rng(1)
    description = made_up.manifest()
    description["outputs"][0] |= {"transform": "log10", "mean": 1.0, "std": 0.5}
    columns = (len(description["inputs"]), len(description["outputs"]))
    splits = {
        split: Rows(
            n_rows,
            columns,
            [tuple(random.uniform(size=(n_rows, n)).astype(np.float32) for n in columns)],
        )
        for split, n_rows in (("training", 5), ("validation", 5), ("test", 300))
    }
    kept = {key: value for key, value in description.items() if key not in ("splits", "data_hash")}
    raw = random.uniform(size=(200, sum(columns)))
    raw[7, -2:] = 0.0
    kept["test_sample"] = {"rows": len(raw)}
    write_folder(tmp_path, splits, kept, write_test_sample(tmp_path, raw))
    path = write_model(tmp_path / "model.pt", (8, 4), trial=3)
    study = made_up.study()
    study.selection.assign(model=[str(tmp_path / "other.pt"), path]).to_csv(
        tmp_path / "selection.csv", index=False
    )
    output = tmp_path / "predictions.nc"
    manifest = str(tmp_path / "manifest.json")
    main(
        models=[str(tmp_path / "other.pt"), path],
        manifest=manifest,
        selection=str(tmp_path / "selection.csv"),
        output=str(output),
        threads=1,
    )
    found = read_predictions(output)
    assert (found.input == raw[:, : columns[0]]).all()
    assert (found.true == raw[:, columns[0] :]).all()
    scaled = load_model(path).predict_scaled(standardise(found.input, description["inputs"]))
    assert (found.predicted == to_physical(scaled, description["outputs"])).all()
    assert found.predicted[:, 0] == pytest.approx(10 ** (1 + 0.5 * scaled[:, 0]))
    assert found.n_test == 300


# The sample of the test split


TEST = 2


def draw(rows, splits, sizes):
    """Return the sample of rows that come in pieces of these sizes."""
    sample = TestSample((2, 1), seed=1)
    for piece, of_piece in zip(
        np.split(rows, np.cumsum(sizes)), np.split(splits, np.cumsum(sizes)), strict=True
    ):
        sample.add([piece[:, :2], piece[:, 2:]], of_piece)
    return sample.rows()


def test_the_sample_is_of_the_test_split_and_depends_on_no_pieces(monkeypatch):
    monkeypatch.setattr("twostep.data.test_sample.MOST_ROWS", 50)
    rows = np.arange(3000.0).reshape(1000, 3)
    splits = np.random.default_rng(0).integers(-1, 3, 1000)
    sample = draw(rows, splits, [])
    assert sample.shape == (50, 3)
    numbers = (sample[:, 0] / 3).astype(int)
    assert (rows[numbers] == sample).all() and (splits[numbers] == TEST).all()
    # In random order, each row once.
    assert len(set(numbers)) == 50 and not (np.diff(numbers) > 0).all()
    for sizes in ([1, 1, 300], [999], [10] * 50):
        np.testing.assert_array_equal(draw(rows, splits, sizes), sample)


def test_a_row_that_cannot_be_used_changes_no_other_one(monkeypatch):
    monkeypatch.setattr("twostep.data.test_sample.MOST_ROWS", 50)
    rows = np.arange(3000.0).reshape(1000, 3)
    splits = np.full(1000, TEST)
    before = draw(rows, splits, [])
    splits[int(before[3, 0] / 3)] = -1
    after = draw(rows, splits, [])
    np.testing.assert_array_equal(after[:-1], np.delete(before, 3, axis=0))


def test_a_sample_of_few_rows_is_all_of_them():
    rows = np.arange(30.0).reshape(10, 3)
    sample = draw(rows, np.array([TEST] * 4 + [0] * 6), [3])
    np.testing.assert_array_equal(sample[sample[:, 0].argsort()], rows[:4])
    assert draw(rows, np.zeros(10, int), [3]).shape == (0, 3)


def test_wide_rows_make_a_smaller_sample(monkeypatch):
    monkeypatch.setattr("twostep.data.test_sample.MOST_VALUES", 8000)
    rows = np.ones((5000, 3))
    assert len(draw(rows, np.full(5000, TEST), [])) == 2000


@pytest.mark.parametrize(
    "damage", ["cut", "changed", "missing", "bytes in another order", "header"]
)
def test_a_sample_that_is_not_as_it_was_written_is_named(tmp_path, damage):
    checksums = write_test_sample(tmp_path, np.arange(30.0).reshape(10, 3))
    manifest = tmp_path / "manifest.json"
    description = {"test_sample": {"rows": 10}, "checksums": checksums, "inputs": [{}, {}]}
    write_json(manifest, description)
    inputs, outputs = load_test_sample(manifest)
    assert inputs.shape == (10, 2) and outputs[:, 0].tolist() == list(range(2, 30, 3))
    path = tmp_path / "test_sample.npy"
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "bytes in another order":
        path.write_bytes(content.replace(b"<f8", b">f8"))
    elif damage == "header":
        path.write_bytes(content.replace(b"(10", b"h10"))
    else:
        path.write_bytes(content[:-8] if damage == "cut" else content[:-1] + b"x")
    with pytest.raises(UserError, match=r"test_sample\.npy .* delete .*manifest\.json"):
        load_test_sample(manifest)


# Predicted against true


def test_each_output_has_its_histograms_and_errors_in_numbers(predictions):
    figure = draw_predicted(predictions, model="a model")
    upper, lower = figure.axes[:2], figure.axes[2:4]
    for i, name in enumerate(made_up.OUTPUTS):
        error = predictions.error[:, i]
        rmse = math.sqrt((error**2).mean())
        r2 = 1 - (error**2).mean() / predictions.true[:, i].var()
        assert upper[i].get_title("left") == f"{name}\nR² {r2:.4f}\nRMSE {rmse:.3g}"
        counts = artist(upper[i], "samples").get_array()
        assert counts.sum() == 4000
        assert artist(upper[i], "samples").get_rasterized()
        assert upper[i].get_xlim() == upper[i].get_ylim()
        assert lower[i].get_xlabel() == "True"
    assert lower[0].get_ylabel() == "Predicted minus true"
    assert figure.get_suptitle() == "a model\n4,000 of 15,000 test samples"


def test_of_many_outputs_the_worst_are_shown():
    predictions = made_up.predictions(n_outputs=11)
    figure = draw_predicted(predictions, model="a model")
    titles = {axes.get_title("left").split("\n")[0] for axes in figure.axes} - {""}
    assert titles == {f"y{i}" for i in range(3, 11)}
    assert "the 8 of 11 outputs with the lowest R²" in figure.get_suptitle()


def test_a_single_output_fills_a_column():
    figure = draw_predicted(made_up.predictions(n_outputs=1), model="a model")
    assert figure.get_size_inches()[0] == 3.5
    assert len(figure.axes) == 3


def test_an_absurd_error_squeezes_nothing_and_is_counted(predictions):
    predicted = predictions.predicted.copy()
    predicted[7, 0] = 1e9
    changed = dataclasses.replace(predictions, predicted=predicted)
    upper, _, lower, *_ = draw_predicted(changed, model="a model").axes
    assert lower.get_ylim()[1] < 2
    assert upper.get_ylim()[1] < 3
    assert lower.get_title("left") == "1 outside"


def test_an_output_that_was_learned_as_logarithm_has_logarithmic_axes(predictions):
    outputs = [predictions.outputs[0] | {"transform": "log10", "units": "cm-3"}]
    changed = dataclasses.replace(
        predictions,
        outputs=outputs,
        true=predictions.true[:, :1],
        predicted=np.abs(predictions.predicted[:, :1]) + 1e-3,
    )
    upper, lower, _ = draw_predicted(changed, model="a model").axes
    assert (upper.get_xscale(), upper.get_yscale()) == ("log", "log")
    assert (lower.get_xscale(), lower.get_yscale()) == ("log", "linear")
    assert lower.get_xlabel() == "True (cm-3)"
    assert upper.get_ylabel() == "Predicted (cm-3)"


@pytest.mark.parametrize(("units", "labels"), [("K K", ["K", ""]), ("K Pa", ["K", "Pa"])])
def test_a_unit_that_outputs_share_stands_once(units, labels):
    predictions = made_up.predictions(n_outputs=2)
    outputs = [
        output | {"units": unit}
        for output, unit in zip(predictions.outputs, units.split(), strict=True)
    ]
    changed = dataclasses.replace(predictions, outputs=outputs)
    lower = draw_predicted(changed, model="a model").axes[2:4]
    assert [axes.get_ylabel() for axes in lower] == [
        f"Predicted minus true ({label})" if label else "" for label in labels
    ]


def logarithmic(predictions, predicted):
    outputs = [output | {"transform": "log10"} for output in predictions.outputs]
    return dataclasses.replace(predictions, outputs=outputs, predicted=predicted)


def test_on_logarithmic_axes_what_underflowed_or_is_far_below_is_out_of_sight(predictions):
    predicted = np.abs(predictions.predicted) + 1e-3
    predicted[3, 0], predicted[9, 0], predicted[10, 0] = 0, 1e-30, 1e300
    upper = draw_predicted(logarithmic(predictions, predicted), model="a model").axes[0]
    low, high = upper.get_ylim()
    assert 1e-9 < low <= predictions.true[:, 0].min()
    assert predictions.true[:, 0].max() <= high < 1e6
    assert artist(upper, "samples").get_array().sum() == 4000 - 3


def test_an_output_that_does_not_vary_has_no_r2_and_no_part_in_the_error(predictions):
    true = predictions.true.copy()
    # The standard deviation of 4,000 times 0.1 is not 0.
    true[:, 1] = 0.1
    assert true[:, 1].std() > 0
    changed = dataclasses.replace(predictions, true=true)
    title = draw_predicted(changed, model="a model").axes[1].get_title("left")
    assert "\nR² not defined\n" in title
    rms = artist(draw_errors_by_input(changed, model="a model").axes[0], "rms").get_ydata()
    expected = math.sqrt((changed.error[:, 0] ** 2).mean()) / true[:, 0].std()
    assert math.sqrt((rms**2).mean()) == pytest.approx(expected)


def test_an_output_without_finite_predictions_is_named(predictions):
    predicted = predictions.predicted.copy()
    predicted[:, 1] = np.inf
    figure = draw_predicted(dataclasses.replace(predictions, predicted=predicted), model="a model")
    assert "\nR² 0.9" in figure.axes[0].get_title("left")
    assert figure.axes[1].get_title("left") == "fn[coarse]\nno prediction is finite"
    figure.draw_without_rendering()


@pytest.mark.parametrize("reason", ["one sample", "constant outputs", "no finite predictions"])
def test_where_there_is_no_error_over_the_inputs_a_sentence_says_why(predictions, reason):
    n_rows = 1 if reason == "one sample" else 400
    true, predicted = predictions.true[:n_rows].copy(), predictions.predicted[:n_rows].copy()
    if reason == "constant outputs":
        true[:] = 0.1
    if reason == "no finite predictions":
        predicted[:] = np.nan
    changed = dataclasses.replace(
        predictions, input=predictions.input[:n_rows], true=true, predicted=predicted
    )
    (text,) = draw_errors_by_input(changed, model="a model").texts
    assert text.get_gid() == "nothing" and "look at the test data" in text.get_text()
    draw_predicted(changed, model="a model").draw_without_rendering()


def test_an_output_that_is_constant_and_predicted_exactly_is_drawn(predictions):
    constant = np.full_like(predictions.true, 7.0)
    changed = dataclasses.replace(predictions, true=constant, predicted=constant)
    figure = draw_predicted(changed, model="a model")
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_xlim()
    assert low < 7 < high
    assert artist(figure.axes[2], "samples").get_array().sum() == 4000


def test_long_names_keep_their_ends_and_small_values_have_a_power_of_ten_in_the_label():
    _, predictions = hard_studies.many_features()
    figure = draw_predicted(predictions, model="a model")
    titles = [axes.get_title("left") for axes in figure.axes if axes.get_title("left")]
    assert len(titles) == len(set(titles)) == 8
    assert any(title.split("\n")[0].endswith("[59]") for title in titles)
    assert "10^{-4}$ K s-1" in figure.axes[8].get_xlabel() + figure.axes[4].get_xlabel()
    errors = draw_errors_by_input(predictions, model="a model")
    labels = [axes.get_xlabel() for axes in errors.axes if axes.get_xlabel()]
    assert len(labels) == len(set(labels)) == 24


# Errors over the inputs


def test_the_error_over_the_first_input_shows_where_the_model_fails(predictions):
    figure = draw_errors_by_input(predictions, model="a model")
    first, second = figure.axes[:2]
    for axes, factor in ((first, 4), (second, 0)):
        line = artist(axes, "rms")
        x, y = line.get_xdata(), line.get_ydata()
        assert len(x) == 20
        low, high = y[x < 0.15].mean(), y[x > 0.25].mean()
        assert low > factor * high
    # The root mean square of all is that of the bins, which are equally full.
    spread = predictions.true.std(axis=0)
    rms = math.sqrt(((predictions.error / spread) ** 2).mean())
    assert math.sqrt((artist(first, "rms").get_ydata() ** 2).mean()) == pytest.approx(rms)
    assert first.get_xlabel() == "x0 (K)"
    assert figure.get_supylabel() == "Error / standard deviation of the output"


def test_the_median_of_a_bin_is_that_of_its_samples(predictions):
    spread = predictions.true.std(axis=0)
    error = np.sqrt(((predictions.error / spread) ** 2).mean(axis=1))
    axes = draw_errors_by_input(predictions, model="a model").axes[0]
    smallest = np.argsort(predictions.input[:, 0])[:200]
    assert artist(axes, "median").get_ydata()[0] == pytest.approx(np.median(error[smallest]))


def test_of_many_inputs_those_that_matter_most_are_shown():
    figure = draw_errors_by_input(made_up.predictions(n_inputs=30), model="a model")
    panels = [axes for axes in figure.axes if axes.get_xlabel()]
    assert len(panels) == 24
    assert panels[0].get_xlabel() == "x0 (K)"
    assert "the 24 of 30 inputs along which the error varies most" in figure.get_suptitle()


def test_an_input_with_few_values_and_few_samples_are_drawn(predictions):
    few = dataclasses.replace(
        predictions,
        input=np.round(predictions.input[:40]),
        true=predictions.true[:40],
        predicted=predictions.predicted[:40],
    )
    axes = draw_errors_by_input(few, model="a model").axes[0]
    assert len(artist(axes, "rms").get_xdata()) == 1


def test_a_single_bin_is_a_visible_point_with_its_band(predictions):
    few = dataclasses.replace(
        predictions,
        input=predictions.input[:30],
        true=predictions.true[:30],
        predicted=predictions.predicted[:30],
    )
    axes = draw_errors_by_input(few, model="a model").axes[0]
    assert artist(axes, "rms").get_marker() == "."
    assert len(axes.collections) == 2


def test_errors_of_zero_leave_the_others_in_sight(predictions):
    predicted = np.where(np.arange(4000)[:, None] % 2, predictions.true, predictions.predicted)
    figure = draw_errors_by_input(
        dataclasses.replace(predictions, predicted=predicted), model="a model"
    )
    figure.draw_without_rendering()
    bottom, top = figure.axes[0].get_ylim()
    assert 1e-7 < bottom < 0.1 < top < 10


def test_figures_leave_out_true_values_that_are_missing(predictions):
    """A sample that lacks an output is in the panels of the others."""
    true = predictions.true.copy()
    true[::3, 0] = math.nan
    gaps = dataclasses.replace(predictions, true=true)
    figure = draw_predicted(gaps, model="m")
    whole = draw_predicted(predictions, model="m")
    counts, all_counts = (
        [artist(axes, "samples").get_array().sum() for axes in drawn.axes[:2]]
        for drawn in (figure, whole)
    )
    assert counts[0] <= 2 / 3 * all_counts[0] + 1
    assert counts[1] == all_counts[1]
    kept = np.delete(np.arange(len(true)), np.s_[::3])
    part = dataclasses.replace(
        predictions,
        input=predictions.input[kept],
        true=true[kept],
        predicted=predictions.predicted[kept],
    )
    title, title_of_part = (
        draw_predicted(drawn, model="m").axes[0].get_title(loc="left") for drawn in (gaps, part)
    )
    assert title == title_of_part
    errors = draw_errors_by_input(gaps, model="m")
    assert "4,000 test samples" in errors.get_suptitle()
