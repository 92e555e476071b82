"""Configurations of the user's own, which are tried first: `search.enqueue`.

Without the numerical libraries, as the config is checked with it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from twostep.training.configuration import DEFAULTS, Configuration
from twostep.trials.hyperparameters import KEY
from twostep.trials.networks import DIMENSIONS, EQUAL, INDEPENDENT, patterns_of
from twostep.trials.ranges import bounds, listed
from twostep.trials.settings import is_used

# What an entry has in place of the space's dimensions of fully connected networks.
WIDTHS = "hidden_widths"


def enqueued(search: Mapping) -> list[Configuration]:
    """Return the user's own configurations, in their order; `search` is that section."""
    return [
        Configuration.from_dict(complete(entry, search["space"])) for entry in search["enqueue"]
    ]


def complete(entry: Mapping, space: Mapping) -> dict:
    """Return the mapping of a configuration: an entry with what has one value in the space."""
    found = {name: value for name, value in entry.items() if name != KEY}
    for name, values in settings_of(space).items():
        if name not in found and is_single(values) and is_used(name, {**space, **entry}):
            value = only_value(values)
            if name not in DEFAULTS or value != DEFAULTS[name]:
                found[name] = value
    if KEY in space:
        single = {name: only_value(v) for name, v in space[KEY].items() if is_single(v)}
        found[KEY] = {**single, **entry.get(KEY, {})}
    return found


def settings_of(space: Mapping) -> dict:
    """Return the dimensions of a space that do not describe networks."""
    return {name: values for name, values in space.items() if name not in (*DIMENSIONS, KEY)}


def is_single(values: object) -> bool:
    """Tell whether a dimension has one value."""
    if isinstance(values, dict):
        return values["min"] == values["max"]
    return len(listed(values)) == 1


def only_value(values: Any) -> Any:
    """Return the value of a dimension that has one."""
    return values["min"] if isinstance(values, dict) else listed(values)[0]


def holds(values: object, value: object) -> bool:
    """Tell whether a dimension has a value."""
    if not isinstance(values, dict):
        return value in listed(values)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    low, high = bounds(values)
    return low <= value <= high and (not values.get("integer") or float(value).is_integer())


def foreign_values(entry: Mapping, space: Mapping) -> Iterator[tuple[str, object]]:
    """Yield the names and values of an entry that the space does not have."""
    for name, values in settings_of(space).items():
        if name in entry and not holds(values, entry[name]):
            yield name, entry[name]
    for name, value in entry.get(KEY, {}).items():
        if name not in space.get(KEY, {}) or not holds(space[KEY][name], value):
            yield f"{KEY}.{name}", value
    if WIDTHS in entry and KEY not in space and not _has_network(space, entry[WIDTHS]):
        yield WIDTHS, entry[WIDTHS]


def _has_network(space: Mapping, widths: list[int]) -> bool:
    """Tell whether a space has a fully connected network."""
    if not holds(space["n_hidden_layers"], len(widths)):
        return False
    if not all(holds(space["width"], width) for width in widths):
        return False
    patterns = patterns_of(dict(space))
    if INDEPENDENT in patterns:
        return True
    is_equal = len(set(widths)) == 1
    return is_equal if patterns == [EQUAL] else widths == sorted(widths, reverse=True)
