"""A network for small pictures: convolutions, the mean of what each finds, and a dense layer.

`network.file` of a study may name this file: see docs/networks.md. There is one input variable, of
the shape (y, x).
"""

from torch import Tensor, nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}


class PatchConvolution(nn.Module):
    """Convolutions of a picture, with twice the channels after each halving of its sides."""

    def __init__(
        self,
        columns: slice,
        shape: tuple[int, ...],
        n_outputs: int,
        *,
        channels: int,
        kernel: int,
        n_convolutions: int,
        width: int,
        activation: str,
        pooling: str,
    ) -> None:
        super().__init__()
        self.columns, self.shape = columns, shape
        layers: list[nn.Module] = []
        n_channels = 1
        for number in range(n_convolutions):
            found = channels * 2**number
            layers += [
                nn.Conv2d(n_channels, found, kernel, padding="same"),
                ACTIVATIONS[activation](),
            ]
            n_channels = found
            if number < n_convolutions - 1:
                layers.append(nn.AvgPool2d(2) if pooling == "mean" else nn.MaxPool2d(2))
        # Where in the patch something is found tells nothing: only its mean goes on.
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Linear(n_channels, width), ACTIVATIONS[activation](), nn.Linear(width, n_outputs)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map standardised inputs (n_samples, n_inputs) to (n_samples, n_outputs)."""
        pictures = inputs[:, self.columns].unflatten(1, (1, *self.shape))
        return self.dense(self.convolutions(pictures))


def build(hyperparameters, inputs, n_outputs):
    """Return the network for the inputs of a study."""
    (picture,) = inputs
    names = ("channels", "kernel", "n_convolutions", "width", "activation", "pooling")
    chosen = {name: hyperparameters[name] for name in names}
    return PatchConvolution(picture.columns, picture.shape, n_outputs, **chosen)
