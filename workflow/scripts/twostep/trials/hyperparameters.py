"""The hyperparameters of a network of the user's own: how many sets there are, and random ones."""

import math
from collections.abc import Callable
from typing import Any

from twostep.training.configuration import Hyperparameter
from twostep.trials.ranges import choose, count_values, integer, number

# The key of the space that holds them; it is there for a network of the user's own alone.
KEY = "hyperparameters"
Values = tuple[tuple[str, Hyperparameter], ...]


def count_hyperparameters(dimensions: dict) -> float:
    """Return how many sets of values there are; infinity if a range is one of real numbers."""
    return math.prod(
        count_values(values, is_integer=is_integer(values)) for values in dimensions.values()
    )


def draw_hyperparameters(dimensions: dict, uniform: Callable[[], float]) -> Values:
    """Draw a set of values, by name, which is the order of the draws, too.

    `uniform` returns another number in [0, 1) each time.
    """
    return tuple((name, _draw(dimensions[name], uniform())) for name in sorted(dimensions))


def _draw(values: Any, u: float) -> Hyperparameter:
    if not isinstance(values, dict):
        return choose(values, u)
    return integer(values, u) if is_integer(values) else number(values, u)


def is_integer(values: object) -> bool:
    """Tell whether a dimension is a range of integers."""
    return isinstance(values, dict) and bool(values.get("integer"))
