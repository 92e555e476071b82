"""Whether the best model lies at an edge of the search space."""

import math

import pandas as pd

from twostep.report.finding import DOUBT, GOOD, Finding
from twostep.util.wording import spell

# A value in this part of a continuous range, at either end, is taken to be at its edge.
MARGIN = 0.05
# Dimensions whose values are drawn from their logarithms, and the others that are numbers.
LOGARITHMIC, LINEAR = ("learning_rate", "weight_decay"), ("dropout",)


def check_edges(best: pd.Series, space: dict) -> list[Finding]:
    """Return the edges of the search space at which the best model lies, or that it lies at none.

    `best` is its row in the table of retrained models. Where a dimension has one value, or two of a
    kind that lie at an edge each, nothing can be told of it.
    """
    found = [
        *_depth(best, space["n_hidden_layers"]),
        *_widths(best, space["width"]),
        *_batch_size(best, space["batch_size"]),
        *(text for name in (*LOGARITHMIC, *LINEAR) for text in _range(best, name, space[name])),
    ]
    if not found:
        return [Finding("The best model lies at no edge of the search space.", GOOD)]
    return [Finding(text, DOUBT, "the best model is at an edge of the space") for text in found]


def _depth(best: pd.Series, layers: dict) -> list[str]:
    depth = int(best["n_hidden_layers"])
    # Fewer than one hidden layer is no network.
    at_edge = depth == layers["max"] or 1 < depth == layers["min"]
    if layers["min"] == layers["max"] or not at_edge:
        return []
    end = "most" if depth == layers["max"] else "fewest"
    return [
        f"The best model has {depth} hidden layers, the {end} that "
        "`search.space.n_hidden_layers` allows: a wider range may hold better ones."
    ]


def _widths(best: pd.Series, widths: list[int]) -> list[str]:
    used = {int(width) for width in str(best["hidden_widths"]).split("-")}
    return [
        f"All hidden layers of the best model have {edge} units, the {end} number in "
        "`search.space.width`: a wider range may hold better models."
        for end, edge in (("smallest", min(widths)), ("largest", max(widths)))
        if len(widths) > 1 and used == {edge}
    ]


def _batch_size(best: pd.Series, sizes: int | list[int]) -> list[str]:
    if not isinstance(sizes, list) or len(sizes) < 3:
        return []
    return [
        f"The best model was trained with batches of {edge}, the {end} in "
        "`search.space.batch_size`: others beyond it may do better."
        for end, edge in (("smallest", min(sizes)), ("largest", max(sizes)))
        if best["batch_size"] == edge
    ]


def _range(best: pd.Series, name: str, values: float | dict) -> list[str]:
    if not isinstance(values, dict) or values["min"] == values["max"]:
        return []
    scale = math.log if name in LOGARITHMIC else float
    low, high, value = (scale(x) for x in (values["min"], values["max"], best[name]))
    place = (value - low) / (high - low)
    # No dropout at all is no edge that a wider range could go beyond.
    if MARGIN < place < 1 - MARGIN or (place <= MARGIN and values["min"] == 0):
        return []
    return [
        f"The best model's {spell(name)} is {best[name]:.3g}, close to the "
        f"{'upper' if place > 0.5 else 'lower'} end of `search.space.{name}`: a wider range may "
        "hold better models."
    ]
