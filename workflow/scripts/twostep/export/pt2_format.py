"""A trained model as torch.export writes it (pt2), TorchScript's successor in Python and C++."""

import io
import json
from pathlib import Path

import numpy as np
import torch
from torch import fx

from twostep.export.physical_network import quiet_torch, run_module, traceable
from twostep.export.torch_archive import METADATA, copy_essential
from twostep.model.model import Model


def write_pt2(path: str | Path, model: Model, metadata: dict) -> None:
    """Write a model as an exported program for any number of samples.

    `metadata` become JSON in the extra file metadata.json. Raises whatever torch raises for a
    network that it cannot trace.
    """
    module, example = traceable(model)
    n_samples = torch.export.Dim("n_samples", min=1)
    content = io.BytesIO()
    with quiet_torch():
        program = torch.export.export(module, example, dynamic_shapes=({0: n_samples},))
        _forget_sources(program.graph_module)
        text = json.dumps(metadata, sort_keys=True)
        torch.export.save(program, content, extra_files={METADATA: text})
    copy_essential(content, Path(path))


def _forget_sources(module: fx.GraphModule) -> None:
    """Take from each operation where its code stands: these are paths of this machine."""
    for part in module.modules():
        if isinstance(part, fx.GraphModule):
            for node in part.graph.nodes:
                node.meta.pop("stack_trace", None)


def run_pt2(path: str | Path, inputs: np.ndarray) -> np.ndarray:
    """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs) with the file alone."""
    with quiet_torch():
        module = torch.export.load(path).module()
    return run_module(module, inputs)
