"""The data of a folder as the trainer takes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from twostep.arrays import CHUNK, load_split
from twostep.files import read_json
from twostep.training import TrainingData


@dataclass(frozen=True)
class Dataset:
    """The training and validation split of a folder, ready for training.

    `content` is the hash of the folder's content. `validation_variances` are the variances of
    the outputs over the validation split, in the units of the loss: the loss of a network that
    predicts a constant.
    """

    tensors: TrainingData
    content: str
    input_names: list[str]
    output_names: list[str]
    validation_variances: list[float]


def load_dataset(manifest: str | Path) -> Dataset:
    """Load the training and validation split of the folder whose manifest is given."""
    description = read_json(manifest)
    training = load_split(manifest, "training")
    validation = load_split(manifest, "validation")
    return Dataset(
        tensors=TrainingData(*(torch.from_numpy(array) for array in (*training, *validation))),
        content=description["content"],
        input_names=[feature["name"] for feature in description["inputs"]],
        output_names=[feature["name"] for feature in description["outputs"]],
        validation_variances=_variances(validation[1]),
    )


def _variances(targets: np.ndarray) -> list[float]:
    """Return the variance of each column without a copy of them all in double precision."""
    mean = targets.mean(axis=0, dtype=np.float64)
    pieces = np.array_split(targets, -(-len(targets) // CHUNK))
    return (sum(((piece - mean) ** 2).sum(axis=0) for piece in pieces) / len(targets)).tolist()
