"""The key of a trial: a hash of all that decides its numbers, and of nothing else.

Without torch, so that a look at a running study need not wait until it is loaded.
"""

from collections.abc import Callable

from twostep.util.fingerprint import hash_module, hash_module_alone, hash_values
from twostep.util.seeds import derive_seed

# What only trials with these losses use, beside what is used by all trials with another objective
# than the plain mean squared error. `training.losses`, which knows all by name, decides no number.
OF_LOSS = {
    "mse": ("training.value_losses",),
    "mae": ("training.value_losses",),
    "huber": ("training.value_losses",),
    "binary_cross_entropy": ("training.cross_entropies",),
    "cross_entropy": ("training.cross_entropies",),
}
OF_OBJECTIVES = ("training.weighing", "training.constant")
# What only networks of the user's own use.
OF_OWN_NETWORKS = ("training.own_network", "training.autograd")
# What only trials in another precision than float32 use.
OF_PRECISION = {"bfloat16": ("training.bfloat16",)}
# The modules that the training imports and only some trials use, and which these are. An edit of
# one, and of what only it imports, trains no other trial again. A configuration is a mapping, in
# which settings at their defaults are missing.
OPTIONAL: dict[str, Callable[[dict], bool]] = {
    "training.schedules": lambda configuration: "learning_rate_schedule" in configuration,
}


def trial_seed(study_seed: int, step: str, trial: int, repetition: int) -> int:
    """Return the seed of all random draws of a trial in a study with this seed."""
    return derive_seed(study_seed, step, trial, repetition)


def code_hashes(configuration: dict, objective: dict, precision: str = "float32") -> list[str]:
    """Return the hashes of the code that decides the numbers of a trial.

    That is the training with all that it imports and that a trial of this configuration uses; the
    module that makes the record, and the one that loads the data for it, each without what it
    imports: errors, files and texts decide no number. For another `objective` than the plain mean
    squared error, as its `to_dict` tells it, the code of that is added, and so is that of another
    `precision` than float32.
    """
    unused = tuple(module for module, uses in OPTIONAL.items() if not uses(configuration))
    return [
        hash_module("training.train", without=unused),
        hash_module_alone("training.data"),
        hash_module_alone("trials.trial"),
        *(hash_module_alone(module) for module in _objective_modules(objective)),
        *(hash_module_alone(module) for module in _network_modules(configuration)),
        *(hash_module_alone(module) for module in OF_PRECISION.get(precision, ())),
    ]


def _network_modules(configuration: dict) -> tuple[str, ...]:
    """Return the modules that a network of the user's own needs."""
    return OF_OWN_NETWORKS if "hyperparameters" in configuration else ()


def _objective_modules(objective: dict) -> tuple[str, ...]:
    """Return the modules that compute an objective and that the training does not import."""
    if not objective:
        return ()
    return OF_OBJECTIVES + OF_LOSS[objective.get("loss", "mse")]


def trial_key(
    *,
    data_hash: str,
    configuration: dict,
    budget: dict,
    output_activation: str,
    objective: dict,
    seed: int,
    torch: str,
    numpy: str,
    threads: int,
    device: str,
    network: dict | None = None,
    precision: str = "float32",
) -> str:
    """Return a hash of all that decides a trial's numbers.

    That is the data, the configuration, the training settings, the trial's seed, the code, and the
    versions of torch and numpy, which compute; not the shard, the order or the worker. `objective`
    is what its `to_dict` returns; nothing stands for the plain mean squared error. `network` is the
    identity of the file of a network of the user's own. A `precision` of float32 has no part in it.
    Nor the type of the processor or GPU: a trial that was finished on another one is reused, which
    the timings tell and the summary reports.
    """
    return hash_values(
        {
            **({"objective": objective} if objective else {}),
            **({"network": network} if network else {}),
            **({"precision": precision} if precision in OF_PRECISION else {}),
            "data": data_hash,
            "configuration": configuration,
            "budget": budget,
            "output_activation": output_activation,
            "seed": seed,
            "code": code_hashes(configuration, objective, precision),
            "torch": torch,
            "numpy": numpy,
            "threads": threads,
            "device": device,
        }
    )
