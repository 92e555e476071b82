"""The pilots of `snakemake advise`: the first trials of the search, on some small sizes of data."""

from twostep.trials.samplers import known_trials, shard_ranges

# Trials of a job: few, so that a pilot of minutes is spread over the cores.
SHARD_SIZE = 10
# Without pilots in the config: that of the search, with this factor to the sizes beside it.
FACTOR = 2
# No pilot of its own is larger than this part of the training split.
MOST_OF_DATA = 0.25
# Digits of a fraction that are enough for the name of its folder.
DIGITS = 4


def list_pilots(search: dict, advise: dict) -> list[dict]:
    """Return fraction and budget of each pilot, the smallest fraction first.

    `search` and `advise` are these sections of the resolved config. Without `advise.pilots` they
    are the search's own fraction and budget, and the same budget on half and twice as many
    samples; on a quarter and half of them if twice as many were too many.
    """
    if advise["pilots"]:
        return sorted(advise["pilots"], key=lambda pilot: pilot["fraction"])
    own = search["fractions"][0]
    powers = (-1, 0, 1) if own * FACTOR <= MOST_OF_DATA else (-2, -1, 0)
    return [
        {"fraction": float(f"{own * FACTOR**power:.{DIGITS}g}"), "budget": search["budget"]}
        for power in powers
    ]


def count_pilot_trials(search: dict, advise: dict) -> int:
    """Return how many trials each pilot has: no more than the search, or its first generation."""
    return min(advise["n_pilot"], len(known_trials(search)))


def pilot_shards(search: dict, advise: dict) -> list[tuple[int, int]]:
    """Return the trials of each shard of a pilot as (first, stop)."""
    n_trials = count_pilot_trials(search, advise)
    return shard_ranges({**search, "n_trials": n_trials, "shard_size": SHARD_SIZE})
