"""Transforms, their inverses and activations as operators of ONNX."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class Graph:
    """Collects nodes and constants; a value is known by its name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def call(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; return the name of its result."""
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray | np.generic) -> str:
        """Add a constant, unless there is one of this name; return the name."""
        if all(constant.name != name for constant in self.constants):
            self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def number(self, value: float, dtype: type = np.float64) -> str:
        """Add a number as a constant; return its name."""
        return self.constant(f"{dtype.__name__}_{value!r}", dtype(value))


Function = Callable[[Graph, str], str]


def _unchanged(graph: Graph, x: str) -> str:
    return x


def _log10(graph: Graph, x: str) -> str:
    return graph.call("Div", graph.call("Log", x), graph.number(float(np.log(10))))


def _power_of_ten(graph: Graph, y: str) -> str:
    return graph.call("Pow", graph.number(10.0), y)


def _log1p(graph: Graph, x: str) -> str:
    # ONNX lacks it. Without loss of digits near 0: W. Kahan's x log(u) / (u - 1) with u = 1 + x,
    # where u is not 1.
    one = graph.number(1.0)
    u = graph.call("Add", one, x)
    exact = graph.call("Div", graph.call("Mul", x, graph.call("Log", u)), graph.call("Sub", u, one))
    return graph.call("Where", graph.call("Equal", u, one), x, exact)


def _expm1(graph: Graph, y: str) -> str:
    # ONNX lacks it. Without loss of digits near 0: tanh(y / 2) (exp(y) + 1).
    one = graph.number(1.0)
    half = graph.call("Tanh", graph.call("Mul", y, graph.number(0.5)))
    return graph.call("Mul", half, graph.call("Add", graph.call("Exp", y), one))


def _logit(graph: Graph, x: str) -> str:
    one = graph.number(1.0)
    return graph.call("Sub", graph.call("Log", x), graph.call("Log", graph.call("Sub", one, x)))


def _logistic(graph: Graph, y: str) -> str:
    # Exact for small shares; exp may overflow, which gives the right 0.
    one = graph.number(1.0)
    exponential = graph.call("Exp", graph.call("Neg", y))
    return graph.call("Div", one, graph.call("Add", one, exponential))


def _gelu(graph: Graph, x: str) -> str:
    # The operator Gelu came with a later version; runtimes know this pattern.
    root = graph.number(float(np.sqrt(2)), np.float32)
    erf = graph.call("Erf", graph.call("Div", x, root))
    doubled = graph.call("Mul", x, graph.call("Add", erf, graph.number(1.0, np.float32)))
    return graph.call("Mul", doubled, graph.number(0.5, np.float32))


TRANSFORMS: dict[str, Function] = {
    "none": _unchanged,
    "log10": _log10,
    "log1p": _log1p,
    "logit": _logit,
}
INVERSES: dict[str, Function] = {
    "none": _unchanged,
    "log10": _power_of_ten,
    "log1p": _expm1,
    "logit": _logistic,
}
# In single precision, as the network itself.
ACTIVATIONS: dict[str, Function] = {
    "linear": _unchanged,
    "relu": lambda graph, x: graph.call("Relu", x),
    "leaky_relu": lambda graph, x: graph.call("LeakyRelu", x, alpha=0.01),
    "elu": lambda graph, x: graph.call("Elu", x),
    "gelu": _gelu,
    "silu": lambda graph, x: graph.call("Mul", x, graph.call("Sigmoid", x)),
    "tanh": lambda graph, x: graph.call("Tanh", x),
    "sigmoid": lambda graph, x: graph.call("Sigmoid", x),
    "softmax": lambda graph, x: graph.call("Softmax", x, axis=1),
}
