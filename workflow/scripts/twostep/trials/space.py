"""The search space: configurations, their number, and the list of a study's random ones."""

import itertools
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from twostep.training.configuration import DEFAULTS, Configuration
from twostep.trials.settings import FURTHER, is_used, listed
from twostep.util.seeds import derive_seed

Value = TypeVar("Value")


def count_configurations(space: dict) -> float:
    """Return how many distinct configurations a space holds; infinity if a range is continuous."""
    for key in ("learning_rate", "weight_decay", "dropout"):
        if isinstance(space[key], dict) and space[key]["min"] < space[key]["max"]:
            return math.inf
    layers = space["n_hidden_layers"]
    n_widths = len(space["width"])
    networks = sum(n_widths**n for n in range(layers["min"], layers["max"] + 1))
    return (
        networks
        * math.prod(
            len(space[key]) if isinstance(space[key], list) else 1
            for key in ("batch_size", "activation")
        )
        * _count_optimizations(space)
    )


def _count_optimizations(space: dict) -> float:
    """Return how many combinations of an optimizer and the further settings a space holds.

    A setting multiplies only those that use it.
    """
    combinations = itertools.product(
        listed(space["optimizer"]), listed(space.get("learning_rate_schedule", "constant"))
    )
    return sum(
        math.prod(
            _count_values(space.get(name))
            for name in FURTHER[1:]
            if is_used(name, {"optimizer": optimizer, "learning_rate_schedule": schedule})
        )
        for optimizer, schedule in combinations
    )


def _count_values(values: object) -> float:
    if isinstance(values, dict):
        return math.inf if values["min"] < values["max"] else 1
    return len(listed(values))


def largest_batch(space: dict) -> int:
    """Return the largest batch that a configuration of a space may have."""
    sizes = space["batch_size"]
    return max(sizes) if isinstance(sizes, list) else sizes


def random_configurations(space: dict, *, seed: int) -> Iterator[Configuration]:
    """Yield the configurations of trials 0, 1, 2, ... of a study.

    Trial `i` depends on the seed, the space and `i` alone, and the list is prefix-stable: asking
    for more trials never changes an earlier one. A configuration that an earlier trial already
    has is drawn again, so that no two trials are the same (as in Keras Tuner's random search).
    The caller must not ask for more than `count_configurations` of them.
    """
    seen = set()
    trial = 0
    while True:
        attempt = 0
        while (configuration := draw(space, derive_seed(seed, "trial", trial, attempt))) in seen:
            attempt += 1
        seen.add(configuration)
        yield configuration
        trial += 1


def draw(space: dict, seed: int) -> Configuration:
    """Draw one configuration: the depth uniformly, then each layer's width independently.

    Only `random.Random.random` is used, whose sequence Python guarantees for a seed, so that a
    study's list of configurations does not move with the version of a library.
    """
    uniform = random.Random(seed).random
    layers = space["n_hidden_layers"]
    n_layers = layers["min"] + int(uniform() * (layers["max"] - layers["min"] + 1))
    widths = tuple(_choice(space["width"], uniform()) for _ in range(n_layers))
    configuration = Configuration(
        hidden_widths=widths,
        learning_rate=_log_uniform(space["learning_rate"], uniform()),
        batch_size=_choice(space["batch_size"], uniform()),
        activation=_choice(space["activation"], uniform()),
        optimizer=_choice(space["optimizer"], uniform()),
        weight_decay=_log_uniform(space["weight_decay"], uniform()),
        dropout=_uniform(space["dropout"], uniform()),
    )
    return _with_further_settings(configuration, space, uniform)


def _with_further_settings(
    configuration: Configuration, space: dict, uniform: Callable[[], float]
) -> Configuration:
    """Draw the further settings that the configuration uses; others stay at their defaults.

    So no two configurations differ in a setting that changes nothing.
    """
    drawn: dict[str, Any] = {}
    for name in FURTHER:
        # Drawn in any case, so that the next one does not depend on it.
        u = uniform()
        values = space.get(name, DEFAULTS[name])
        if values != DEFAULTS[name] and is_used(name, vars(configuration) | drawn):
            drawn[name] = FURTHER_DRAWS[name](values, u)
    return replace(configuration, **drawn) if drawn else configuration


def _choice(values: list[Value] | Value, u: float) -> Value:
    return values[int(u * len(values))] if isinstance(values, list) else values


def _uniform(values: float | dict[str, float], u: float) -> float:
    if not isinstance(values, dict):
        return float(values)
    return values["min"] + u * (values["max"] - values["min"])


def _log_uniform(values: float | dict[str, float], u: float) -> float:
    if not isinstance(values, dict):
        return float(values)
    return math.exp(_uniform({edge: math.log(values[edge]) for edge in ("min", "max")}, u))


FURTHER_DRAWS: dict[str, Callable[[Any, float], Any]] = {
    "learning_rate_schedule": _choice,
    "warmup": _uniform,
    "momentum": _uniform,
    "beta1": _uniform,
    "beta2": _uniform,
    "max_gradient_norm": _log_uniform,
}
