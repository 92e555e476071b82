"""A trained network with its scaling as one module of torch, for the formats that are traced."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr

import numpy as np
import torch
from torch import Tensor, nn

from twostep.data.transforms import (
    LARGEST_STANDARDISED,
    group_by_transform,
    original_order,
    scaling_of,
)
from twostep.model.model import Model

TRANSFORMS = {
    "none": lambda x: x,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "logit": lambda x: torch.log(x) - torch.log1p(-x),
}
INVERSES = {
    "none": lambda y: y,
    "log10": lambda y: torch.pow(10.0, y),
    "log1p": torch.expm1,
    "logit": torch.sigmoid,
}
# Of the tracing: another number than 1, for which shapes may be told apart.
N_SAMPLES = 2


class PhysicalNetwork(nn.Module):
    """A network with its scaling, (n_samples, n_inputs) -> (n_samples, n_outputs), float64.

    All is in buffers, so that it moves to another device with the network.
    """

    input_mean: Tensor
    input_std: Tensor
    output_mean: Tensor
    output_std: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = nn.Sequential(
            *(module for module in model.network if not isinstance(module, nn.Dropout))
        )
        self._groups = {}
        for role, features in (("input", model.inputs), ("output", model.outputs)):
            mean, std = scaling_of(features)
            self.register_buffer(f"{role}_mean", torch.from_numpy(mean))
            self.register_buffer(f"{role}_std", torch.from_numpy(std))
            groups = group_by_transform(features)
            self._groups[role] = list(groups)
            for transform, indices in groups.items():
                self.register_buffer(f"{role}_columns_{transform}", torch.tensor(indices))
            self.register_buffer(f"{role}_order", torch.tensor(original_order(groups)))

    def forward(self, inputs: Tensor) -> Tensor:
        transformed = self._by_group(inputs.to(torch.float64), "input", TRANSFORMS)
        standardised = (transformed - self.input_mean) / self.input_std
        is_valid = (torch.abs(standardised) <= LARGEST_STANDARDISED).all(dim=1, keepdim=True)
        scaled = self.network(standardised.to(torch.float32)).to(torch.float64)
        outputs = self._by_group(scaled * self.output_std + self.output_mean, "output", INVERSES)
        return torch.where(is_valid, outputs, torch.full_like(outputs, torch.nan))

    def _by_group(self, values: Tensor, role: str, functions: dict) -> Tensor:
        groups = self._groups[role]
        if len(groups) == 1:
            return functions[groups[0]](values)
        parts = [
            functions[name](values.index_select(1, getattr(self, f"{role}_columns_{name}")))
            for name in groups
        ]
        return torch.cat(parts, dim=1).index_select(1, getattr(self, f"{role}_order"))


def traceable(model: Model) -> tuple[PhysicalNetwork, tuple[Tensor]]:
    """Return the module of a model as it predicts, and inputs, (2, n_inputs), to trace it with."""
    module = PhysicalNetwork(model).eval().requires_grad_(False)
    return module, (torch.ones((N_SAMPLES, len(model.inputs)), dtype=torch.float64),)


@contextmanager
def quiet_torch() -> Iterator[None]:
    """Keep from the user what torch says while it traces a network, such as that a format is old.

    That values are taken as constants is no danger: each file is compared with the network on other
    samples. Why a network cannot be traced is in the exception, without its whole graph.
    """
    with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


@torch.inference_mode()
def run_module(module: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs), both physical units."""
    return module(torch.from_numpy(inputs)).numpy()
