"""What a config may say of its sampler and of configurations of the user's own."""

from collections.abc import Iterator

from twostep.config.sentences import describe_given
from twostep.trials.enqueued import (
    WIDTHS,
    enqueued,
    foreign_values,
    is_single,
    settings_of,
)
from twostep.trials.hyperparameters import KEY
from twostep.trials.samplers import TPE, is_adaptive
from twostep.trials.settings import USED_WITH, is_used


def contradictions_in_sampler(search: dict, generation_size: int) -> Iterator[str]:
    """Yield a sentence for each thing that the sampler cannot do.

    `search` is that section of the config, and `generation_size` the default of that key.
    """
    if is_adaptive(search):
        if len(search["fractions"]) > 1:
            yield (
                f"search.fractions has {len(search['fractions'])} entries, but search.sampler = "
                f"{TPE} learns from the losses of a single one: take the others out, or choose "
                "another sampler"
            )
    elif search["generation_size"] != generation_size:
        yield (
            f"search.generation_size has no effect, because search.sampler is "
            f"{search['sampler']}: take it out, or set search.sampler to {TPE}"
        )
    yield from _contradictions_in_enqueue(search)


def _contradictions_in_enqueue(search: dict) -> Iterator[str]:
    """Yield a sentence for each configuration of the user's own that cannot be tried."""
    n_entries, space = len(search["enqueue"]), search["space"]
    keys = ["n_trials", *(["generation_size"] if is_adaptive(search) else [])]
    for key in keys:
        if n_entries > search[key]:
            yield (
                f"search.enqueue has {n_entries} entries, but search.{key} is only "
                f"{search[key]}: take some of them out, or raise search.{key}"
            )
    for i, entry in enumerate(search["enqueue"], start=1):
        yield from _contradictions_in_entry(f"search.enqueue, entry {i}", entry, space)
    configurations = enqueued(search)
    for i, configuration in enumerate(configurations):
        if configuration in configurations[:i]:
            yield (
                f"search.enqueue, entry {i + 1} is the same configuration as entry "
                f"{configurations.index(configuration) + 1}: take one of them out"
            )


def _contradictions_in_entry(where: str, entry: dict, space: dict) -> Iterator[str]:
    """Yield why an entry is no configuration of the space."""
    settings, network = settings_of(space), KEY if KEY in space else WIDTHS
    for name in entry:
        if name not in settings and name != network:
            yield (
                f"{where}, {name} is not among what these networks have: take it out "
                f"(known here: {', '.join([network, *settings])})"
            )
    for name, value in foreign_values(entry, space):
        shown = ", ".join(map(str, value)) if isinstance(value, list) else describe_given(value)
        yield (
            f"{where}, {name} is {shown}, which search.space does not have: change it, or widen "
            "the space"
        )
    chosen = {**space, **entry}
    for name, values in settings.items():
        used = is_used(name, chosen)
        if name in entry and not used:
            other = USED_WITH[name][0]
            yield (f"{where}, {name} has no effect with {other} = {chosen[other]}: take it out")
        # Where the space has several values of the other one, that is missing first.
        if name not in entry and used and not is_single(values):
            yield f"{where}, {name} is missing: search.space has several values for it: name one"
    if network not in entry:
        yield f"{where}, {network} is missing: it describes the network"
    for name, values in space.get(KEY, {}).items():
        if name not in entry.get(KEY, {}) and not is_single(values):
            yield (
                f"{where}, {KEY}.{name} is missing: search.space has several values for it: name "
                "one"
            )
