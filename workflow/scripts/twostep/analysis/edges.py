"""Whether the finalists crowd at an edge of the search space, beyond which better ones may be."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from twostep.trials.hyperparameters import KEY
from twostep.trials.networks import DIMENSIONS
from twostep.trials.ranges import bounds, is_log
from twostep.trials.settings import users_of
from twostep.trials.space import INTEGERS
from twostep.util.columns import is_fully_connected
from twostep.util.wording import spell

# What all dimensions together would show by chance in one of so many studies.
CHANCE = 0.05
# The part of a range, at either end, that is its edge.
MARGIN = 0.1
# What of a network's widths is looked at.
LAYERS: dict[str, Callable[[list[int]], int]] = {
    "first layer": lambda widths: widths[0],
    "last layer": lambda widths: widths[-1],
    "narrowest layer": min,
}


@dataclass(frozen=True)
class Edge:
    """How many of the finalists lie at an end of a dimension, and how many of all trials.

    `dimension` is its key below `search.space`, or below another `section` of the search, and
    `what` the part of the network that it is about; `end` is "lower" or "upper", `value` the last
    value there is. `probability` is that of as many
    finalists there if they were drawn at random from the trials (hypergeometric). Only trials count
    that use the dimension, such as those with sgd for the momentum.
    """

    dimension: str
    what: str
    end: str
    value: float
    n_finalists: int
    n_finalists_at: int
    n_trials: int
    n_trials_at: int
    section: str = "space"

    @property
    def probability(self) -> float:
        """The probability of at least so many finalists there, by chance."""
        return float(
            hypergeom.sf(self.n_finalists_at - 1, self.n_trials, self.n_trials_at, self.n_finalists)
        )


def find_edges(
    trials: pd.DataFrame,
    is_finalist: pd.Series,
    space: dict,
    constraints: Mapping[str, int | None] | None = None,
) -> list[Edge]:
    """Return all edges of the space at which finalists might crowd, the most striking first.

    `trials` are the trials of a search that succeeded, with their configurations, `is_finalist`
    tells which of them step 2 has chosen. An end beyond which nothing can be, such as one hidden
    layer or no dropout, is no edge. A limit of the constraints is one if any network comes near it.
    """
    ends = [("space", *end) for end in _ends(trials, space)]
    ends += [("constraints", *end) for end in _limits(trials, constraints or {})]
    edges = [
        Edge(
            dimension,
            what,
            end,
            value,
            int(is_finalist[at_end.index].sum()),
            int((at_end & is_finalist[at_end.index]).sum()),
            len(at_end),
            int(at_end.sum()),
            section,
        )
        for section, dimension, what, end, value, at_end in ends
    ]
    return sorted(edges, key=lambda edge: edge.probability)


def crowded(edges: list[Edge]) -> list[Edge]:
    """Return those of the edges at which more finalists are than chance explains (Bonferroni)."""
    return [edge for edge in edges if edge.probability * len(edges) <= CHANCE]


def _ends(trials: pd.DataFrame, space: dict) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    """Yield each end of each dimension, and which are there of the trials that use it."""
    if is_fully_connected(trials):
        yield from _ends_of_layers(trials, space)
    for name, values in space.items():
        if name not in DIMENSIONS and name in trials and _is_numeric(values):
            what, least = name.replace("_", " "), 1 if name in INTEGERS else 0
            used = trials.loc[users_of(name, trials), name]
            yield from _of_dimension(name, what, used, values, least=least) if len(used) else ()
    for name, values in space.get(KEY, {}).items():
        if _is_numeric(values):
            # ASSUME: whole numbers count something, of which there is one at least.
            least = 1 if all(float(end).is_integer() for end in bounds(values)) else 0
            what = f"value of {name}"
            yield from _of_dimension(f"{KEY}.{name}", what, trials[name], values, least=least)


def _ends_of_layers(
    trials: pd.DataFrame, space: dict
) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    """Yield the same for the layers of fully connected networks."""
    depth = trials["n_hidden_layers"]
    layers = [space["n_hidden_layers"][end] for end in ("min", "max")]
    yield from _of_dimension("n_hidden_layers", "number of hidden layers", depth, layers, least=1)
    widths = [[int(width) for width in text.split("-")] for text in trials["hidden_widths"]]
    for what, part in LAYERS.items():
        values = pd.Series([part(width) for width in widths], trials.index)
        yield from _of_dimension("width", what, values, space["width"], least=1)


def _limits(
    trials: pd.DataFrame, constraints: Mapping[str, int | None]
) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    """Yield the same for each limit of the constraints that a network comes near."""
    for name, limit in constraints.items():
        what = name.replace("max_", "n_")
        if limit is None or (smallest := trials[what].min()) >= limit:
            continue
        place = np.log(trials[what] / smallest) / np.log(limit / smallest)
        if (place > 1 - MARGIN).any():
            yield name, spell(what), "upper", limit, place > 1 - MARGIN


def _is_numeric(values: object) -> bool:
    """Return whether a dimension has several numbers: a list of them or a range."""
    return isinstance(values, dict) or (
        isinstance(values, list)
        and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    )


def _of_dimension(
    dimension: str, what: str, values: pd.Series, allowed: list | dict, *, least: float
) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    """Yield both ends of a dimension; the lower one is none at the least value there can be."""
    low, high = bounds(allowed)
    if low == high:
        return
    if isinstance(allowed, dict):
        scale = np.log if is_log(allowed) else np.positive
        place = (scale(values) - scale(low)) / (scale(high) - scale(low))
        at_low, at_high = place < MARGIN, place > 1 - MARGIN
    else:
        at_low, at_high = values == low, values == high
    if low > least:
        yield dimension, what, "lower", low, at_low
    yield dimension, what, "upper", high, at_high
