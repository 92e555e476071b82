"""Fully connected networks built from a configuration."""

import torch
from torch import nn

from twostep.space import Configuration

ACTIVATIONS = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
}
OUTPUT_ACTIVATIONS = {"sigmoid": nn.Sigmoid, "linear": nn.Identity}
# ASSUME: Keras's epsilon (1e-7) for the adaptive optimisers, since the paper trained with Keras.
OPTIMIZERS = {
    "adam": lambda parameters, **rates: torch.optim.Adam(parameters, eps=1e-7, fused=True, **rates),
    "adamw": lambda parameters, **rates: torch.optim.AdamW(
        parameters, eps=1e-7, fused=True, **rates
    ),
    "sgd": lambda parameters, **rates: torch.optim.SGD(parameters, fused=True, **rates),
    "rmsprop": lambda parameters, **rates: torch.optim.RMSprop(parameters, eps=1e-7, **rates),
}


def build_network(
    configuration: Configuration, n_inputs: int, n_outputs: int, output_activation: str
) -> nn.Sequential:
    """Return an initialised network, (n_samples, n_inputs) -> (n_samples, n_outputs).

    Weights are drawn by Glorot's uniform rule and biases are zero, Keras's defaults, as in Yu et
    al. (2023, doi 10.1175/AIES-D-23-0013.1). Inputs are standardised; outputs are in the units
    of the loss. The draws come from torch's global generator.
    """
    *hidden, last = configuration.layer_shapes(n_inputs, n_outputs)
    layers: list[nn.Module] = []
    for fan_in, fan_out in hidden:
        layers += [_linear(fan_in, fan_out), ACTIVATIONS[configuration.activation]()]
        if configuration.dropout > 0:
            layers.append(nn.Dropout(configuration.dropout))
    layers += [_linear(*last), OUTPUT_ACTIVATIONS[output_activation]()]
    return nn.Sequential(*layers)


def build_optimizer(configuration: Configuration, network: nn.Module) -> torch.optim.Optimizer:
    """Return the configuration's optimiser over the network's parameters."""
    return OPTIMIZERS[configuration.optimizer](
        network.parameters(),
        lr=configuration.learning_rate,
        weight_decay=configuration.weight_decay,
    )


def _linear(fan_in: int, fan_out: int) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
