"""Fully connected networks built from a configuration."""

from torch import nn

from twostep.training.configuration import Configuration

ACTIVATIONS = {
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "leaky_relu": nn.LeakyReLU,
}


class Softmax(nn.Softmax):
    """The softmax over the outputs of each sample."""

    def __init__(self) -> None:
        super().__init__(dim=1)


OUTPUT_ACTIVATIONS = {"sigmoid": nn.Sigmoid, "linear": nn.Identity, "softmax": Softmax}


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
        layers += [_Linear(fan_in, fan_out), ACTIVATIONS[configuration.activation]()]
        if configuration.dropout > 0:
            layers.append(nn.Dropout(configuration.dropout))
    layers += [_Linear(*last), OUTPUT_ACTIVATIONS[output_activation]()]
    return nn.Sequential(*layers)


class _Linear(nn.Linear):
    """A layer that is initialised once, by Glorot's rule, and not by torch's before."""

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.weight)
        nn.init.zeros_(self.bias)
