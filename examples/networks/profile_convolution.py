"""A network for vertical profiles: a 1-D convolution over levels, with scalars beside them.

`network.file` of a study may name this file: see docs/networks.md. All variables with one further
dimension are channels of the convolution, and must have the same levels; all others are scalars.
"""

import torch
from torch import Tensor, nn


class ProfileConvolution(nn.Module):
    """Convolutions over the levels; a dense layer joins what they find with the scalars."""

    def __init__(
        self,
        profiles: list[slice],
        scalars: list[slice],
        n_levels: int,
        n_outputs: int,
        *,
        channels: int,
        kernel: int,
        n_convolutions: int,
        width: int,
    ) -> None:
        super().__init__()
        self.profiles, self.scalars = profiles, scalars
        layers: list[nn.Module] = []
        n_channels = len(profiles)
        for _ in range(n_convolutions):
            # Batch normalisation has a bias of its own.
            layers += [
                nn.Conv1d(n_channels, channels, kernel, padding="same", bias=False),
                nn.BatchNorm1d(channels),
                nn.ReLU(),
            ]
            n_channels = channels
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        n_scalars = sum(columns.stop - columns.start for columns in scalars)
        self.dense = nn.Sequential(
            nn.Linear(channels * n_levels + n_scalars, width),
            nn.ReLU(),
            nn.Linear(width, n_outputs),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Map standardised inputs (n_samples, n_inputs) to (n_samples, n_outputs)."""
        # (n_samples, n_profiles, n_levels)
        profiles = torch.stack([inputs[:, columns] for columns in self.profiles], dim=1)
        found = [self.convolutions(profiles), *(inputs[:, columns] for columns in self.scalars)]
        return self.dense(torch.cat(found, dim=1))


def build(hyperparameters, inputs, n_outputs):
    """Return the network for the inputs of a study."""
    profiles = [variable for variable in inputs if len(variable.shape) == 1]
    sizes = {variable.shape[0] for variable in profiles}
    if len(sizes) != 1:
        raise ValueError(f"the profiles must have the same levels, and have {sorted(sizes)}")
    return ProfileConvolution(
        [variable.columns for variable in profiles],
        [variable.columns for variable in inputs if len(variable.shape) != 1],
        sizes.pop(),
        n_outputs,
        channels=hyperparameters["channels"],
        kernel=hyperparameters["kernel"],
        n_convolutions=hyperparameters["n_convolutions"],
        width=hyperparameters["width"],
    )
