"""The key of a trial: a hash of all that decides its result.

Without torch, so that a look at a running study need not wait until it is loaded.
"""

from twostep.fingerprint import hash_module, hash_source, hash_values
from twostep.seeds import derive_seed


def trial_seed(seed: int, step: str, trial: int, repetition: int) -> int:
    """Return the seed of all random draws of a trial in a study with this seed."""
    return derive_seed(seed, step, trial, repetition)


def trial_key(
    *,
    data: str,
    configuration: dict,
    budget: dict,
    output_activation: str,
    seed: int,
    torch: str,
    numpy: str,
    threads: int,
    device: str,
) -> str:
    """Return a hash of all that decides a trial's result.

    That is the data's content, the configuration, the training settings, the seed, the code of the
    training and of the record, and the versions of torch and numpy, which compute it; not the
    shard, the order or the worker.
    Nor the type of the processor or GPU: a trial that was finished on another one is reused, which
    the timings tell and the summary reports.
    """
    return hash_values(
        {
            "data": data,
            "configuration": configuration,
            "budget": budget,
            "output_activation": output_activation,
            "seed": seed,
            # The module that makes the record; not the rest of what it imports.
            "code": [hash_module("training"), hash_source("trials")],
            "torch": torch,
            "numpy": numpy,
            "threads": threads,
            "device": device,
        }
    )
