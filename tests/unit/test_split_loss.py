"""The errors of predictions on a split: each loss as training has it, with weights and gaps."""

import math

import numpy as np
import pytest
import torch
from scipy.special import expit, softmax

from twostep.data.arrays import Rows, write_folder
from twostep.model.baseline import baselines, fit_logistic
from twostep.model.class_metrics import measure_class_errors
from twostep.model.metrics import block_losses, mean_losses, measure_errors, unit_losses
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.losses import LOSSES
from twostep.training.objective import PLAIN, Objective
from twostep.util.files import read_json

OUTPUTS = [
    {"name": name, "transform": "none", "mean": 0.0, "std": 1.0, "weight": weight}
    for name, weight in (("y", 3.0), ("z", 1.0))
]


def unchanged(values):
    return values


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_that_of_the_training(name):
    """From probabilities here, from the sums of the last layer there."""
    random = np.random.default_rng(0)
    sums = random.normal(size=(50, 3)) * 4
    targets = random.uniform(size=(50, 3))
    predicted = sums
    if name == "binary_cross_entropy":
        predicted = expit(sums)
    elif name == "cross_entropy":
        predicted, targets = softmax(sums, axis=1), np.eye(3)[targets.argmax(axis=1)]
    objective = Objective(name, 0.7 if name == "huber" else 1.0)
    found = SplitLoss.of(objective, OUTPUTS * 2).losses(predicted, targets)
    expected = LOSSES[name](objective).losses(torch.from_numpy(sums), torch.from_numpy(targets))
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "truth"),
    [("binary_cross_entropy", [[1.0, 0.0]]), ("cross_entropy", [[0.0, 1.0]])],
)
def test_a_network_that_is_sure_and_wrong_has_a_finite_loss(name, truth):
    predicted = np.array([[1.0, 0.0]])
    losses = SplitLoss.of(Objective(name), OUTPUTS).losses(predicted, np.array(truth))
    assert np.isfinite(losses).all()
    wrong = SplitLoss.of(Objective(name), OUTPUTS).losses(predicted, 1 - np.array(truth))
    assert losses.sum() != wrong.sum()


# Missing: the second y; the weights are 1, 2 and 3.
PREDICTED = np.array([[1.0, 0.0], [9.0, 1.0], [2.0, 4.0]])
TARGETS = np.array([[0.0, 0.0], [math.nan, 3.0], [4.0, 1.0]])
WEIGHTS = np.array([[1.0], [2.0], [3.0]])


def test_errors_with_weights_and_gaps_by_hand():
    objective = Objective("mae", is_weighed=True)
    split = Split(PREDICTED, TARGETS, WEIGHTS)
    loss = SplitLoss.of(objective, OUTPUTS)
    result = measure_errors(unchanged, split, loss, OUTPUTS)
    y, z = result["per_output"]["y"], result["per_output"]["z"]
    assert (y["mae"], z["mae"]) == (pytest.approx(7 / 4), pytest.approx(13 / 6))
    assert (y["mse"], z["mse"]) == (pytest.approx(13 / 4), pytest.approx(35 / 6))
    variance = (0 + 3 * 16) / 4 - 3.0**2
    assert y["r2"] == pytest.approx(1 - y["mse"] / variance)
    assert result["test_loss"] == pytest.approx((3 * 7 / 4 + 13 / 6) / 4)
    assert result["test_loss"] == pytest.approx(loss.combine(mean_losses(unchanged, split, loss)))
    assert result["overall"]["mae"] == pytest.approx((7 / 4 + 13 / 6) / 2)
    assert result["n_test"] == 3


@pytest.mark.parametrize("by_units", [False, True])
def test_the_parts_of_a_loss_with_weights_and_gaps_have_it_as_their_mean(monkeypatch, by_units):
    monkeypatch.setattr("twostep.model.metrics.CHUNK", 7)
    random = np.random.default_rng(0)
    predicted, targets = random.normal(size=(2, 100, 2))
    targets[random.uniform(size=targets.shape) < 0.3] = math.nan
    split = Split(predicted, targets, random.uniform(size=(100, 1)))
    loss = SplitLoss.of(Objective(is_weighed=True), OUTPUTS)
    if by_units:
        parts = unit_losses(unchanged, split, loss, np.repeat(np.arange(20), 5), 50)
    else:
        parts = block_losses(unchanged, split, loss, 20)
    mean = loss.combine(mean_losses(unchanged, split, loss))
    assert len(parts) == 20
    assert parts.mean() == pytest.approx(mean)
    # Weights of 1 without gaps are as good as none.
    whole = Split(predicted, np.nan_to_num(targets), np.ones((100, 1)))
    even = SplitLoss.of(Objective(is_weighed=True), [{}, {}])
    unweighed = Split(predicted, whole.targets)
    plain = block_losses(unchanged, unweighed, SplitLoss.of(PLAIN, [{}, {}]), 9)
    np.testing.assert_allclose(block_losses(unchanged, whole, even, 9), plain)


def test_errors_of_classes_by_hand():
    predicted = np.array([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.3, 0.3, 0.4]])
    split = Split(predicted, np.eye(3)[[0, 0, 2]], np.array([[1.0], [1.0], [2.0]]))
    loss = SplitLoss.of(Objective("cross_entropy", is_weighed=True), OUTPUTS)
    found = measure_class_errors(unchanged, split, loss)
    assert found["accuracy"] == pytest.approx(3 / 4)
    logs = np.log([0.7, 0.4, 0.4, 0.4])
    assert found["log_loss"] == pytest.approx(-logs.mean())
    squares = [0.09 + 0.04 + 0.01, 0.36 + 0.25 + 0.01, *[0.09 + 0.09 + 0.36] * 2]
    assert found["brier"] == pytest.approx(np.mean(squares))


def test_errors_of_events_by_hand():
    predicted = np.array([[0.9, 0.4], [0.6, 0.4], [0.2, 0.8]])
    targets = np.array([[1.0, 0.0], [0.0, 1.0], [math.nan, 1.0]])
    loss = SplitLoss.of(Objective("binary_cross_entropy", is_weighed=True), OUTPUTS)
    found = measure_class_errors(unchanged, Split(predicted, targets), loss)
    # Means over the outputs, whatever their weights in the loss.
    assert found["accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    logs = np.log([0.9, 0.4]).mean() + np.log([0.6, 0.4, 0.8]).mean()
    assert found["log_loss"] == pytest.approx(-logs / 2)
    brier = np.mean([0.01, 0.36]) + np.mean([0.16, 0.36, 0.04])
    assert found["brier"] == pytest.approx(brier / 2)


def write(folder, inputs, targets, weights=None, activation="linear", **output):
    """Write a folder whose three splits are the same samples."""
    names = [f"y{i}" for i in range(targets.shape[1])]
    outputs = [
        {"name": name, "transform": "none", "mean": 0.0, "std": 1.0, **output} for name in names
    ]
    description = {"inputs": [{"name": "x"}], "outputs": outputs, "output_activation": activation}
    arrays = [array.astype(np.float32) for array in (inputs, targets)]
    if weights is not None:
        arrays.append(weights.astype(np.float32))
        description["sample_weight"] = "area"
    splits = ("training", "validation", "test")
    write_folder(folder, {split: Rows.first(len(inputs), *arrays) for split in splits}, description)
    return str(folder / "manifest.json")


def test_baselines_of_absolute_errors_start_from_the_median(tmp_path):
    inputs = np.arange(5.0)[:, None]
    targets = np.array([[0.0], [0.0], [1.0], [2.0], [100.0]])
    manifest = write(tmp_path, inputs, targets)
    constant, linear = baselines(manifest, "all", Objective("mae"))
    assert (constant["model"], linear["model"]) == ("constant", "linear")
    assert constant["val_loss"] == pytest.approx(np.abs(targets - 1).mean())
    assert constant["test_loss"] == pytest.approx(constant["val_loss"])


def test_a_regression_with_weights_and_gaps_is_fitted_to_what_counts(tmp_path):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(200, 1))
    targets = np.concatenate([2 * inputs + 1, -inputs], axis=1)
    weights = np.ones((200, 1))
    # What does not count would spoil it.
    targets[::3], weights[::3] = 50.0, 0.0
    targets[1::3, 1] = math.nan
    manifest = write(tmp_path, inputs, targets, weights, missing="mask")
    _, linear = baselines(manifest, "all", Objective(is_weighed=True))
    assert linear["val_loss"] < 1e-9
    assert linear["test_r2[y0]"] == pytest.approx(1)
    assert linear["test_mse[y1]"] < 1e-9


def test_classes_that_a_line_divides_have_a_finite_regression(tmp_path):
    inputs = np.random.default_rng(0).normal(size=(400, 1))
    targets = np.concatenate([inputs > 0, inputs <= 0], axis=1)
    manifest = write(tmp_path, inputs, targets, activation="softmax")
    _, logistic = baselines(manifest, "all", Objective("cross_entropy"))
    assert logistic["test_accuracy"] > 0.98
    assert 0.001 < logistic["test_log_loss"] < 0.2


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "cross_entropy"])
def test_cross_entropies_have_a_logistic_regression(tmp_path, loss):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(20_000, 1))
    truth = expit(2 * inputs - 1)
    event = (random.uniform(size=truth.shape) < truth).astype(float)
    is_binary = loss == "binary_cross_entropy"
    targets = event if is_binary else np.concatenate([event, 1 - event], axis=1)
    activation = "sigmoid" if is_binary else "softmax"
    manifest = write(tmp_path, inputs, targets, activation=activation)
    constant, logistic = baselines(manifest, "all", Objective(loss))
    assert logistic["model"] == "logistic"
    entropy = -(truth * np.log(truth) + (1 - truth) * np.log(1 - truth)).mean()
    assert logistic["val_loss"] == pytest.approx(entropy, rel=0.02)
    share = event.mean()
    assert constant["test_accuracy"] == pytest.approx(max(share, 1 - share))
    assert logistic["test_accuracy"] > constant["test_accuracy"]
    assert logistic["test_log_loss"] == pytest.approx(logistic["test_loss"])
    assert constant["val_loss"] == pytest.approx(
        -share * math.log(share) - (1 - share) * math.log(1 - share), rel=1e-5
    )
    # The loss of classes is one of all outputs.
    assert (logistic["val_loss[y0]"] is None) == (not is_binary)
    assert read_json(manifest)["output_activation"] == activation


def test_a_class_that_no_sample_has_gets_a_small_probability():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(400, 2))
    targets = np.eye(3)[np.where(inputs[:, 0] > 0, 2, 0)]
    coefficients = fit_logistic(Split(inputs, targets), classes=True)
    sums = inputs @ coefficients[:-1] + coefficients[-1]
    assert (sums.argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.98
    assert softmax(sums, axis=1)[:, 1].max() < 0.01


def test_events_may_be_probabilities():
    random = np.random.default_rng(0)
    inputs = random.normal(size=(2000, 1))
    truth = expit(1.5 * inputs + 0.5)
    coefficients = fit_logistic(Split(inputs, truth), classes=False)
    np.testing.assert_allclose(coefficients[:, 0], [1.5, 0.5], rtol=0.02)
    # One that never takes place, or always, has no regression.
    for value in (0.0, 1.0):
        constant = fit_logistic(Split(inputs, np.full_like(truth, value)), classes=False)
        np.testing.assert_allclose(expit(inputs @ constant[:-1] + constant[-1]), value, atol=0.01)
