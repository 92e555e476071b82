"""What the networks have to beat: a constant and a regression."""

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax

from twostep.data.arrays import chunks
from twostep.model.class_metrics import measure_class_errors
from twostep.model.metrics import CHUNK, flatten_errors, mean_losses, measure_errors
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.objective import Objective
from twostep.util.files import read_json

# Inputs that a logistic regression is fitted to: its first rows, which are a random sample.
LOGISTIC_VALUES = 10_000_000
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
    """Fit a logistic regression to a random sample of the rows by the method of L-BFGS-B.

    With `classes` the outputs exclude each other, and their probabilities add up to 1. Half the sum
    of the squared coefficients, but for the intercepts, is added to the sum of the losses, as
    scikit-learn does by default. Else classes that a plane divides would have infinite ones.

    Returns
    -------
    coefficients : (n_inputs + 1, n_outputs), the intercept last
    """
    rows = slice(0, max(1000, LOGISTIC_VALUES // split.inputs.shape[1]))
    design, weights = _design(split.inputs[rows]), split.weigh(rows)
    targets = np.nan_to_num(split.targets[rows]).astype(np.float64)
    shape = design.shape[1], targets.shape[1]
    is_penalised = np.arange(design.shape[1])[:, None] < design.shape[1] - 1

    def loss_and_gradient(coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        sums = design @ coefficients.reshape(shape)
        if classes:
            losses, slopes = -targets * log_softmax(sums, axis=1), softmax(sums, axis=1) - targets
        else:
            losses, slopes = np.logaddexp(0, sums) - targets * sums, expit(sums) - targets
        penalised = coefficients.reshape(shape) * is_penalised
        total = float((weights * losses).sum() + (penalised**2).sum() / 2)
        gradient = design.T @ (weights * slopes) + penalised
        return total / len(design), gradient.ravel() / len(design)

    found = minimize(loss_and_gradient, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B")
    return found.x.reshape(shape)


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
