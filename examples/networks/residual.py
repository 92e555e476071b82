"""A residual network with layer normalisation, for inputs of any kind.

`network.file` of a study may name this file: see docs/networks.md.
"""

from torch import Tensor, nn

ACTIVATIONS = {"gelu": nn.GELU, "relu": nn.ReLU}


class Block(nn.Module):
    """Adds to its inputs what two dense layers make of them, normalised before."""

    def __init__(self, width: int, expansion: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, expansion * width),
            ACTIVATIONS[activation](),
            nn.Dropout(dropout),
            nn.Linear(expansion * width, width),
        )

    def forward(self, values: Tensor) -> Tensor:
        """Map (n_samples, width) to the same shape."""
        return values + self.layers(values)


def build(hyperparameters, inputs, n_outputs):
    """Return the network for the inputs of a study."""
    n_inputs = inputs[-1].columns.stop
    width = hyperparameters["width"]
    blocks = [
        Block(
            width,
            hyperparameters["expansion"],
            hyperparameters["activation"],
            hyperparameters["dropout"],
        )
        for _ in range(hyperparameters["n_blocks"])
    ]
    return nn.Sequential(
        nn.Linear(n_inputs, width), *blocks, nn.LayerNorm(width), nn.Linear(width, n_outputs)
    )
