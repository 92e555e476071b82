"""The data of a folder as the trainer takes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from twostep.data.arrays import CHUNK, load_split, load_weights
from twostep.data.missing import MASK
from twostep.training.backpropagation import SQUARED_ERRORS, Loss
from twostep.training.constant import constant_losses
from twostep.training.losses import make_loss
from twostep.training.objective import PLAIN, Objective
from twostep.training.train import Tensors
from twostep.util.files import read_json


@dataclass(frozen=True)
class TrainingData:
    """The training and validation split of a folder, ready for training.

    `hash` is the data hash of the folder. `constant_losses` are the validation losses by output, in
    the units of the loss, of a network that predicts a constant: for the mean squared error, the
    variances. `loss` is what a training minimises, with the weights and masks of these data.
    """

    tensors: Tensors
    hash: str
    input_names: list[str]
    output_names: list[str]
    constant_losses: list[float]
    loss: Loss = SQUARED_ERRORS


def load_training_data(manifest: str | Path, objective: Objective = PLAIN) -> TrainingData:
    """Load the training and validation split of the folder whose manifest is given."""
    description = read_json(manifest)
    training = load_split(manifest, "training")
    validation = load_split(manifest, "validation")
    weights = [_tensor(load_weights(manifest, split)) for split in ("training", "validation")]
    tensors = Tensors(*(torch.from_numpy(array) for array in (*training, *validation)), *weights)
    loss = _loss_of(objective, description["outputs"])
    return TrainingData(
        tensors=tensors,
        hash=description["data_hash"],
        input_names=[feature["name"] for feature in description["inputs"]],
        output_names=[feature["name"] for feature in description["outputs"]],
        constant_losses=_variances(validation[1])
        if loss is SQUARED_ERRORS
        else constant_losses(loss, tensors.validation_targets, tensors.validation_weights),
        loss=loss,
    )


def _tensor(array: np.ndarray | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _loss_of(objective: Objective, outputs: list[dict]) -> Loss:
    """Return the loss with the weights and masks that the manifest's outputs tell."""
    # Only outputs that do not have the default say so.
    weights = [output.get("weight", 1.0) for output in outputs]
    is_masked = any(output.get("missing") == MASK for output in outputs)
    return make_loss(objective, weights if set(weights) != {1.0} else None, is_masked=is_masked)


def _variances(targets: np.ndarray) -> list[float]:
    """Return the variance of each column without a copy of them all in double precision."""
    mean = targets.mean(axis=0, dtype=np.float64)
    pieces = np.array_split(targets, -(-len(targets) // CHUNK))
    return (sum(((piece - mean) ** 2).sum(axis=0) for piece in pieces) / len(targets)).tolist()
