"""Networks of the user's own for tests: a file with batch normalisation and dropout, and data."""

from pathlib import Path

import torch

from twostep.training.configuration import Configuration
from twostep.training.data import TrainingData
from twostep.training.network_file import read_network_file
from twostep.training.own_network import OwnNetworks
from twostep.training.train import Tensors

SOURCE = '''"""A network with batch normalisation and dropout."""

from torch import nn


def build(hyperparameters, inputs, n_outputs):
    """Return the network."""
    n_inputs = sum(variable.columns.stop - variable.columns.start for variable in inputs)
    width = hyperparameters["width"]
    return nn.Sequential(
        nn.Linear(n_inputs, width),
        nn.BatchNorm1d(width),
        nn.Tanh(),
        nn.Dropout(hyperparameters["share"]),
        nn.Linear(width, n_outputs),
    )
'''
# Three inputs and two outputs.
MANIFEST = {
    "inputs": [
        {"name": "t[0]", "variable": "t"},
        {"name": "t[1]", "variable": "t"},
        {"name": "q", "variable": "q"},
    ],
    "outputs": [{"name": "product"}, {"name": "copy"}],
    "variables": {
        "t": {"dimensions": ["level"], "shape": [2]},
        "q": {"dimensions": [], "shape": []},
    },
}
HYPERPARAMETERS = (("share", 0.2), ("width", 8))
CONFIGURATION = Configuration(
    hidden_widths=(),
    learning_rate=0.01,
    batch_size=32,
    activation="",
    optimizer="adam",
    weight_decay=0.0,
    dropout=0.0,
    hyperparameters=HYPERPARAMETERS,
)


def write_network(folder: Path, source: str = SOURCE, name: str = "network.py") -> Path:
    """Write the file of a network."""
    path = folder / name
    path.write_text(source)
    return path


def make_networks(folder: Path, source: str = SOURCE) -> OwnNetworks:
    """Return the networks of a file for the data of the manifest."""
    return OwnNetworks.of(read_network_file(write_network(folder, source)), MANIFEST)


def make_tensors(n_train: int = 200) -> Tensors:
    """Return data with three inputs and two outputs."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(n_train + 100, 3, generator=generator)
    targets = torch.stack([inputs[:, 0] * inputs[:, 1], inputs[:, 2]], 1)
    return Tensors(inputs[:n_train], targets[:n_train], inputs[n_train:], targets[n_train:])


def make_data(n_train: int = 200) -> TrainingData:
    """Return the same as the trainer takes it."""
    tensors = make_tensors(n_train)
    return TrainingData(
        tensors,
        hash="hash of the data",
        input_names=["t[0]", "t[1]", "q"],
        output_names=["product", "copy"],
        constant_losses=tensors.validation_targets.var(0).tolist(),
    )
