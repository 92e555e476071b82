"""The data of a folder as the trainer takes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from twostep.data.arrays import CHUNK, load_split
from twostep.training.train import Tensors
from twostep.util.files import read_json


@dataclass(frozen=True)
class TrainingData:
    """The training and validation split of a folder, ready for training.

    `hash` is the data hash of the folder. `validation_variances` are the variances of the outputs
    over the validation split, in the units of the loss: the loss of a network that predicts a
    constant.
    """

    tensors: Tensors
    hash: str
    input_names: list[str]
    output_names: list[str]
    validation_variances: list[float]


def load_training_data(manifest: str | Path) -> TrainingData:
    """Load the training and validation split of the folder whose manifest is given."""
    description = read_json(manifest)
    training = load_split(manifest, "training")
    validation = load_split(manifest, "validation")
    return TrainingData(
        tensors=Tensors(*(torch.from_numpy(array) for array in (*training, *validation))),
        hash=description["data_hash"],
        input_names=[feature["name"] for feature in description["inputs"]],
        output_names=[feature["name"] for feature in description["outputs"]],
        validation_variances=_variances(validation[1]),
    )


def _variances(targets: np.ndarray) -> list[float]:
    """Return the variance of each column without a copy of them all in double precision."""
    mean = targets.mean(axis=0, dtype=np.float64)
    pieces = np.array_split(targets, -(-len(targets) // CHUNK))
    return (sum(((piece - mean) ** 2).sum(axis=0) for piece in pieces) / len(targets)).tolist()
