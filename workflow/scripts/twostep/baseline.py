"""What the networks have to beat: a constant and a linear regression."""

import numpy as np

from twostep.arrays import load_split
from twostep.files import read_json

# Rows taken at a time, which bounds the memory of float64 copies.
CHUNK = 65536


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
    for start in range(0, len(inputs), CHUNK):
        design = _design(inputs[start : start + CHUNK])
        products += design.T @ design
        moments += design.T @ targets[start : start + CHUNK].astype(np.float64)
    # Least squares rather than a solver: collinear inputs make the products singular.
    return np.linalg.lstsq(products, moments, rcond=None)[0]


def squared_error(
    coefficients: np.ndarray, inputs: np.ndarray, targets: np.ndarray, *, clip: bool
) -> np.ndarray:
    """Return the mean squared error of each output; with `clip`, predictions stay in [0, 1]."""
    total = np.zeros(targets.shape[1])
    for start in range(0, len(inputs), CHUNK):
        prediction = _design(inputs[start : start + CHUNK]) @ coefficients
        if clip:
            prediction = prediction.clip(0, 1)
        total += ((prediction - targets[start : start + CHUNK]) ** 2).sum(axis=0)
    return total / len(inputs)


def baselines(manifest: str, name: str) -> list[dict]:
    """Return the losses of the baselines on the data of a folder, one table row a baseline.

    Both are fitted on the folder's training split: `constant` predicts the training mean,
    `linear` is a linear regression. The test loss is None for a folder without a test split.
    """
    description = read_json(manifest)
    clip = description["output_activation"] == "sigmoid"
    inputs, targets = load_split(manifest, "training")
    constant = np.zeros((inputs.shape[1] + 1, targets.shape[1]))
    constant[-1] = targets.mean(axis=0, dtype=np.float64)
    rows = []
    for model, coefficients in (("constant", constant), ("linear", fit_linear(inputs, targets))):
        losses = {
            split: squared_error(coefficients, *load_split(manifest, split), clip=clip)
            for split in ("validation", "test")
            if split in description["splits"]
        }
        rows.append(
            {
                "data": name,
                "model": model,
                "val_loss": float(losses["validation"].mean()),
                "test_loss": float(losses["test"].mean()) if "test" in losses else None,
                **{
                    f"val_loss[{output['name']}]": float(loss)
                    for output, loss in zip(
                        description["outputs"], losses["validation"], strict=True
                    )
                },
            }
        )
    return rows


def _design(inputs: np.ndarray) -> np.ndarray:
    """Return the inputs in float64 with a column of ones."""
    return np.column_stack([inputs.astype(np.float64), np.ones(len(inputs))])
