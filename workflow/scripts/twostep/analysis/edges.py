"""Whether the finalists crowd at an edge of the search space, beyond which better ones may be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from twostep.trials.settings import users_of

# What all dimensions together would show by chance in one of so many studies.
CHANCE = 0.05
# The part of a continuous range, at either end, that is its edge.
MARGIN = 0.1
# Dimensions whose values are drawn from their logarithms, and the others that are numbers.
LOGARITHMIC = ("learning_rate", "weight_decay", "max_gradient_norm")
LINEAR = ("dropout", "warmup", "momentum", "beta1", "beta2")
# What of a network's widths is looked at.
LAYERS: dict[str, Callable[[list[int]], int]] = {
    "first layer": lambda widths: widths[0],
    "last layer": lambda widths: widths[-1],
    "narrowest layer": min,
}


@dataclass(frozen=True)
class Edge:
    """How many of the finalists lie at an end of a dimension, and how many of all trials.

    `dimension` is its key below `search.space`, `what` the part of the network that it is about,
    `end` is "lower" or "upper", `value` the last value there is. `probability` is that of as many
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

    @property
    def probability(self) -> float:
        """The probability of at least so many finalists there, by chance."""
        return float(
            hypergeom.sf(self.n_finalists_at - 1, self.n_trials, self.n_trials_at, self.n_finalists)
        )


def find_edges(trials: pd.DataFrame, is_finalist: pd.Series, space: dict) -> list[Edge]:
    """Return all edges of the space at which finalists might crowd, the most striking first.

    `trials` are the trials of a search that succeeded, with their configurations, `is_finalist`
    tells which of them step 2 has chosen. An end beyond which nothing can be, such as one hidden
    layer or no dropout, is no edge.
    """
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
        )
        for dimension, what, end, value, at_end in _ends(trials, space)
    ]
    return sorted(edges, key=lambda edge: edge.probability)


def crowded(edges: list[Edge]) -> list[Edge]:
    """Return those of the edges at which more finalists are than chance explains (Bonferroni)."""
    return [edge for edge in edges if edge.probability * len(edges) <= CHANCE]


def _ends(trials: pd.DataFrame, space: dict) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    """Yield each end of each dimension, and which are there of the trials that use it."""
    depth, layers = trials["n_hidden_layers"], space["n_hidden_layers"]
    yield from _both("n_hidden_layers", "number of hidden layers", depth, layers, no_less_than=1)
    widths = [[int(width) for width in text.split("-")] for text in trials["hidden_widths"]]
    allowed = {"min": min(space["width"]), "max": max(space["width"])}
    for what, part in LAYERS.items():
        values = pd.Series([part(width) for width in widths], trials.index)
        yield from _both("width", what, values, allowed, no_less_than=1)
    sizes = space["batch_size"]
    if isinstance(sizes, list):
        allowed = {"min": min(sizes), "max": max(sizes)}
        yield from _both("batch_size", "batch size", trials["batch_size"], allowed, no_less_than=1)
    for name in (*LOGARITHMIC, *LINEAR):
        ends = space.get(name)
        if isinstance(ends, dict) and name in trials:
            values = trials.loc[users_of(name, trials), name]
            yield from _range(name, values, ends) if len(values) else ()


def _both(
    dimension: str, what: str, values: pd.Series, allowed: dict, *, no_less_than: float
) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    if allowed["min"] == allowed["max"]:
        return
    if allowed["min"] > no_less_than:
        yield dimension, what, "lower", allowed["min"], values == allowed["min"]
    yield dimension, what, "upper", allowed["max"], values == allowed["max"]


def _range(
    name: str, values: pd.Series, allowed: dict
) -> Iterator[tuple[str, str, str, float, pd.Series]]:
    """Yield both ends of a continuous range; the lower one is none if it is 0."""
    if allowed["min"] == allowed["max"]:
        return
    scale = np.log if name in LOGARITHMIC else np.positive
    low, high = scale(allowed["min"]), scale(allowed["max"])
    place = (scale(values) - low) / (high - low)
    what = name.replace("_", " ")
    if allowed["min"] > 0:
        yield name, what, "lower", allowed["min"], place < MARGIN
    yield name, what, "upper", allowed["max"], place > 1 - MARGIN
