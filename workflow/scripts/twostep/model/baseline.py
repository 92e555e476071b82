"""What the networks have to beat: a constant and a regression."""

import math
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import expit, softmax

from twostep.data.arrays import chunks
from twostep.model.class_metrics import measure_class_errors
from twostep.model.metrics import CHUNK, flatten_errors, mean_losses, measure_errors
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.objective import Objective
from twostep.util.files import read_json

# Inputs that a logistic regression is fitted to: its first rows, which are a random sample.
LOGISTIC_VALUES = 10_000_000
MOST_ITERATIONS = 1000
# Rows that tell a median.
MEDIAN_ROWS = 262_144
LINEAR, LOGISTIC = "linear", "logistic"


def fit_constant(split: Split, *, median: bool) -> np.ndarray:
    """Return the weighted mean of each target, or its median without weights, (n_outputs,)."""
    if median:
        return np.nanmedian(split.targets[:MEDIAN_ROWS], axis=0).astype(np.float64)
    total, weight = np.zeros((2, split.targets.shape[1]))
    for rows in chunks(len(split), CHUNK):
        weights = split.weigh(rows)
        total += (weights * np.nan_to_num(split.targets[rows])).sum(axis=0)
        weight += weights.sum(axis=0)
    return total / weight


def fit_linear(split: Split) -> np.ndarray:
    """Fit a linear regression by the normal equations, accumulated over chunks of rows.

    Samples count by their weights, and each output has those samples that it is there in.

    Returns
    -------
    coefficients : (n_inputs + 1, n_outputs), the intercept last
    """
    n_inputs, n_outputs = split.inputs.shape[1], split.targets.shape[1]
    moments = np.zeros((n_inputs + 1, n_outputs))
    # One matrix for all outputs where they have the same samples and weights.
    n_kinds = n_outputs if np.isnan(split.targets).any() else 1
    products = np.zeros((n_kinds, n_inputs + 1, n_inputs + 1))
    for rows in chunks(len(split), CHUNK):
        design, weights = _design(split.inputs[rows]), split.weigh(rows)
        moments += design.T @ (weights * np.nan_to_num(split.targets[rows]))
        for kind in range(n_kinds):
            products[kind] += (design * weights[:, kind : kind + 1]).T @ design
    # Least squares rather than a solver: collinear inputs make the products singular.
    solutions = [
        np.linalg.lstsq(products[kind if n_kinds > 1 else 0], moments[:, kind], rcond=None)[0]
        for kind in range(n_outputs)
    ]
    return np.stack(solutions, axis=1)


def fit_logistic(split: Split, *, classes: bool) -> np.ndarray:
    """Fit scikit-learn's logistic regression, with its default penalty, to a sample of the rows.

    With `classes` the outputs exclude each other, and their probabilities add up to 1. Without the
    penalty, classes that a plane divides would have infinite coefficients.

    Returns
    -------
    coefficients : (n_inputs + 1, n_outputs), the intercept last
    """
    rows = slice(0, max(1000, LOGISTIC_VALUES // split.inputs.shape[1]))
    inputs, weights = split.inputs[rows].astype(np.float64), split.weigh(rows)
    targets = np.nan_to_num(split.targets[rows]).astype(np.float64)
    if classes:
        return _fit_classes(inputs, targets.argmax(axis=1), weights[:, 0], targets.shape[1])
    # A target may be a probability: each sample is an event with one weight, and none with another.
    twice, kinds = np.concatenate([inputs, inputs]), np.repeat([1, 0], len(inputs))
    columns = []
    for target, weight in zip(targets.T, weights.T, strict=True):
        shares = np.concatenate([weight * target, weight * (1 - target)])
        none, event = _fit_classes(twice, kinds, shares, 2).T
        columns.append(event - none)
    return np.stack(columns, axis=1)


def _fit_classes(
    inputs: np.ndarray, classes: np.ndarray, weights: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return the coefficients of each class, (n_inputs + 1, n_classes), from weighed samples.

    `inputs` are (n_samples, n_inputs), `classes` and `weights` (n_samples,). Those of the first of
    two classes are 0. A class that is so rare that no sample has it gets a small probability.
    """
    # Imported here, since scikit-learn is slow to load.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    used = weights > 0
    found = np.unique(classes[used])
    coefficients = np.zeros((inputs.shape[1] + 1, n_classes))
    coefficients[-1] = -math.log(len(inputs))
    coefficients[-1, found] = 0.0
    if len(found) > 1:
        regression = LogisticRegression(max_iter=MOST_ITERATIONS)
        with warnings.catch_warnings():
            # What it has then is a baseline still.
            warnings.simplefilter("ignore", ConvergenceWarning)
            regression.fit(inputs[used], classes[used], weights[used])
        fitted = np.column_stack([regression.coef_, regression.intercept_]).T
        coefficients[:, found[-fitted.shape[1] :]] = fitted
    return coefficients


def baselines(manifest: str, name: str, objective: Objective) -> list[dict]:
    """Return the errors of the baselines on the data of a folder, one table row a baseline.

    Both are fitted on the folder's training split. `constant` predicts the training mean, or the
    median if the loss is the mean absolute error. `linear` is a linear regression, and `logistic`,
    which takes its place for cross-entropies, a logistic one. Losses are those of the `objective`,
    in its units, the other errors on the test split, if the folder has one, in physical units.
    """
    description = read_json(manifest)
    outputs = description["outputs"]
    loss = SplitLoss.of(objective, outputs)
    training, validation = (Split.load(manifest, split) for split in ("training", "validation"))
    rows = []
    for model, predict in _fit(training, objective, description["output_activation"]).items():
        means = mean_losses(predict, validation, loss)
        row = {"data": name, "model": model, "val_loss": loss.combine(means)}
        # There is none by output if the loss is one of all.
        losses = means if loss.by_output else [None] * len(outputs)
        for output, mean in zip(outputs, losses, strict=True):
            row[f"val_loss[{output['name']}]"] = None if mean is None else float(mean)
        if "test" in description["splits"]:
            test = Split.load(manifest, "test")
            errors = measure_errors(predict, test, loss, outputs)
            if loss.of_probabilities:
                errors["overall"] |= measure_class_errors(predict, test, loss)
            row |= flatten_errors(errors, [output["name"] for output in outputs])
        rows.append(row)
    return rows


def _fit(
    training: Split, objective: Objective, output_activation: str
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return the baselines by name, as functions of standardised inputs."""
    constant = np.zeros((training.inputs.shape[1] + 1, training.targets.shape[1]))
    constant[-1] = fit_constant(training, median=objective.loss == "mae")
    to_outputs = _clip if output_activation == "sigmoid" else _unchanged
    found: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    found["constant"] = partial(_predict, coefficients=constant, to_outputs=to_outputs)
    if "cross_entropy" in objective.loss:
        classes = output_activation == "softmax"
        regression, coefficients = LOGISTIC, fit_logistic(training, classes=classes)
        to_outputs = partial(softmax, axis=1) if classes else expit
    else:
        regression, coefficients = LINEAR, fit_linear(training)
    found[regression] = partial(_predict, coefficients=coefficients, to_outputs=to_outputs)
    return found


def _predict(
    inputs: np.ndarray,
    *,
    coefficients: np.ndarray,
    to_outputs: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    return to_outputs(_design(inputs) @ coefficients)


def _clip(prediction: np.ndarray) -> np.ndarray:
    return prediction.clip(0, 1)


def _unchanged(prediction: np.ndarray) -> np.ndarray:
    return prediction


def _design(inputs: np.ndarray) -> np.ndarray:
    """Return the inputs in float64 with a column of ones."""
    return np.column_stack([inputs.astype(np.float64), np.ones(len(inputs))])
