"""The layers of a trained network as plain arrays, which every exported file is made from."""

import hashlib
from dataclasses import dataclass

import numpy as np
from torch import nn

from twostep.training.network import ACTIVATIONS, OUTPUT_ACTIVATIONS

NAMES = {module: name for name, module in {**ACTIVATIONS, **OUTPUT_ACTIVATIONS}.items()}


@dataclass(frozen=True)
class Layer:
    """A layer: activation(inputs @ weights.T + biases).

    `weights` (n_units, n_inputs) and `biases` (n_units,) are float32, `activation` is the name of
    one of the network's activations, or of its output's.
    """

    weights: np.ndarray
    biases: np.ndarray
    activation: str


def list_layers(network: nn.Sequential) -> list[Layer]:
    """Return the layers of a network in order; dropout, which only acts in training, is left out.

    Raises ValueError if the network is not one that `build_network` builds.
    """
    modules = [module for module in network if not isinstance(module, nn.Dropout)]
    layers = []
    for linear, activation in zip(modules[::2], modules[1::2], strict=True):
        if not isinstance(linear, nn.Linear) or type(activation) not in NAMES:
            raise ValueError(f"{linear} and {activation} are no layer that can be exported")
        weights, biases = (x.detach().numpy() for x in (linear.weight, linear.bias))
        layers.append(Layer(weights, biases, NAMES[type(activation)]))
    return layers


def hash_state(network: nn.Module) -> str:
    """Return the SHA-256 of all weights and buffers of any network, in their order and types."""
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()


def hash_weights(layers: list[Layer]) -> str:
    """Return the SHA-256 of all weights and biases, layer by layer, as little-endian float32."""
    digest = hashlib.sha256()
    for layer in layers:
        for array in (layer.weights, layer.biases):
            digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()
