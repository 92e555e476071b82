"""A network for words: an embedding of letters, convolutions over them, and a dense layer.

`network.file` of a study may name this file: see docs/networks.md. There is one input variable, of
the shape (places,), with `scale: none`: the codes of letters, 0 for a blank.
"""

import torch
from torch import Tensor, nn

# Codes are below this number.
N_CODES = 64


class LetterConvolution(nn.Module):
    """What convolutions find anywhere in a word, or, without any, all letters at their places."""

    def __init__(
        self,
        n_places: int,
        n_outputs: int,
        *,
        embedding: int,
        channels: int,
        kernel: int,
        n_convolutions: int,
        width: int,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(N_CODES, embedding)
        layers: list[nn.Module] = []
        n_channels = embedding
        for _ in range(n_convolutions):
            layers += [nn.Conv1d(n_channels, channels, kernel, padding="same"), nn.ReLU()]
            n_channels = channels
        self.convolutions = nn.Sequential(*layers)
        self.is_found = n_convolutions > 0
        n_found = n_channels if self.is_found else n_channels * n_places
        self.dense = nn.Sequential(
            nn.Linear(n_found, width), nn.ReLU(), nn.Linear(width, n_outputs)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map codes (n_samples, n_places) to (n_samples, n_outputs)."""
        # The workflow tries a network on random numbers first, which are no codes.
        codes = inputs.to(torch.int64).clamp(0, N_CODES - 1)
        letters = self.embedding(codes).transpose(1, 2)  # (n_samples, embedding, n_places)
        found = self.convolutions(letters)
        return self.dense(found.amax(dim=2) if self.is_found else found.flatten(1))


def build(hyperparameters, inputs, n_outputs):
    """Return the network for the inputs of a study."""
    (word,) = inputs
    names = ("embedding", "channels", "kernel", "n_convolutions", "width")
    chosen = {name: hyperparameters[name] for name in names}
    return LetterConvolution(word.shape[0], n_outputs, **chosen)
