"""Trained models on disk: weights together with all that is needed to use them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from twostep.checkpoint import load, save
from twostep.errors import UserError
from twostep.files import damaged
from twostep.network import build_network
from twostep.space import Configuration
from twostep.transforms import TRANSFORMS, to_physical
from twostep.trials import Finished

PREDICTION_CHUNK = 8192
# What a model takes over from its file as it is.
MODEL_KEYS = ("inputs", "outputs", "record", "timing", "content", "output_activation")
# What standardised inputs may be, in size: the network computes in single precision.
LARGEST_STANDARDISED = float(np.finfo(np.float32).max)


def standardise(values: np.ndarray, features: list[dict]) -> np.ndarray:
    """Map physical values, (n_samples, n_features), to standardised ones, computed in float64.

    `features` describe the columns, in order, with `transform`, `mean` and `std`. The result is
    float32, and NaN where a value is outside the transform's domain or too large for float32.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        columns = [
            (TRANSFORMS[feature["transform"]].apply(column) - feature["mean"]) / feature["std"]
            for feature, column in zip(features, np.asarray(values, float).T, strict=True)
        ]
        scaled = np.stack(columns, axis=1)
        usable = np.abs(scaled) <= LARGEST_STANDARDISED
        return np.where(usable, scaled, np.nan).astype(np.float32)


@dataclass(frozen=True)
class Model:
    """A trained network with its scaling: physical units in, physical units out.

    `inputs` and `outputs` describe the features in order, each with `name`, `units`, `long_name`,
    `transform`, `mean` and `std` (transformed), and `min` and `max` (physical units), the range in
    the training data; `record` is the trial's record and `content` the hash of the training data.
    """

    network: nn.Module
    inputs: list[dict]
    outputs: list[dict]
    record: dict
    timing: dict
    content: str
    output_activation: str

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs), physical units.

        A sample with an input outside its transform's domain has outputs that are NaN.
        """
        scaled = self.predict_scaled(standardise(inputs, self.inputs))
        with np.errstate(invalid="ignore"):
            return to_physical(scaled, self.outputs)

    @torch.inference_mode()
    def predict_scaled(self, inputs: np.ndarray) -> np.ndarray:
        """Map standardised inputs to outputs in the units of the loss; float32 in, float64 out."""
        self.network.eval()
        chunks = torch.from_numpy(inputs).split(PREDICTION_CHUNK)
        return torch.cat([self.network(chunk) for chunk in chunks]).numpy().astype(np.float64)


def save_model(path: str | Path, finished: Finished, manifest: dict) -> None:
    """Save a finished trial with the scaling and names of the data it was trained on.

    The file holds plain values and tensors only: `torch.load(path, weights_only=True)` reads it.
    """
    content = {
        "format": 1,
        "record": finished.record,
        "timing": finished.timing,
        "inputs": manifest["inputs"],
        "outputs": manifest["outputs"],
        "output_activation": manifest["output_activation"],
        "content": manifest["content"],
        "weights": finished.weights,
    }
    save(path, content)


def load_content(path: str | Path) -> dict:
    """Read what `save_model` wrote, as plain values and tensors; UserError if it is damaged."""
    try:
        return load(path)
    except OSError:
        raise
    except Exception as error:  # torch raises whatever it finds first
        raise damaged(path) from error


def load_model(path: str | Path) -> Model:
    """Load a saved model; raises UserError if the trial has no weights because it failed."""
    content = load_content(path)
    if not content["weights"]:
        raise UserError(f"{path} holds no weights: {content['record']['message']}")
    network = build_network(
        Configuration.from_dict(content["record"]["configuration"]),
        len(content["inputs"]),
        len(content["outputs"]),
        content["output_activation"],
    )
    network.load_state_dict(content["weights"])
    return Model(network, **{key: content[key] for key in MODEL_KEYS})
