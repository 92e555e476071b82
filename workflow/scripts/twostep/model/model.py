"""Trained models on disk: weights together with all that is needed to use them."""

import errno
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from twostep.data.transforms import standardise, to_physical
from twostep.training.configuration import Configuration
from twostep.training.own_network import OwnNetworks
from twostep.training.tensor_file import load_tensors, save_tensors
from twostep.training.train import FULLY_CONNECTED
from twostep.util.errors import UserError
from twostep.util.files import damaged
from twostep.util.text import list_features

PREDICTION_CHUNK = 8192
# What a model takes over from its file as it is.
MODEL_KEYS = ("inputs", "outputs", "record", "timing", "data_hash", "output_activation")


@dataclass(frozen=True)
class Model:
    """A trained network with its scaling: physical units in, physical units out.

    `inputs` and `outputs` describe the features in order, each with `name`, `units`, `long_name`,
    `transform`, `mean` and `std` (transformed), and `min` and `max` (physical units), the range in
    the training data; `record` is the trial's record, and `data_hash` that of the data of its
    training. A network that `is_own` is the user's, followed by the output activation.
    """

    network: nn.Sequential
    inputs: list[dict]
    outputs: list[dict]
    record: dict
    timing: dict
    data_hash: str
    output_activation: str
    is_own: bool = False

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs), physical units.

        A sample with an input outside its transform's domain has outputs that are NaN. Raises
        UserError for inputs of another shape.
        """
        inputs = np.asarray(inputs, dtype=float)
        if inputs.ndim != 2 or inputs.shape[1] != len(self.inputs):
            names = list_features([feature["name"] for feature in self.inputs])
            raise UserError(
                f"inputs have the shape {inputs.shape}, and the model takes (n_samples, "
                f"{len(self.inputs)}), in this order: {names}"
            )
        scaled = self.predict_scaled(standardise(inputs, self.inputs))
        with np.errstate(invalid="ignore"):
            return to_physical(scaled, self.outputs)

    @torch.inference_mode()
    def predict_scaled(self, inputs: np.ndarray) -> np.ndarray:
        """Map standardised inputs to outputs in the units of the loss, float64.

        Inputs have the precision of the network: float32, unless that was changed.
        """
        self.network.eval()
        chunks = torch.from_numpy(inputs).split(PREDICTION_CHUNK)
        return torch.cat([self.network(chunk) for chunk in chunks]).numpy().astype(np.float64)


def save_model(
    path: str | Path,
    *,
    record: dict,
    timing: dict,
    weights: dict[str, Tensor],
    manifest: dict,
    own_networks: OwnNetworks | None = None,
) -> None:
    """Save a trained network with the scaling and names of the data it was trained on.

    The file holds plain values and tensors only: `torch.load(path, weights_only=True)` reads it. Of
    a network of the user's own it holds the source, as text.
    """
    content = {
        "format": 2,
        "record": record,
        "timing": timing,
        "inputs": manifest["inputs"],
        "outputs": manifest["outputs"],
        "output_activation": manifest["output_activation"],
        "data_hash": manifest["data_hash"],
        "weights": weights,
        **({"network": own_networks.to_dict()} if own_networks else {}),
    }
    save_tensors(path, content)


def read_model_file(path: str | Path) -> dict:
    """Read what `save_model` wrote, as plain values and tensors; UserError if it is damaged."""
    try:
        return load_tensors(path)
    except Exception as error:  # torch raises whatever it finds first
        # A damaged table of contents leads to a place before the file's beginning: "invalid".
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise damaged(path) from error


def load_model(path: str | Path, *, run_code: bool = False) -> Model:
    """Load a saved model.

    A network of the user's own is built by the Python code that its file holds, and only with
    `run_code`. Raises UserError without it, or if the trial has no weights because it failed.
    """
    content = read_model_file(path)
    if not content["weights"]:
        raise UserError(f"{path} holds no weights: {content['record']['message']}")
    if "network" in content and not run_code:
        raise UserError(
            f"{path} holds a network of the user's own, and building it runs Python code of the "
            "file: if you trust the file, call load_model(path, run_code=True)"
        )
    own = content.get("network")
    network = build_trained(
        Configuration.from_dict(content["record"]["configuration"]),
        content["weights"],
        n_inputs=len(content["inputs"]),
        n_outputs=len(content["outputs"]),
        output_activation=content["output_activation"],
        own_networks=OwnNetworks.from_dict(own) if own else None,
    )
    return Model(network, **{key: content[key] for key in MODEL_KEYS}, is_own=own is not None)


def build_trained(
    configuration: Configuration,
    weights: dict[str, Tensor],
    *,
    n_inputs: int,
    n_outputs: int,
    output_activation: str,
    own_networks: OwnNetworks | None = None,
) -> nn.Sequential:
    """Return a network with these weights, standardised inputs to outputs in units of the loss."""
    networks = own_networks or FULLY_CONNECTED
    network = networks.build(configuration, n_inputs, n_outputs, output_activation)
    network.load_state_dict(weights)
    return network
