"""Rungs between the search and the retraining: their names, and how their trials are divided.

Without the numerical libraries, as the rules ask for it whenever the Snakefile is read.
"""

from collections.abc import Sequence
from itertools import pairwise

from twostep.data.sizes import fraction_name
from twostep.util.wording import is_rung


def rung_name(number: int) -> str:
    """Return what the rung with this number, from 1 on, is called in files, columns and seeds."""
    return f"rung_{number}"


def rung_names(search: dict) -> list[str]:
    """Return the names of all rungs; `search` is that section of the config."""
    return [rung_name(i + 1) for i in range(len(search["rungs"]))]


def ranking_file(name: str) -> str:
    """Return where the table of a ranking is, by its name, in the folder of the study."""
    if is_rung(name):
        return f"rungs/{name.removeprefix('rung_')}/trials.csv"
    return f"rank/{name}/trials.csv"


def rankings_of_step_2(search: dict) -> list[str]:
    """Return the names of the rankings that step 2 chooses from: the last rung's, if there is one.

    Without rungs it chooses from those of all fractions.
    """
    return rung_names(search)[-1:] or [fraction_name(value) for value in search["fractions"]]


def count_survivors(search: dict, retrain: dict, number: int) -> int:
    """Return how many trials a rung has at most: its `top_k`, and the controls of all cuts so far.

    The arguments are those sections of the config, and the number of the rung, from 1 on.
    """
    return search["rungs"][number - 1]["top_k"] + count_controls(search, retrain, number)


def cut_sizes(search: dict, retrain: dict) -> list[int]:
    """Return the number of trials, then how many of them each cut lets pass, the last to step 2."""
    return [search["n_trials"], *(rung["top_k"] for rung in search["rungs"]), retrain["top_k"]]


def count_controls(search: dict, retrain: dict, n_cuts: int) -> int:
    """Return how many controls the first cuts draw at most: no more than they cut off."""
    sizes = cut_sizes(search, retrain)[: n_cuts + 1]
    return sum(min(retrain["controls"], before - after) for before, after in pairwise(sizes))


def count_shards(search: dict, retrain: dict, number: int) -> int:
    """Return into how many shards the trials of a rung are divided, whichever they are."""
    return -(-count_survivors(search, retrain, number) // search["shard_size"])


def survivors(cut: dict[str, list[int]]) -> list[int]:
    """Return the ids of all that go on beyond a cut, sorted; `cut` is what `cut_off` returns."""
    return sorted({*cut["finalists"], *cut["controls"]})


def share_of(trials: Sequence[int], shard: int, n_shards: int) -> list[int]:
    """Return the trials of a shard: neighbours by id, about as many as any other shard has."""
    first, stop = (len(trials) * i // n_shards for i in (shard, shard + 1))
    return sorted(trials)[first:stop]
