"""The key of a trial: a hash of all that decides its numbers, and of nothing else.

Without torch, so that a look at a running study need not wait until it is loaded.
"""

from twostep.util.fingerprint import hash_module, hash_module_alone, hash_values
from twostep.util.seeds import derive_seed


def trial_seed(study_seed: int, step: str, trial: int, repetition: int) -> int:
    """Return the seed of all random draws of a trial in a study with this seed."""
    return derive_seed(study_seed, step, trial, repetition)


def code_hashes() -> list[str]:
    """Return the hashes of the code that decides a trial's numbers.

    That is the training with all that it imports; the module that makes the record, and the one
    that loads the data for it, each without what it imports: errors, files and texts decide no
    number.
    """
    return [
        hash_module("training.train"),
        hash_module_alone("training.data"),
        hash_module_alone("trials.trial"),
    ]


def trial_key(
    *,
    data_hash: str,
    configuration: dict,
    budget: dict,
    output_activation: str,
    seed: int,
    torch: str,
    numpy: str,
    threads: int,
    device: str,
) -> str:
    """Return a hash of all that decides a trial's numbers.

    That is the data, the configuration, the training settings, the trial's seed, the code, and the
    versions of torch and numpy, which compute; not the shard, the order or the worker.
    Nor the type of the processor or GPU: a trial that was finished on another one is reused, which
    the timings tell and the summary reports.
    """
    return hash_values(
        {
            "data": data_hash,
            "configuration": configuration,
            "budget": budget,
            "output_activation": output_activation,
            "seed": seed,
            "code": code_hashes(),
            "torch": torch,
            "numpy": numpy,
            "threads": threads,
            "device": device,
        }
    )
