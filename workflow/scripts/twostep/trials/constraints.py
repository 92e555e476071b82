"""What a network of the search space may have at most: `search.constraints` of the config."""

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Constraints:
    """The largest numbers of parameters and operations, in networks with these features.

    Operations are multiply-adds of one sample; None is no limit.
    """

    n_inputs: int
    n_outputs: int
    max_parameters: int | None
    max_operations: int | None

    def allow(self, widths: tuple[int, ...]) -> bool:
        """Return whether a network with these hidden layers may be drawn."""
        n_parameters, n_operations = self.count(widths)
        return (self.max_parameters is None or n_parameters <= self.max_parameters) and (
            self.max_operations is None or n_operations <= self.max_operations
        )

    def count(self, widths: tuple[int, ...]) -> tuple[int, int]:
        """Return the parameters and operations of a network, as `Configuration` counts them.

        Millions of networks may be looked at until enough are found.
        """
        into, out = (self.n_inputs, *widths), (*widths, self.n_outputs)
        n_operations = sum(map(operator.mul, into, out))
        return n_operations + sum(out), n_operations


def make_constraints(section: dict, *, n_inputs: int, n_outputs: int) -> Constraints | None:
    """Return what `search.constraints` says of networks with these features; None if nothing."""
    if all(limit is None for limit in section.values()):
        return None
    return Constraints(n_inputs, n_outputs, **section)


def why_impossible(smallest: tuple[int, ...], constraints: Constraints) -> str | None:
    """Return a sentence if not even a space's smallest network is allowed, else None."""
    n_parameters, n_operations = constraints.count(smallest)
    for what, size, limit in (
        ("parameters", n_parameters, constraints.max_parameters),
        ("operations", n_operations, constraints.max_operations),
    ):
        if limit is not None and size > limit:
            return (
                f"search.constraints.max_{what} is {limit}, but the smallest network of "
                f"search.space has at least {size} {what}: allow more of them, or smaller networks"
            )
    return None


def most_parameters(section: dict) -> float:
    """Return a number of parameters that no allowed network exceeds, whatever its features."""
    operations = section["max_operations"]
    # A unit has one bias, and one operation at least.
    return _least([section["max_parameters"], None if operations is None else 2 * operations])


def most_operations(section: dict) -> float:
    """Return a number of operations that no allowed network exceeds."""
    return _least(section.values())


def _least(limits: Iterable[int | None]) -> float:
    return min((limit for limit in limits if limit is not None), default=math.inf)
