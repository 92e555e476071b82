"""The variables whose entries the features are: what texts speak of where features are many."""

import math
from dataclasses import dataclass

from twostep.data.cleaning import UNSCALED
from twostep.util.text import MOST_FEATURES, list_names
from twostep.util.wording import ends, table, unit_of

# For people who have to bring the entries of a variable into order.
ORDER = (
    "The entries of a variable are in the order of its dimensions, the last one running fastest."
)


@dataclass(frozen=True)
class Variable:
    """Features that are shown as one, neighbours among the inputs or the outputs.

    `features` are those of the manifest or the model, and `first` is the place of the first of
    them, from 1. `dimensions` and `shape` are the further dimensions of a variable, whose entries
    the features are, but for those that were left out. A single feature has none.
    """

    name: str
    first: int
    features: list[dict]
    dimensions: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()

    @property
    def feature_names(self) -> list[str]:
        """The names of the features."""
        return [feature["name"] for feature in self.features]

    @property
    def places(self) -> str:
        """The places of the features, e.g. "3" or "1 to 784"."""
        last = self.first + len(self.features) - 1
        return f"{self.first:,}" if last == self.first else f"{self.first:,} to {last:,}"

    @property
    def entries(self) -> str:
        """The dimensions with their sizes, e.g. "row: 28, column: 28", and how many are left."""
        if not self.dimensions:
            return ""
        named = zip(self.dimensions, self.shape, strict=True)
        text = ", ".join(f"{name}: {size:,}" for name, size in named)
        n_left, n_all = len(self.features), math.prod(self.shape)
        return text if n_left == n_all else f"{n_left:,} of {n_all:,} ({text})"


def list_variables(features: list[dict], shapes: dict[str, dict]) -> list[Variable]:
    """Return the variables of a list of inputs or outputs, in their order.

    `shapes` are the `variables` of the manifest: each with its `dimensions` and its `shape`.
    """
    places: dict[str, list[int]] = {}
    for place, feature in enumerate(features):
        places.setdefault(feature["variable"], []).append(place)
    return [
        Variable(
            name,
            own[0] + 1,
            [features[place] for place in own],
            tuple(shapes[name]["dimensions"]),
            tuple(shapes[name]["shape"]),
        )
        for name, own in places.items()
    ]


def list_shown(features: list[dict], shapes: dict[str, dict]) -> list[Variable]:
    """Return what the rows of a table stand for: each feature, or variables if these are many."""
    if len(features) > MOST_FEATURES:
        return list_variables(features, shapes)
    return [Variable(feature["name"], i, [feature]) for i, feature in enumerate(features, 1)]


def feature_table(role: str, shown: list[Variable]) -> str:
    """Return a table of what `list_shown` returned for the inputs or the outputs.

    `role` is "input" or "output". The range tells where a model may be used.
    """
    has_entries = any(variable.dimensions for variable in shown)
    rows = [[role, "name", "quantity", "unit", "transform", "smallest", "largest"]]
    if has_entries:
        rows[0].insert(2, "entries")
    for variable in shown:
        feature = variable.features[0]
        smallest, largest = ends(
            min(feature["min"] for feature in variable.features),
            max(feature["max"] for feature in variable.features),
        )
        rows.append(
            [
                variable.places,
                f"`{variable.name}`",
                *([variable.entries] if has_entries else []),
                feature["long_name"],
                unit_of(feature["units"]).strip() or ("1" if feature["units"].strip() else ""),
                feature["transform"],
                smallest,
                largest,
            ]
        )
    return table(rows)


def unscaled(inputs: list[dict]) -> str:
    """Return which inputs are not scaled as a sentence; nothing if all are."""
    names = [feature["variable"] for feature in inputs if feature.get("scale") == UNSCALED]
    listed = list_names([f"`{name}`" for name in dict.fromkeys(names)])
    return f"The network gets these inputs without scaling: {listed}." if names else ""
