"""A network of the user's own as ONNX: traced by torch, because nobody else knows its operations.

ASSUME: torch keeps its exporter that traces. The newer one needs a further package, and its files
name paths of this machine.
"""

from pathlib import Path

import onnx
import torch
from onnx import helper

from twostep.export.onnx_format import INPUT, OPSET, OUTPUT
from twostep.export.physical_network import quiet_torch, traceable
from twostep.model.model import Model


def write_traced_onnx(path: str | Path, model: Model, metadata: dict[str, str]) -> None:
    """Write a model as ONNX; raises whatever torch raises for what it cannot write.

    `metadata` become its metadata_props, which are texts.
    """
    module, example = traceable(model)
    with quiet_torch():
        torch.onnx.export(
            module,
            example,
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={name: {0: "n_samples"} for name in (INPUT, OUTPUT)},
        )
    exported = onnx.load(path)
    exported.producer_name, exported.producer_version = "two-step-hpo", ""
    helper.set_model_props(exported, metadata)
    onnx.checker.check_model(exported, full_check=True)
    Path(path).write_bytes(exported.SerializeToString(deterministic=True))
