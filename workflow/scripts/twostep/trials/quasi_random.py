"""Quasi-random trials: each has a point of a scrambled Sobol sequence, by its id alone."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from scipy.stats.qmc import Sobol

from twostep.trials.hyperparameters import KEY
from twostep.trials.networks import patterns_of
from twostep.trials.ranges import count_values
from twostep.trials.settings import FURTHER
from twostep.trials.space import INTEGERS, Points, Uniform
from twostep.util.seeds import derive_seed

# How the training is drawn: the order of the draws in `space.draw`.
OF_TRAINING = (
    "learning_rate",
    "batch_size",
    "activation",
    "optimizer",
    "weight_decay",
    "dropout",
    *FURTHER,
)
# Points that are computed at a time: a power of 2, for which the sequence is made.
BLOCK = 1024


def sobol_points(space: Mapping, seed: int) -> Points:
    """Return what gives a trial the numbers of its point in the space's unit cube.

    Each dimension of the training that varies has a coordinate of its own, then each number that a
    network may be drawn from. So a value is spread evenly over the trials, whatever networks they
    have. The scrambling follows from the study's seed (Owen 1998, doi 10.1006/jcom.1998.0487).
    """
    varies = [
        count_values(space.get(name), is_integer=name in INTEGERS) > 1 for name in OF_TRAINING
    ]
    n_training = sum(varies)
    n_dimensions = n_training + count_network_draws(space)

    @lru_cache(1)
    def block(number: int) -> np.ndarray:
        """Return some points as (BLOCK, n_dimensions)."""
        random = np.random.default_rng(derive_seed(seed, "sobol"))
        sequence = Sobol(n_dimensions, scramble=True, rng=random)
        if number:
            sequence.fast_forward(number * BLOCK)
        return sequence.random(BLOCK)

    def points(trial: int) -> tuple[Uniform, Uniform]:
        point = iter(block(trial // BLOCK)[trial % BLOCK].tolist())
        of_training = iter([next(point) if choice else 0.0 for choice in varies])
        return point.__next__, of_training.__next__

    return points


def count_network_draws(space: Mapping) -> int:
    """Return how many numbers a network of a space is drawn from, at most."""
    if KEY in space:
        return len(space[KEY])
    # The number of layers, the pattern if there are several, and the width of each layer.
    return 1 + (len(patterns_of(dict(space))) > 1) + space["n_hidden_layers"]["max"]
