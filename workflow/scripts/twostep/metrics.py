"""Error measures of a model on a split, in physical units."""

import math

import numpy as np

from twostep.arrays import load_split
from twostep.model import Model, load_model
from twostep.records import METRICS


def evaluate(model: Model, inputs: np.ndarray, targets: np.ndarray) -> dict:
    """Return a model's errors on a split.

    Parameters
    ----------
    model : the model
    inputs, targets : (n_samples, n_inputs) and (n_samples, n_outputs), as prepared

    Returns
    -------
    dict with `n_test`, `test_loss` (mean squared error in the units of the loss), the means over
    the outputs of `mse`, `rmse`, `mae` (physical units) and `r2` under `overall`, and the same
    for each output under `per_output`.
    """
    error = model.predict_scaled(inputs) - targets
    variance = targets.var(axis=0, dtype=np.float64)
    per_output = {}
    for i, output in enumerate(model.outputs):
        loss, scale = float(np.mean(error[:, i] ** 2)), output["std"]
        per_output[output["name"]] = {
            "mse": loss * scale**2,
            "rmse": math.sqrt(loss) * scale,
            "mae": float(np.mean(np.abs(error[:, i]))) * scale,
            "r2": 1 - loss / float(variance[i]),
        }
    return {
        "n_test": len(targets),
        "test_loss": float(np.mean(error**2)),
        "overall": {
            metric: math.fsum(values[metric] for values in per_output.values()) / len(per_output)
            for metric in METRICS
        },
        "per_output": per_output,
    }


def evaluate_file(model: str, record: dict, manifest: str) -> dict:
    """Return the errors of a saved model on the test split of the folder with this manifest.

    A trial that failed before its first epoch ended has no weights, and so no errors.
    """
    inputs, targets = load_split(manifest, "test")
    if record["best_epoch"] is None:
        return {"n_test": len(targets), "test_loss": None, "overall": {}, "per_output": {}}
    return evaluate(load_model(model), inputs, targets)
