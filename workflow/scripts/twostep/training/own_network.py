"""Networks of the user's own: the only place where a config's Python file is run."""

import functools
import linecache
import math
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from twostep.training.autograd import Autograd
from twostep.training.backpropagation import Loss
from twostep.training.configuration import Configuration, Hyperparameter
from twostep.training.network import OUTPUT_ACTIVATIONS
from twostep.training.network_file import NetworkFile
from twostep.util.errors import UserError
from twostep.util.fingerprint import hash_source


@dataclass(frozen=True)
class InputVariable:
    """A variable among the inputs, as `build` gets it.

    `shape` are the sizes of its further dimensions, () for a scalar, and `columns` are its places
    among the columns of the inputs. A variable of which entries were left out has the shape
    (number of those that are left,).
    """

    name: str
    shape: tuple[int, ...]
    columns: slice


class Hyperparameters(Mapping[str, Hyperparameter]):
    """The hyperparameters that `build` gets; `read` are the names that it has looked at."""

    def __init__(self, values: Mapping[str, Hyperparameter]) -> None:
        self._values = dict(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Hyperparameter:
        if name not in self._values:
            raise UnknownHyperparameterError(name)
        self.read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


class UnknownHyperparameterError(KeyError):
    """`build` asks for a hyperparameter that the space does not have."""


@dataclass(frozen=True)
class OwnNetworks:
    """The networks that a file's `build` makes for inputs in this order.

    They are trained by autograd. A last batch of a single sample is left out, because batch
    normalisation cannot take it.
    """

    file: NetworkFile
    inputs: tuple[InputVariable, ...]
    fewest_rows = 2

    @classmethod
    def of(cls, file: NetworkFile, manifest: dict) -> "OwnNetworks":
        """Return the networks for the inputs of the data with this manifest."""
        return cls(file, tuple(list_inputs(manifest["inputs"], manifest["variables"])))

    @classmethod
    def from_dict(cls, values: dict) -> "OwnNetworks":
        """Rebuild the networks from the mapping that `to_dict` made."""
        inputs = [
            InputVariable(each["name"], tuple(each["shape"]), slice(*each["columns"]))
            for each in values["inputs"]
        ]
        return cls(NetworkFile(values["file"], values["source"]), tuple(inputs))

    def to_dict(self) -> dict:
        """Return a mapping of plain values that holds the source itself."""
        return {
            "file": self.file.path,
            "source": self.file.source,
            "inputs": [
                {
                    "name": each.name,
                    "shape": list(each.shape),
                    "columns": [each.columns.start, each.columns.stop],
                }
                for each in self.inputs
            ],
        }

    def call_build(self, hyperparameters: Mapping[str, Hyperparameter], n_outputs: int) -> object:
        """Return what the file's `build` returns, before any look at it.

        Raises UserError if the file cannot be run or has no `build`.
        """
        build = getattr(run_file(self.file), "build", None)
        if not callable(build):
            raise UserError(
                f"network.file: {self.file.path} has no function `build`: define "
                "build(hyperparameters, inputs, n_outputs), which returns a torch.nn.Module"
            )
        return build(hyperparameters, self.inputs, n_outputs)

    def build(
        self, configuration: Configuration, n_inputs: int, n_outputs: int, output_activation: str
    ) -> nn.Sequential:
        """Return a network with the output activation, (n_samples, n_inputs) -> (.., n_outputs).

        Random draws come from torch's global generator.
        """
        values = Hyperparameters(dict(configuration.hyperparameters or ()))
        module = self.call_build(values, n_outputs)
        assert isinstance(module, nn.Module)  # as `draw` has checked
        return nn.Sequential(module, OUTPUT_ACTIVATIONS[output_activation]())

    def bind(
        self,
        network: nn.Sequential,
        max_rows: int,
        loss: Loss,
        *,
        n_inputs: int,
        n_outputs: int,
        weighed: bool,
    ) -> Autograd:
        """Return what trains a network of these on up to `max_rows` samples at a time."""
        return Autograd(
            network, max_rows, loss, n_inputs=n_inputs, n_outputs=n_outputs, weighed=weighed
        )


def list_inputs(features: list[dict], shapes: dict[str, dict]) -> Iterator[InputVariable]:
    """Yield the variables among the inputs in their order.

    `features` are the inputs of the manifest, and `shapes` its `variables`.
    """
    sizes: dict[str, int] = {}
    for feature in features:
        sizes[feature["variable"]] = sizes.get(feature["variable"], 0) + 1
    first = 0
    for name, size in sizes.items():
        shape = tuple(shapes[name]["shape"])
        is_whole = math.prod(shape) == size
        yield InputVariable(name, shape if is_whole else (size,), slice(first, first + size))
        first += size


def run_file(file: NetworkFile) -> ModuleType:
    """Return the file as a module, whose code runs once in a process.

    Raises UserError if it does not run.
    """
    return _run(file.path, file.source)


@functools.cache
def _run(path: str, source: str) -> ModuleType:
    module = ModuleType(f"network_of_the_user_{hash_source(source)}")
    # Dataclasses look for the module of their class; tracebacks and torch for lines of the source.
    sys.modules[module.__name__] = module
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise UserError(
            f"network.file: {path} cannot be imported: {describe_error(error, path)}"
        ) from error
    return module


def describe_error(error: BaseException, path: str) -> str:
    """Return the kind and the text of an error, and the line of the file that it comes from."""
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == path
    ]
    where = f" (line {lines[-1]} of {Path(path).name})" if lines else ""
    return f"{type(error).__name__}: {error}{where}"


def count_trainable(module: nn.Module) -> int:
    """Return the number of learnable parameters of a module; frozen ones are none."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def count_operations(module: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Return a module's outputs, and the multiply-adds of its products and convolutions."""
    # Imported here, since it is slow to load and only the drawing needs it.
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        outputs = module(inputs)
    # Two floating-point operations each. A network without products has one, for the scales.
    return outputs, max(1, counter.get_total_flops() // 2)
