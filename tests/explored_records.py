"""Made-up records of a study, for the tests of the page to explore and for its speed."""

import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np

WIDTHS = [8, 16, 32, 64, 128, 256, 512]
N_INPUTS, N_OUTPUTS = 10, 2


def make_record(trial: int, configuration: Mapping, loss: float | None, **others: object) -> dict:
    """Return a record whose curves fall to a loss; without a loss that of a trial that diverged."""
    epochs = int(others.pop("epochs", 12))
    curve = [] if loss is None else [loss * (1 + 5 * math.exp(-e / 3)) for e in range(epochs)]
    if curve:
        curve[-1] = loss
    return {
        "trial": trial,
        "seed": 0,
        "status": "diverged" if loss is None else "ok",
        "message": "the loss of epoch 1 is not finite" if loss is None else "",
        "configuration": dict(configuration),
        "n_parameters": 1000 + 10 * trial,
        "n_operations": 900 + 10 * trial,
        "epochs": len(curve),
        "best_epoch": len(curve) or None,
        "min_val_loss": loss,
        "train_loss": [0.9 * value for value in curve],
        "val_loss": curve,
        **others,
    }


def fully_connected(random: np.random.Generator) -> dict:
    """Return a configuration of a fully connected network."""
    return {
        "hidden_widths": random.choice(WIDTHS, size=random.integers(1, 9)).tolist(),
        "learning_rate": float(10 ** random.uniform(-4, -2)),
        "batch_size": int(random.choice([32, 64, 128])),
        "activation": str(random.choice(["relu", "tanh", "elu"])),
        "optimizer": str(random.choice(["adam", "sgd"])),
        "weight_decay": 0.0,
        "dropout": 0.0,
    }


def size_of(configuration: Mapping) -> dict:
    """Return the numbers of parameters and operations of a fully connected network."""
    units = [N_INPUTS, *configuration["hidden_widths"], N_OUTPUTS]
    operations = sum(a * b for a, b in itertools.pairwise(units))
    return {"n_operations": operations, "n_parameters": operations + sum(units[1:])}


def make_records(
    n_trials: int,
    *,
    n_rung: int = 0,
    n_retrained: int = 0,
    n_failed: int = 0,
    epochs: int = 12,
    draw: Callable[[np.random.Generator], dict] = fully_connected,
) -> dict[str, list[dict]]:
    """Return the records of a search, perhaps of a rung, and of step 2; the last trials failed."""
    random = np.random.default_rng(1)
    drawn = [draw(random) for _ in range(n_trials)]
    losses = 10 ** random.uniform(-3, -1, n_trials)
    best = [int(trial) for trial in np.argsort(losses) if trial < n_trials - n_failed]

    def train(trial: int, gain: float) -> dict:
        configuration = drawn[trial]
        sizes = size_of(configuration) if "hidden_widths" in configuration else {}
        loss = None if trial >= n_trials - n_failed else float(losses[trial] * gain)
        return make_record(trial, configuration, loss, epochs=epochs, **sizes)

    records = {"0.05": [train(trial, 1) for trial in range(n_trials)]}
    if n_rung:
        records["rung_1"] = [train(trial, 0.6) for trial in best[:n_rung]]
    return records | {"retrain": [train(trial, 0.4) for trial in best[:n_retrained]]}
