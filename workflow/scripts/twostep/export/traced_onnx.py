"""A network of the user's own as ONNX: traced by torch, because nobody else knows its operations.

ASSUME: torch keeps its exporter that traces. The newer one needs a further package, and its files
name paths of this machine.
"""

import warnings
from pathlib import Path

import onnx
import torch
from onnx import helper

from twostep.export.onnx_format import INPUT, OPSET, OUTPUT
from twostep.export.torchscript_format import PhysicalNetwork
from twostep.model.model import Model

# Of the tracing: another number than 1, for which shapes may be told apart.
N_SAMPLES = 2


def write_traced_onnx(path: str | Path, model: Model, metadata: dict[str, str]) -> None:
    """Write a model as ONNX; raises whatever torch raises for what it cannot write.

    `metadata` become its metadata_props, which are texts.
    """
    module = PhysicalNetwork(model).eval().requires_grad_(False)
    with warnings.catch_warnings():
        # That there is a newer exporter, and that values are taken as constants: the file is
        # compared with the network on other samples.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (torch.ones((N_SAMPLES, len(model.inputs)), dtype=torch.float64),),
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
