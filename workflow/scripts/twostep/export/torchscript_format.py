"""A trained model as TorchScript, which FTorch loads: physical units in, physical units out."""

import io
import json
import warnings
import zipfile
from pathlib import Path

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

METADATA = "metadata.json"
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
# What torch writes beside the model: paths of this machine, and what depends on them.
LEFT_OUT = (".debug_pkl", "serialization_id", "traced_inputs.pkl", "traced_inputs/0")


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


def write_torchscript(path: str | Path, model: Model, metadata: dict) -> None:
    """Write a model as TorchScript with `metadata` as JSON in the extra file metadata.json."""
    module = PhysicalNetwork(model).eval().requires_grad_(False)
    example = torch.ones((2, len(model.inputs)), dtype=torch.float64)
    content = io.BytesIO()
    with warnings.catch_warnings():
        # torch prefers formats of its own now, which FTorch cannot load.
        warnings.simplefilter("ignore", DeprecationWarning)
        # That values are taken as constants: the file is compared with the network.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = torch.jit.trace(module, example, check_trace=False)
        text = json.dumps(metadata, sort_keys=True)
        torch.jit.save(traced, content, _extra_files={METADATA: text})
    _copy_essential(content, Path(path))


def _copy_essential(content: io.BytesIO, path: Path) -> None:
    """Copy an archive of torch without what differs from machine to machine."""
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if not name.endswith(LEFT_OUT):
                # A ZipInfo of its own carries no clock.
                target.writestr(zipfile.ZipInfo(name), source.read(name))


@torch.inference_mode()
def run_torchscript(path: str | Path, inputs: np.ndarray) -> np.ndarray:
    """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs) with the file alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = torch.jit.load(path)
    return module(torch.from_numpy(inputs)).numpy()
