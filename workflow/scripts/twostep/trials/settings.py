"""The settings of the training that most studies leave at their defaults: where they count.

A table or a text has them only where a trial differs from the defaults, so that plain studies look
as if there were none.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from twostep.training.configuration import DEFAULTS
from twostep.trials.hyperparameters import KEY
from twostep.trials.ranges import listed

if TYPE_CHECKING:
    import pandas as pd

# In the order of the tables' columns. Each is a key of `search.space`, too.
FURTHER = (
    "learning_rate_schedule",
    "warmup",
    "momentum",
    "beta1",
    "beta2",
    "max_gradient_norm",
)
# Settings that only trials with some values of another one use: all others hold the default.
USED_WITH = {
    "warmup": ("learning_rate_schedule", ("one_cycle",)),
    "momentum": ("optimizer", ("sgd",)),
    "beta1": ("optimizer", ("adam", "adamw")),
    "beta2": ("optimizer", ("adam", "adamw")),
}


def is_used(name: str, values: Mapping) -> bool:
    """Tell whether a configuration uses a setting, or any configuration of a space does.

    `values` maps the names of settings to a value, or to a list of them.
    """
    if name not in USED_WITH:
        return True
    other, needed = USED_WITH[name]
    return not set(needed).isdisjoint(listed(values.get(other, DEFAULTS.get(other))))


def schedules(space: Mapping) -> list[str]:
    """Return the learning-rate schedules of a space other than the constant one."""
    given = listed(space.get("learning_rate_schedule", "constant"))
    return [schedule for schedule in given if schedule != "constant"]


def told_dimensions(space: Mapping) -> dict:
    """Return a space without the further settings that none of its trials has or changes.

    Hyperparameters of a network of the user's own are dimensions like the others.
    """
    return {
        name: values
        for name, values in {**space.get(KEY, {}), **space}.items()
        if name != KEY
        and (name not in FURTHER or (is_used(name, space) and values != DEFAULTS[name]))
    }


def further_settings(names: Iterable[str]) -> list[str]:
    """Return which further settings are among these names, in their order.

    The names may be those in a configuration's mapping, which lacks settings at their defaults, or
    the columns of a table.
    """
    found = set(names)
    return [name for name in FURTHER if name in found]


def users_of(name: str, trials: "pd.DataFrame") -> "pd.Series":
    """Return which of the trials of a table use a hyperparameter, (n_trials,)."""
    if name not in USED_WITH:
        return trials.notna().any(axis=1)
    other, needed = USED_WITH[name]
    return trials[other].isin(needed)
