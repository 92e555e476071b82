"""The search space as a fixed list of dimensions, in which an adaptive sampler thinks.

Every configuration has a place in it, and every place is a configuration. A network is its number
of layers and a width for each layer up to the deepest one. What a configuration does not use, such
as the widths of layers that it lacks, is None.
"""

from dataclasses import dataclass
from typing import Any

from twostep.training.configuration import Configuration
from twostep.trials.enqueued import complete, is_single, only_value, settings_of
from twostep.trials.hyperparameters import KEY, is_integer
from twostep.trials.networks import EQUAL, INDEPENDENT, patterns_of
from twostep.trials.ranges import bounds, is_log, listed
from twostep.trials.settings import FURTHER, is_used
from twostep.trials.space import INTEGERS

DEPTH, WIDTH = "n_hidden_layers", "width"
Place = dict[str, Any]


@dataclass(frozen=True)
class Dimension:
    """One dimension: a range of numbers from `low` to `high`, or `choices` without an order.

    Of a list of numbers, the range is that of their positions in the sorted `values`.
    """

    low: float = 0.0
    high: float = 0.0
    log: bool = False
    integer: bool = False
    values: tuple[Any, ...] = ()
    choices: tuple[Any, ...] = ()

    def encode(self, value: Any) -> Any:
        """Return the place of a value."""
        if self.choices:
            return value
        if self.values:
            return self.values.index(value)
        # Drawn through a logarithm, a value may lie beyond the end by a rounding error.
        return min(max(value, self.low), self.high)

    def decode(self, place: Any) -> Any:
        """Return the value at a place."""
        return self.values[place] if self.values else place


def dimension(values: object, *, integer: bool) -> Dimension:
    """Return a dimension of a space that has several values; `integer` tells of a range."""
    if isinstance(values, dict):
        low, high = bounds(values)
        return Dimension(low, high, log=is_log(values), integer=integer)
    among = listed(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in among):
        return Dimension(0, len(among) - 1, integer=True, values=tuple(sorted(among)))
    return Dimension(choices=tuple(among))


class Encoding:
    """The dimensions of a space, and the way from a configuration to its place and back."""

    def __init__(self, space: dict) -> None:
        self._space = space
        self._settings = {
            name: dimension(values, integer=name in INTEGERS)
            for name, values in settings_of(space).items()
            if not is_single(values)
        }
        self._hyperparameters = {
            name: dimension(values, integer=is_integer(values))
            for name, values in space.get(KEY, {}).items()
            if not is_single(values)
        }
        self._layers = {} if KEY in space else _dimensions_of_layers(space)

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """All dimensions that vary, by name."""
        own = {f"{KEY}.{name}": each for name, each in self._hyperparameters.items()}
        return {**self._layers, **own, **self._settings}

    def encode(self, configuration: Configuration) -> Place:
        """Return the place of a configuration, None for what it does not use."""
        used = vars(configuration)
        place: Place = {
            name: each.encode(used[name]) if is_used(name, used) else None
            for name, each in self._settings.items()
        }
        values = dict(configuration.hyperparameters or ())
        for name, each in self._hyperparameters.items():
            place[f"{KEY}.{name}"] = each.encode(values[name])
        widths = configuration.hidden_widths
        if DEPTH in self._layers:
            place[DEPTH] = len(widths)
        for i, name in enumerate(name for name in self._layers if name != DEPTH):
            place[name] = self._layers[name].encode(widths[i]) if i < len(widths) else None
        return place

    def decode(self, place: Place) -> Configuration:
        """Return the configuration at a place; what it does not use has no part in it."""
        entry = {name: each.decode(place[name]) for name, each in self._settings.items()}
        unused = [
            name
            for name in FURTHER
            if name in entry and not is_used(name, {**self._space, **entry})
        ]
        entry = {name: value for name, value in entry.items() if name not in unused}
        if KEY in self._space:
            entry[KEY] = {
                name: each.decode(place[f"{KEY}.{name}"])
                for name, each in self._hyperparameters.items()
            }
        else:
            entry["hidden_widths"] = self._decode_widths(place)
        return Configuration.from_dict(complete(entry, self._space))

    def _decode_widths(self, place: Place) -> list[int]:
        space = self._space
        n_layers = place[DEPTH] if DEPTH in self._layers else space[DEPTH]["max"]
        names = [name for name in self._layers if name != DEPTH]
        if not names:
            return [only_value(space[WIDTH])] * n_layers
        widths = [self._layers[name].decode(place[name]) for name in names[:n_layers]]
        patterns = patterns_of(space)
        if patterns == [EQUAL]:
            return widths * n_layers
        return widths if INDEPENDENT in patterns else sorted(widths, reverse=True)


def _dimensions_of_layers(space: dict) -> dict[str, Dimension]:
    """Return the dimensions of fully connected networks.

    Of several patterns, the one counts that holds the others: equal widths are tapering, too, and
    all are among the independent ones.
    """
    found = {}
    if not is_single(space[DEPTH]):
        found[DEPTH] = dimension(space[DEPTH], integer=True)
    if not is_single(space[WIDTH]):
        n_widths = 1 if patterns_of(space) == [EQUAL] else space[DEPTH]["max"]
        each = dimension(space[WIDTH], integer=True)
        found |= {f"{WIDTH}_{i + 1}": each for i in range(n_widths)}
    return found
