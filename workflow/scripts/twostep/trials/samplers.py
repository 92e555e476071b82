"""Which trials a sampler chooses together, and which of them are random: `search.sampler`.

Without the numerical libraries, as the rules ask for it whenever the Snakefile is read. The
arguments named `search` are that section of the config.
"""

RANDOM, QMC, TPE = "random", "qmc", "tpe"


def is_adaptive(search: dict) -> bool:
    """Tell whether trials come in generations, the later ones chosen by the losses before them."""
    return search["sampler"] == TPE


def has_chosen(search: dict) -> bool:
    """Tell whether a study has trials that were chosen by the losses of earlier ones."""
    return len(known_trials(search)) < search["n_trials"]


def shard_ranges(search: dict) -> list[tuple[int, int]]:
    """Return the trials of each shard as (first, stop); none has trials of two generations."""
    n_trials, size = search["n_trials"], search["shard_size"]
    generation = search["generation_size"] if is_adaptive(search) else n_trials
    return [
        (first, min(first + size, start + generation, n_trials))
        for start in range(0, n_trials, generation)
        for first in range(start, min(start + generation, n_trials), size)
    ]


def generation_of(search: dict, trial: int) -> int:
    """Return the number of the generation, from 0 on, that a trial belongs to."""
    return trial // search["generation_size"]


def random_trials(search: dict) -> range:
    """Return the ids of the trials that are a random sample of the search space.

    The user's own configurations are none, nor are those that were chosen by earlier losses.
    Quasi-random ones count as random: they are only spread more evenly.
    """
    stop = search["n_trials"]
    if is_adaptive(search):
        stop = min(stop, search["generation_size"])
    return range(min(len(search["enqueue"]), stop), stop)


def known_trials(search: dict) -> range:
    """Return the trials whose configurations are known before any is trained."""
    n_known = search["generation_size"] if is_adaptive(search) else search["n_trials"]
    return range(min(n_known, search["n_trials"]))


def are_random(search: dict) -> bool:
    """Tell whether all trials are a random sample of the search space."""
    return len(random_trials(search)) == search["n_trials"]


def describe_sample(search: dict) -> str:
    """Return what the trials of a search are, e.g. "1,000 random configurations"."""
    kind, notes = "random ", []
    if search["sampler"] == QMC:
        kind, notes = "quasi-random ", ["points of a scrambled Sobol sequence"]
    elif has_chosen(search):
        kind = ""
        notes = [
            f"the first {len(known_trials(search)):,} random, the others chosen by TPE in "
            f"generations of {search['generation_size']:,}"
        ]
    if search["enqueue"]:
        notes.append(f"{len(search['enqueue']):,} named in the config")
    noted = f" ({'; '.join(notes)})" if notes else ""
    return f"{search['n_trials']:,} {kind}configurations{noted}"
