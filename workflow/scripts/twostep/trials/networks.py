"""The networks of a search space: how many there are, and random ones."""

import math
from collections.abc import Callable

from twostep.trials.constraints import Constraints
from twostep.trials.ranges import bounds, count_values, integer, integers, listed

# The dimensions that together make a network.
DIMENSIONS = ("n_hidden_layers", "width", "width_pattern")
# The strictest first: each is a special case of the next.
PATTERNS = EQUAL, TAPERING, INDEPENDENT = "equal", "tapering", "independent"


def patterns_of(space: dict) -> list[str]:
    """Return the patterns that the widths of a space's networks may have."""
    return listed(space.get("width_pattern", INDEPENDENT))


def smallest_network(space: dict, n_layers: int | None = None) -> tuple[int, ...]:
    """Return the widths of the smallest network, of all or of those with so many hidden layers."""
    n_layers = n_layers or space["n_hidden_layers"]["min"]
    return (int(bounds(space["width"])[0]),) * n_layers


def count_networks(space: dict) -> int:
    """Return how many distinct networks a space holds.

    Networks of equal widths are tapering, too, and all are among those of independent widths.
    """
    layers, patterns = space["n_hidden_layers"], patterns_of(space)
    n_widths = int(count_values(space["width"], is_integer=True))
    depths = range(layers["min"], layers["max"] + 1)
    if INDEPENDENT in patterns:
        return sum(n_widths**depth for depth in depths)
    if TAPERING in patterns:
        # Combinations with repetition.
        return sum(math.comb(n_widths + depth - 1, depth) for depth in depths)
    return n_widths * len(depths)


class Networks:
    """Random networks of a space, of which constraints may allow only some."""

    def __init__(self, space: dict, constraints: Constraints | None) -> None:
        self._layers = space["n_hidden_layers"]
        self._patterns = patterns_of(space)
        self._width = integers(space["width"])
        self._n_widths = count_values(space["width"], is_integer=True)
        self._allow = constraints.allow if constraints else None
        # Deeper networks are refused before their widths are drawn, which saves most of the time.
        depths = range(self._layers["min"], self._layers["max"] + 1)
        allowed = [n for n in depths if not self._allow or self._allow(smallest_network(space, n))]
        self._deepest = max(allowed, default=0)

    def draw(self, uniform: Callable[[], float]) -> tuple[int, ...] | None:
        """Draw the number of hidden layers, then their widths; None if they are not allowed.

        `uniform` returns another number in [0, 1) each time.
        """
        n_layers = integer(self._layers, uniform())
        if n_layers > self._deepest:
            return None
        widths = self._draw_widths(n_layers, uniform)
        return widths if not self._allow or self._allow(widths) else None

    def _draw_widths(self, n_layers: int, uniform: Callable[[], float]) -> tuple[int, ...]:
        # One pattern takes no draw: spaces without the key are drawn as they were before it.
        patterns = self._patterns
        pattern = patterns[int(uniform() * len(patterns)) if len(patterns) > 1 else 0]
        if pattern == EQUAL:
            return (self._width(uniform()),) * n_layers
        if pattern == TAPERING:
            return self._draw_tapering(n_layers, uniform)
        return tuple([self._width(uniform()) for _ in range(n_layers)])

    def _draw_tapering(self, n_layers: int, uniform: Callable[[], float]) -> tuple[int, ...]:
        """Draw widths that do not grow from input to output.

        Each layer either has a width of its own, drawn like any other, or repeats one of the layers
        drawn so far, with the probabilities of Polya's urn; then they are sorted. So all sequences
        that do not grow are equally probable where all widths are. Independent widths that are
        sorted would hardly ever be nearly equal in deep networks, and most sequences would never
        be found.
        """
        widths: list[int] = []
        for i in range(n_layers):
            place = uniform() * (self._n_widths + i)
            repeated = int(place - self._n_widths)
            is_new = place < self._n_widths
            widths.append(self._width(place / self._n_widths) if is_new else widths[repeated])
        return tuple(sorted(widths, reverse=True))
