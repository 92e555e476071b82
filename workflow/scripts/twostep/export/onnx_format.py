"""A trained model as ONNX: physical units in, physical units out, any number of samples.

The graph is built from the operators themselves, of a version that runtimes have known for years,
instead of being traced: it names what it computes, and the same model gives the same bytes.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from twostep.data.transforms import (
    LARGEST_STANDARDISED,
    group_by_transform,
    original_order,
    scaling_of,
)
from twostep.export.layers import Layer, list_layers
from twostep.export.onnx_functions import ACTIVATIONS, INVERSES, TRANSFORMS, Function, Graph
from twostep.model.model import Model

OPSET = 17
IR_VERSION = 8
INPUT, OUTPUT = "inputs", "outputs"


def write_onnx(path: str | Path, model: Model, metadata: dict[str, str]) -> None:
    """Write a model as ONNX; `metadata` become its metadata_props, which are texts."""
    exported = helper.make_model(
        _build(model),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="two-step-hpo",
    )
    helper.set_model_props(exported, metadata)
    onnx.checker.check_model(exported, full_check=True)
    Path(path).write_bytes(exported.SerializeToString(deterministic=True))


def run_onnx(path: str | Path, inputs: np.ndarray) -> np.ndarray:
    """Map inputs (n_samples, n_inputs) to outputs (n_samples, n_outputs) with onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {INPUT: inputs})[0]


def _build(model: Model) -> onnx.GraphProto:
    graph = Graph()
    standardised = _standardise(graph, model.inputs)
    is_valid = _is_valid(graph, standardised)
    value = graph.call("Cast", standardised, to=TensorProto.FLOAT)
    for number, layer in enumerate(list_layers(model.network)):
        value = _apply_layer(graph, value, layer, number)
    value = graph.call("Cast", value, to=TensorProto.DOUBLE)
    physical = _to_physical(graph, value, model.outputs)
    nan = graph.constant("not_a_number", np.float64(np.nan))
    graph.nodes.append(helper.make_node("Where", [is_valid, physical, nan], [OUTPUT], OUTPUT))
    n_inputs, n_outputs = len(model.inputs), len(model.outputs)
    return helper.make_graph(
        graph.nodes,
        "model",
        [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, ["n_samples", n_inputs])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, ["n_samples", n_outputs])],
        graph.constants,
    )


def _standardise(graph: Graph, features: list[dict]) -> str:
    mean, std = scaling_of(features)
    value = _by_group(graph, INPUT, features, "input", TRANSFORMS)
    value = graph.call("Sub", value, graph.constant("input_mean", mean))
    return graph.call("Div", value, graph.constant("input_std", std))


def _to_physical(graph: Graph, value: str, features: list[dict]) -> str:
    mean, std = scaling_of(features)
    value = graph.call("Mul", value, graph.constant("output_std", std))
    value = graph.call("Add", value, graph.constant("output_mean", mean))
    return _by_group(graph, value, features, "output", INVERSES)


def _by_group(
    graph: Graph, value: str, features: list[dict], role: str, functions: dict[str, Function]
) -> str:
    """Apply to each column the function of its transform; columns with the same one together."""
    groups = group_by_transform(features)
    if len(groups) == 1:
        (transform,) = groups
        return functions[transform](graph, value)
    parts = []
    for transform, indices in groups.items():
        chosen = graph.constant(f"{role}_columns_{transform}", np.array(indices))
        column = graph.call("Gather", value, chosen, axis=1)
        parts.append(functions[transform](graph, column))
    order = graph.constant(f"{role}_order", np.array(original_order(groups)))
    return graph.call("Gather", graph.call("Concat", *parts, axis=1), order, axis=1)


def _is_valid(graph: Graph, standardised: str) -> str:
    """Tell of each sample, (n_samples, 1), whether all its inputs can be used."""
    size = graph.call("Abs", standardised)
    limit = graph.number(LARGEST_STANDARDISED)
    usable = graph.call("Cast", graph.call("LessOrEqual", size, limit), to=TensorProto.FLOAT)
    least = graph.call("ReduceMin", usable, axes=[1], keepdims=1)
    return graph.call("Cast", least, to=TensorProto.BOOL)


def _apply_layer(graph: Graph, value: str, layer: Layer, number: int) -> str:
    weights = graph.constant(f"weights_{number}", layer.weights)
    biases = graph.constant(f"biases_{number}", layer.biases)
    value = graph.call("Gemm", value, weights, biases, transB=1)
    return ACTIVATIONS[layer.activation](graph, value)
