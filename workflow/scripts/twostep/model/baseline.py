"""What the networks have to beat: a constant and a linear regression."""

from functools import partial

import numpy as np

from twostep.data.arrays import chunks, load_split
from twostep.model.metrics import CHUNK, flatten_errors, mean_squared_errors, measure_errors
from twostep.util.files import read_json


def fit_linear(inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Fit a linear regression by the normal equations, accumulated over chunks of rows.

    Parameters
    ----------
    inputs : (n_samples, n_inputs), standardised
    targets : (n_samples, n_outputs), units of the loss

    Returns
    -------
    coefficients : (n_inputs + 1, n_outputs), the intercept last
    """
    n_inputs = inputs.shape[1]
    products = np.zeros((n_inputs + 1, n_inputs + 1))
    moments = np.zeros((n_inputs + 1, targets.shape[1]))
    for rows in chunks(len(inputs), CHUNK):
        design = _design(inputs[rows])
        products += design.T @ design
        moments += design.T @ targets[rows].astype(np.float64)
    # Least squares rather than a solver: collinear inputs make the products singular.
    return np.linalg.lstsq(products, moments, rcond=None)[0]


def baselines(manifest: str, name: str) -> list[dict]:
    """Return the errors of the baselines on the data of a folder, one table row a baseline.

    Both are fitted on the folder's training split: `constant` predicts the training mean,
    `linear` is a linear regression. Losses are in the units of the loss, the other errors on the
    test split, if the folder has one, in physical units.
    """
    description = read_json(manifest)
    outputs = description["outputs"]
    clip = description["output_activation"] == "sigmoid"
    inputs, targets = load_split(manifest, "training")
    constant = np.zeros((inputs.shape[1] + 1, targets.shape[1]))
    constant[-1] = targets.mean(axis=0, dtype=np.float64)
    rows = []
    for model, coefficients in (("constant", constant), ("linear", fit_linear(inputs, targets))):
        predict = partial(_predict, coefficients=coefficients, clip=clip)
        losses = mean_squared_errors(predict, *load_split(manifest, "validation"))
        row = {"data": name, "model": model, "val_loss": float(losses.mean())}
        for output, loss in zip(outputs, losses, strict=True):
            row[f"val_loss[{output['name']}]"] = float(loss)
        if "test" in description["splits"]:
            errors = measure_errors(predict, *load_split(manifest, "test"), outputs)
            row |= flatten_errors(errors, [output["name"] for output in outputs])
        rows.append(row)
    return rows


def _predict(inputs: np.ndarray, *, coefficients: np.ndarray, clip: bool) -> np.ndarray:
    prediction = _design(inputs) @ coefficients
    return prediction.clip(0, 1) if clip else prediction


def _design(inputs: np.ndarray) -> np.ndarray:
    """Return the inputs in float64 with a column of ones."""
    return np.column_stack([inputs.astype(np.float64), np.ones(len(inputs))])
