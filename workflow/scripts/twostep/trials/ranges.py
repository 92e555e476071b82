"""One dimension of a search space: a value, a list to draw from, or a range {min, max, log}.

A draw takes one number `u`, uniform in [0, 1). The schema of the config says which ranges are
logarithmic where the user does not.
"""

import math
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
Range = dict[str, float]


def listed(values: object) -> list:
    """Return the values of a dimension that has one or a list of them, as a list."""
    return values if isinstance(values, list) else [values]


def choose(values: list[Value] | Value, u: float) -> Value:
    """Return the one value, or one of a list."""
    return values[int(u * len(values))] if isinstance(values, list) else values


def number(values: float | list[float] | Range, u: float) -> float:
    """Return a number of a dimension."""
    if not isinstance(values, dict):
        return float(choose(values, u))
    low, high = bounds(values)
    if is_log(values):
        low, high = math.log(low), math.log(high)
        return math.exp(low + u * (high - low))
    return low + u * (high - low)


def integer(values: int | list[int] | Range, u: float) -> int:
    """Return an integer of a dimension."""
    return integers(values)(u)


def integers(values: int | list[int] | Range) -> Callable[[float], int]:
    """Return the function that draws integers of a dimension, for many draws.

    In a logarithmic range an integer n has a weight of about 1 / n.
    """
    if not isinstance(values, dict):
        among = listed(values)
        n_values = len(among)
        return lambda u: among[int(u * n_values)]
    first, last = map(int, bounds(values))
    if not is_log(values):
        return lambda u: first + int(u * (last - first + 1))
    # From half a step below the first to half a step above the last, so that both ends have the
    # weight of an integer.
    low = math.log(first - 0.5)
    length = math.log(last + 0.5) - low
    return lambda u: min(last, max(first, int(math.exp(low + u * length) + 0.5)))


def is_log(values: Range) -> bool:
    """Return whether a range is uniform in the logarithm."""
    return bool(values.get("log", False))


def bounds(values: float | list[float] | Range) -> tuple[float, float]:
    """Return the smallest and the largest value of a dimension of numbers."""
    if isinstance(values, dict):
        return values["min"], values["max"]
    return min(listed(values)), max(listed(values))


def count_values(values: object, *, is_integer: bool) -> float:
    """Return how many values a dimension has; infinity for a range of real numbers."""
    if isinstance(values, list):
        return len(values)
    if not isinstance(values, dict) or values["min"] == values["max"]:
        return 1
    return values["max"] - values["min"] + 1 if is_integer else math.inf
