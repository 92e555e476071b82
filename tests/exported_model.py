"""Trained models of all kinds, made up, with the data that their export is checked on."""

from collections.abc import Mapping, Sequence
from math import erf
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from twostep.data.arrays import Rows, write_folder
from twostep.export.export import export_model
from twostep.model.model import load_model, save_model
from twostep.training.configuration import Configuration
from twostep.training.network import build_network

# One of each transform, not next to its like, and ranges of several orders of magnitude.
INPUTS = [
    {"name": "tair", "units": "K", "transform": "none", "mean": 280.0, "std": 17.0},
    {"name": "num[a]", "units": "cm-3", "transform": "log10", "mean": 2.5, "std": 0.9},
    {"name": "rain", "units": "mm h-1", "transform": "log1p", "mean": 0.8, "std": 0.7},
    {"name": "num[b]", "units": "cm-3", "transform": "log10", "mean": -3.0, "std": 1.5},
    {"name": "cloud", "units": "1", "transform": "logit", "mean": 0.0, "std": 2.0},
]
# An input that is not scaled, between others, and an image with a profile as its target.
UNSCALED = {"name": "kind", "units": "1", "transform": "none", "mean": 0.0, "std": 1.0}
WITH_UNSCALED = {"inputs": [INPUTS[1], UNSCALED | {"scale": "none"}, INPUTS[0]]}
PIXELS = [INPUTS[0] | {"name": f"image[{i},{j}]"} for i in range(28) for j in range(28)]
IMAGE = {"inputs": PIXELS, "outputs": ["none"] * 60, "hidden_widths": (40,)}
OUTPUTS = {
    "none": {"name": "fn", "units": "1", "transform": "none", "mean": 300.0, "std": 50.0},
    "log10": {"name": "rate", "units": "kg s-1", "transform": "log10", "mean": -9.0, "std": 0.8},
    "log1p": {"name": "snow", "units": "mm", "transform": "log1p", "mean": 0.5, "std": 0.6},
    "logit": {"name": "share", "units": "1", "transform": "logit", "mean": -1.0, "std": 1.5},
}
NAMES = {
    "onnx": "model.onnx",
    "pt2": "model.pt2",
    "torchscript": "model.pt",
    "text": "model.txt",
    "reference": "reference.csv",
    "card": "model_card.md",
}
N_ROWS = 700


def features(chosen: Sequence[dict], *, is_scaled: bool = True) -> list[dict]:
    """Return features as a manifest has them; those for a sigmoid are not scaled."""
    plain = {} if is_scaled else {"mean": 0.0, "std": 1.0}
    added = {"variable": "v", "long_name": "a  quantity", "min": 0.25, "max": 3.5}
    return [{**feature, **plain, **added} for feature in chosen]


def save_made_up(
    folder: Path,
    *,
    activation: str = "relu",
    output_activation: str = "linear",
    outputs: Sequence[str] = ("none",),
    inputs: Sequence[dict] = tuple(INPUTS),
    hidden_widths: tuple[int, ...] = (12, 7),
    dropout: float = 0.2,
    further: Mapping = MappingProxyType({}),
    has_weights: bool = True,
) -> tuple[Path, Path]:
    """Save a model with random weights, and test data; return the paths of it and its manifest."""
    configuration = Configuration(
        hidden_widths, 1e-3, 32, activation, "adam", 0.0, dropout, **further
    )
    n_inputs, n_outputs = len(inputs), len(outputs)
    torch.manual_seed(0)
    network = build_network(configuration, n_inputs, n_outputs, output_activation)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.uniform_(-0.5, 0.5)
    is_scaled = output_activation == "linear"
    random = np.random.default_rng(1)
    scaled = random.normal(size=(N_ROWS, n_inputs)), random.uniform(size=(N_ROWS, n_outputs))
    arrays = [array.astype(np.float32) for array in scaled]
    manifest = write_folder(
        folder,
        {split: Rows.first(N_ROWS, *arrays) for split in ("training", "validation", "test")},
        {
            "inputs": features(inputs),
            "outputs": features([OUTPUTS[name] for name in outputs], is_scaled=is_scaled),
            "output_activation": output_activation,
            "constant_features": [],
            "variables": {"v": {"dimensions": [], "shape": []}},
            "n_rows_read": 2200,
            "doubts": [],
            "split": {"method": "random", "variable": None, "n_units": None},
        },
    )
    record = {
        "trial": 17,
        "seed": 3,
        "status": "ok" if has_weights else "killed",
        "message": "" if has_weights else "killed by SIGKILL 2 times",
        "configuration": configuration.to_dict(),
        "n_parameters": configuration.count_parameters(n_inputs, n_outputs),
        "n_operations": configuration.count_operations(n_inputs, n_outputs),
        "epochs": 9,
        "best_epoch": 7,
        "min_val_loss": 0.0123,
    }
    weights = network.state_dict() if has_weights else {}
    save_model(
        folder / "trained.pt",
        record=record,
        timing={"torch": "2.13.0"},
        weights=weights,
        manifest=manifest,
    )
    return folder / "trained.pt", folder / "manifest.json"


def export(model: Path, manifest: Path, folder: Path) -> dict[str, float]:
    """Export a model into a folder with a plain card; return the differences."""
    files = {key: str(folder / name) for key, name in NAMES.items()}
    return export_model(model, str(manifest), "made_up", files, lambda *_: "a card")


def physical_inputs(n_samples: int = 300, inputs: Sequence[dict] = tuple(INPUTS)) -> np.ndarray:
    """Return inputs in physical units within some three standard deviations."""
    scaled = np.random.default_rng(2).normal(size=(n_samples, len(inputs)))
    inverses = {
        "none": lambda y: y,
        "log10": lambda y: 10**y,
        "log1p": np.expm1,
        "logit": lambda y: 1 / (1 + np.exp(-y)),
    }
    columns = [
        inverses[feature["transform"]](column * feature["std"] + feature["mean"])
        for feature, column in zip(inputs, scaled.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def activate(activation: str, x: np.ndarray) -> np.ndarray:
    """Return an activation of the sums of a layer, in float64."""
    return {
        "relu": lambda x: np.where(x > 0, x, 0 * x),
        "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
        "gelu": lambda x: x * (1 + np.vectorize(erf)(x / 2**0.5)) / 2,
        "silu": lambda x: x / (1 + np.exp(-x)),
        "tanh": np.tanh,
        "leaky_relu": lambda x: np.where(x > 0, x, x / 100),
    }[activation](x)


def compute_by_hand(model: Path, inputs: np.ndarray) -> np.ndarray:
    """Return the outputs for physical inputs, all in float64, from the saved weights alone."""
    content = torch.load(model, weights_only=True)
    transforms = {"none": lambda x: x, "log10": np.log10, "log1p": np.log1p}
    transforms["logit"] = lambda x: np.log(x / (1 - x))
    columns = [
        (transforms[feature["transform"]](column) - feature["mean"]) / feature["std"]
        for feature, column in zip(content["inputs"], inputs.T, strict=True)
    ]
    values = np.stack(columns, axis=1)
    activation = content["record"]["configuration"]["activation"]
    weights = [tensor.double().numpy() for tensor in content["weights"].values()]
    for i in range(0, len(weights), 2):
        values = values @ weights[i].T + weights[i + 1]
        if i + 2 < len(weights):
            values = activate(activation, values)
    if content["output_activation"] == "sigmoid":
        values = 1 / (1 + np.exp(-values))
    elif content["output_activation"] == "softmax":
        values = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    inverses = {"none": lambda y: y, "log10": lambda y: 10.0**y}
    inverses |= {"log1p": lambda y: np.exp(y) - 1, "logit": lambda y: np.exp(y) / (1 + np.exp(y))}
    return np.stack(
        [
            inverses[feature["transform"]](column * feature["std"] + feature["mean"])
            for feature, column in zip(content["outputs"], values.T, strict=True)
        ],
        axis=1,
    )


def assert_same(outputs: np.ndarray, expected: np.ndarray) -> None:
    """Assert that outputs differ by no more than is promised."""
    assert outputs.shape == expected.shape and outputs.dtype == np.float64
    assert np.isfinite(expected).all() and (expected.std(axis=0) > 0).all()
    size = np.maximum(np.abs(expected), expected.std(axis=0))
    assert (np.abs(outputs - expected) / size).max() <= 1e-5


def predict(model: Path, inputs: np.ndarray) -> np.ndarray:
    """Return what the trained network says."""
    return load_model(model).predict(inputs)
