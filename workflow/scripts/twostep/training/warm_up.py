"""What torch loads at the first update, loaded before the first trial."""

import torch

from twostep.training.configuration import Configuration
from twostep.training.train import CPU, Budget, Tensors, train


def warm_up(device: torch.device = CPU) -> None:
    """Make one update of a tiny network, so that what torch loads then costs no trial anything."""
    configuration = Configuration((1,), 1e-3, 1, "relu", "adam", 0.0, 0.0)
    data = Tensors(*[torch.zeros(1, 1)] * 4)
    budget = Budget(max_epochs=1)
    train(configuration, data, budget, output_activation="linear", seed=0, device=device)
