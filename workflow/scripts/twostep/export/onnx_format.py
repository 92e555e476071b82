"""A trained model as ONNX: physical units in, physical units out, any number of samples.

The graph is built from the operators themselves, of a version that runtimes have known for years,
instead of being traced: it names what it computes, and the same model gives the same bytes.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from twostep.data.transforms import (
    LARGEST_STANDARDISED,
    group_by_transform,
    original_order,
    scaling_of,
)
from twostep.export.layers import Layer, list_layers
from twostep.model.model import Model

OPSET = 17
IR_VERSION = 8
INPUT, OUTPUT = "inputs", "outputs"


def write_onnx(path: str | Path, model: Model, metadata: dict[str, str]) -> None:
    """Write a model as ONNX; `metadata` become its metadata_props, which are texts."""
    exported = helper.make_model(
        _Graph().build(model),
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


class _Graph:
    """Collects nodes and constants; a value is known by its name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def build(self, model: Model) -> onnx.GraphProto:
        standardised = self._standardise(model.inputs)
        is_valid = self._is_valid(standardised)
        value = self._call("Cast", standardised, to=TensorProto.FLOAT)
        for number, layer in enumerate(list_layers(model.network)):
            value = self._layer(value, layer, number)
        value = self._call("Cast", value, to=TensorProto.DOUBLE)
        physical = self._to_physical(value, model.outputs)
        nan = self._constant("not_a_number", np.float64(np.nan))
        self._nodes.append(helper.make_node("Where", [is_valid, physical, nan], [OUTPUT], OUTPUT))
        n_inputs, n_outputs = len(model.inputs), len(model.outputs)
        return helper.make_graph(
            self._nodes,
            "model",
            [helper.make_tensor_value_info(INPUT, TensorProto.DOUBLE, ["n_samples", n_inputs])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.DOUBLE, ["n_samples", n_outputs])],
            self._constants,
        )

    def _call(self, operator: str, *inputs: str, **attributes) -> str:
        name = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def _constant(self, name: str, value: np.ndarray) -> str:
        if all(constant.name != name for constant in self._constants):
            self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _number(self, value: float, dtype: type = np.float64) -> str:
        return self._constant(f"{dtype.__name__}_{value!r}", dtype(value))

    def _standardise(self, features: list[dict]) -> str:
        mean, std = scaling_of(features)
        value = self._by_group(INPUT, features, "input", self._transform)
        value = self._call("Sub", value, self._constant("input_mean", mean))
        return self._call("Div", value, self._constant("input_std", std))

    def _to_physical(self, value: str, features: list[dict]) -> str:
        mean, std = scaling_of(features)
        value = self._call("Mul", value, self._constant("output_std", std))
        value = self._call("Add", value, self._constant("output_mean", mean))
        return self._by_group(value, features, "output", self._invert)

    def _by_group(self, value: str, features: list[dict], role: str, function) -> str:
        """Apply a function of a value and a transform to the columns with this transform."""
        groups = group_by_transform(features)
        if len(groups) == 1:
            return function(value, *groups)
        parts = []
        for transform, indices in groups.items():
            chosen = self._constant(f"{role}_columns_{transform}", np.array(indices))
            parts.append(function(self._call("Gather", value, chosen, axis=1), transform))
        order = self._constant(f"{role}_order", np.array(original_order(groups)))
        return self._call("Gather", self._call("Concat", *parts, axis=1), order, axis=1)

    def _transform(self, x: str, transform: str) -> str:
        if transform == "none":
            return x
        if transform == "log10":
            return self._call("Div", self._call("Log", x), self._number(float(np.log(10))))
        one = self._number(1.0)
        if transform == "logit":
            return self._call(
                "Sub", self._call("Log", x), self._call("Log", self._call("Sub", one, x))
            )
        # log1p, which ONNX lacks, without loss of digits near 0: W. Kahan's x log(u) / (u - 1) with
        # u = 1 + x, where u is not 1.
        u = self._call("Add", one, x)
        exact = self._call(
            "Div", self._call("Mul", x, self._call("Log", u)), self._call("Sub", u, one)
        )
        return self._call("Where", self._call("Equal", u, one), x, exact)

    def _invert(self, y: str, transform: str) -> str:
        if transform == "none":
            return y
        if transform == "log10":
            return self._call("Pow", self._number(10.0), y)
        one = self._number(1.0)
        if transform == "logit":
            # Exact for small shares; exp may overflow, which gives the right 0.
            exponential = self._call("Exp", self._call("Neg", y))
            return self._call("Div", one, self._call("Add", one, exponential))
        # expm1, which ONNX lacks, without loss of digits near 0: tanh(y / 2) (exp(y) + 1).
        half = self._call("Tanh", self._call("Mul", y, self._number(0.5)))
        return self._call("Mul", half, self._call("Add", self._call("Exp", y), one))

    def _is_valid(self, standardised: str) -> str:
        """Tell of each sample, (n_samples, 1), whether all its inputs can be used."""
        size = self._call("Abs", standardised)
        limit = self._number(LARGEST_STANDARDISED)
        usable = self._call("Cast", self._call("LessOrEqual", size, limit), to=TensorProto.FLOAT)
        least = self._call("ReduceMin", usable, axes=[1], keepdims=1)
        return self._call("Cast", least, to=TensorProto.BOOL)

    def _layer(self, value: str, layer: Layer, number: int) -> str:
        weights = self._constant(f"weights_{number}", layer.weights)
        biases = self._constant(f"biases_{number}", layer.biases)
        value = self._call("Gemm", value, weights, biases, transB=1)
        return self._activate(value, layer.activation)

    def _activate(self, x: str, activation: str) -> str:
        if activation == "linear":
            return x
        if activation == "silu":
            return self._call("Mul", x, self._call("Sigmoid", x))
        if activation == "gelu":
            # The operator Gelu came with a later version; runtimes know this pattern.
            root = self._number(float(np.sqrt(2)), np.float32)
            erf = self._call("Erf", self._call("Div", x, root))
            doubled = self._call("Mul", x, self._call("Add", erf, self._number(1.0, np.float32)))
            return self._call("Mul", doubled, self._number(0.5, np.float32))
        if activation == "leaky_relu":
            return self._call("LeakyRelu", x, alpha=0.01)
        return self._call(
            {"relu": "Relu", "elu": "Elu", "tanh": "Tanh", "sigmoid": "Sigmoid"}[activation], x
        )
