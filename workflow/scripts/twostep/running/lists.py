"""The configurations of a study's trials, as far as a look at the study can know them."""

import functools
import json
from pathlib import Path

from twostep.training.configuration import Configuration
from twostep.trials.configurations import draw_configurations, read_configurations
from twostep.trials.constraints import make_constraints
from twostep.trials.enqueued import enqueued
from twostep.trials.hyperparameters import KEY
from twostep.trials.samplers import QMC, is_adaptive
from twostep.util.errors import UserError
from twostep.util.files import read_json


def read_lists(config: dict, folder: Path) -> list[Configuration]:
    """Return the configurations of all trials; none while nothing has been prepared.

    The list in the study's folder may be that of another config.
    """
    manifest = read_or_none(folder / "prepare/manifest.json", "inputs", "outputs")
    if manifest is None:
        return []
    search = config["search"]
    if is_adaptive(search):
        return _read_generations(folder, search)
    if KEY in search["space"] or search["sampler"] == QMC:
        return _read_list(folder, search["n_trials"])
    settings = {name: search[name] for name in ("space", "n_trials", "constraints", "enqueue")}
    sizes = len(manifest["inputs"]), len(manifest["outputs"])
    return _draw(json.dumps(settings), config["seed"], *sizes)


@functools.lru_cache(maxsize=1)
def _draw(settings: str, seed: int, n_inputs: int, n_outputs: int) -> list[Configuration]:
    """Return the configurations of a random search, whose settings are JSON.

    They are kept for the next look: to draw them takes longer than all else.
    """
    search = json.loads(settings)
    return draw_configurations(
        search["space"],
        range(search["n_trials"]),
        seed=seed,
        constraints=make_constraints(search["constraints"], n_inputs=n_inputs, n_outputs=n_outputs),
        enqueued=enqueued(search),
    )


def _read_list(folder: Path, n_trials: int) -> list[Configuration]:
    """Return the configurations of a list: of networks of the user's own, or quasi-random ones.

    A look at a run does not run the user's code, and waits for no numerical library.
    """
    lists = sorted(folder.glob("search/configurations_*.jsonl"), key=lambda path: len(path.name))
    for path in lists:
        try:
            return read_configurations(path, range(n_trials))
        except (OSError, UserError):
            # A shorter list, or one that is damaged.
            continue
    return []


def _read_generations(folder: Path, search: dict) -> list[Configuration]:
    """Return the configurations of the generations of an adaptive search that are there so far.

    Each list is that of a whole generation.
    """
    found: list[Configuration] = []
    size = search["generation_size"]
    for generation in range(-(-search["n_trials"] // size)):
        trials = range(generation * size, (generation + 1) * size)
        try:
            found += read_configurations(folder / f"search/generation_{generation}.jsonl", trials)
        except (OSError, UserError):
            break
    return found


def read_or_none(path: Path, *keys: str) -> dict | None:
    """Return what a file holds, or None if it is not there, is damaged or lacks a key."""
    try:
        content = read_json(path)
    except (OSError, UserError):
        return None
    return content if content.keys() >= set(keys) else None
