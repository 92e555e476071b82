"""A trained model as TorchScript: physical units in, physical units out.

torch has deprecated it, but FTorch loads nothing else.
"""

import io
import json
from pathlib import Path

import numpy as np
import torch

from twostep.export.physical_network import quiet_torch, run_module, traceable
from twostep.export.torch_archive import METADATA, copy_essential
from twostep.model.model import Model


def write_torchscript(path: str | Path, model: Model, metadata: dict) -> None:
    """Write a model as TorchScript with `metadata` as JSON in the extra file metadata.json."""
    module, example = traceable(model)
    content = io.BytesIO()
    with quiet_torch():
        traced = torch.jit.trace(module, example, check_trace=False)
        text = json.dumps(metadata, sort_keys=True)
        torch.jit.save(traced, content, _extra_files={METADATA: text})
    copy_essential(content, Path(path))


def run_torchscript(path: str | Path, inputs: np.ndarray) -> np.ndarray:
    """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs) with the file alone."""
    with quiet_torch():
        module = torch.jit.load(path)
    return run_module(module, inputs)
