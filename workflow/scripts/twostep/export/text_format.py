"""A trained model as plain text, which any language can read; see docs/model_format.md."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import erf, expit, softmax

from twostep.data.transforms import standardise, to_physical
from twostep.export.layers import Layer, list_layers
from twostep.model.model import Model
from twostep.util.errors import UserError

FIRST_LINE = "twostep_model 1"
# The lines of a feature, in order: those of texts, then those of numbers with their keys.
TEXTS = {"name": "name", "quantity": "long_name", "unit": "units", "transform": "transform"}
NUMBERS = {"range": ("min", "max"), "scaling": ("mean", "std")}
ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: np.float32(0.5) * x * (1 + erf(x / np.float32(np.sqrt(2)))),
    "silu": lambda x: x * expit(x),
    "tanh": np.tanh,
    "leaky_relu": lambda x: np.where(x > 0, x, np.float32(0.01) * x),
    "sigmoid": expit,
    "softmax": lambda x: softmax(x, axis=1),
    "linear": lambda x: x,
}


def write_text_model(path: str | Path, model: Model, metadata: dict[str, str]) -> None:
    """Write a model as text; `metadata`, of one line each, come first."""
    with Path(path).open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _lines(model, metadata))


def _lines(model: Model, metadata: dict[str, str]) -> Iterator[str]:
    yield FIRST_LINE
    yield f"metadata {len(metadata)}"
    for key, value in metadata.items():
        yield f"{key} {_one_line(value)}"
    for role, features in (("inputs", model.inputs), ("outputs", model.outputs)):
        yield f"{role} {len(features)}"
        for feature in features:
            yield from (f"{key} {_one_line(feature[entry])}" for key, entry in TEXTS.items())
            for key, entries in NUMBERS.items():
                yield " ".join([key, *(repr(float(feature[entry])) for entry in entries)])
    layers = list_layers(model.network)
    yield f"layers {len(layers)}"
    for layer in layers:
        n_units, n_inputs = layer.weights.shape
        yield f"layer {n_inputs} {n_units} {layer.activation}"
        for unit in np.column_stack([layer.weights, layer.biases]).tolist():
            # Nine digits tell each number of single precision from all others.
            yield " ".join([f"{number:.9g}" for number in unit])
    yield "end"


def _one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class TextModel:
    """A model read from text. It needs numpy and scipy only."""

    metadata: dict[str, str]
    inputs: list[dict]
    outputs: list[dict]
    layers: list[Layer]

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs), physical units."""
        values = standardise(inputs, self.inputs)
        # NaN is meant to go through; numpy would warn.
        with np.errstate(over="ignore", invalid="ignore"):
            for layer in self.layers:
                values = ACTIVATIONS[layer.activation](values @ layer.weights.T + layer.biases)
            return to_physical(values, self.outputs)


def read_text_model(path: str | Path) -> TextModel:
    """Read a model that `write_text_model` wrote; UserError if it is anything else."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            return _read(line.rstrip("\n") for line in file)
    except (ValueError, StopIteration) as error:
        raise UserError(f"{path} is no whole model in the format {FIRST_LINE!r}") from error


def _read(lines: Iterator[str]) -> TextModel:
    if next(lines) != FIRST_LINE:
        raise ValueError("another format")
    metadata = dict(next(lines).split(" ", 1) for _ in range(int(_value(lines, "metadata"))))
    inputs, outputs = (
        [_read_feature(lines) for _ in range(int(_value(lines, role)))]
        for role in ("inputs", "outputs")
    )
    layers = [_read_layer(lines) for _ in range(int(_value(lines, "layers")))]
    if next(lines) != "end":
        raise ValueError("no end")
    return TextModel(metadata, inputs, outputs, layers)


def _value(lines: Iterator[str], key: str) -> str:
    """Return what follows the key that the next line must begin with."""
    found, _, value = next(lines).partition(" ")
    if found != key:
        raise ValueError(f"{found} instead of {key}")
    return value


def _read_feature(lines: Iterator[str]) -> dict:
    feature: dict = {entry: _value(lines, key) for key, entry in TEXTS.items()}
    for key, entries in NUMBERS.items():
        numbers = map(float, _value(lines, key).split())
        feature |= dict(zip(entries, numbers, strict=True))
    return feature


def _read_layer(lines: Iterator[str]) -> Layer:
    n_inputs, n_units, activation = _value(lines, "layer").split()
    numbers = np.array([next(lines).split() for _ in range(int(n_units))], np.float32)
    if numbers.shape != (int(n_units), int(n_inputs) + 1) or activation not in ACTIVATIONS:
        raise ValueError("a layer of another kind or shape")
    return Layer(numbers[:, :-1], numbers[:, -1], activation)
