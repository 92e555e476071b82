"""What becomes of the usable rows of a data set: where they go, and what is counted on the way."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from twostep.data.arrays import Rows
from twostep.data.classes import Classes
from twostep.data.cleaning import Columns
from twostep.data.masks import MaskedValues
from twostep.data.missing import MASK
from twostep.data.raw_values import RawValues
from twostep.data.scaling import Moments
from twostep.data.shuffle import Shuffler
from twostep.data.sizes import SAMPLE_WEIGHT
from twostep.data.slabs import Slab
from twostep.data.source import Source
from twostep.data.split_numbers import TRAINING
from twostep.data.validation_units import ValidationUnits
from twostep.data.weights import SampleWeights


@dataclass(frozen=True)
class KeptRows:
    """All that takes the usable rows of the one pass over the data.

    `classes` and `weights` are None unless the config asks for them.
    """

    shuffler: Shuffler
    units: ValidationUnits
    raw: RawValues
    moments: Moments
    masks: MaskedValues
    classes: Classes | None
    weights: SampleWeights | None

    def add(
        self, slab: Slab, values: dict[str, np.ndarray], rows: np.ndarray, splits: np.ndarray
    ) -> None:
        """Take the rows of a slab, (n_rows, n_columns), of these splits, (n_rows,).

        `values` are {variable: (n_rows, n_entries)} in physical units.
        """
        self.raw.add(values, splits, slab.first_row)
        self.moments.add(rows[splits == TRAINING])
        weights = None if self.weights is None else values[self.weights.variable][:, 0]
        self.masks.add(rows, splits, weights)
        if self.classes is not None:
            self.classes.add(rows[:, -1].astype(np.float64), splits, slab.first_row)
        if self.weights is not None and weights is not None:
            self.weights.add(weights, splits, slab.first_row)
        self.shuffler.add(rows, splits)

    def check(self, source: Source) -> None:
        """Raise UserError if masks, classes or weights leave nothing to be learned."""
        self.masks.check()
        if self.classes is not None:
            self.classes.check()
        if self.weights is not None:
            self.weights.check(source)

    def describe(self, description: dict, dataset: dict) -> None:
        """Add to the manifest's description what only some studies have."""
        if self.classes is not None:
            description["outputs"] = outputs = self.classes.describe()
            description["variables"][outputs[0]["variable"]] = {
                "dimensions": ["class"],
                "shape": [len(outputs)],
            }
        missing = self.masks.describe()
        weights = {entry["name"]: entry.get("weight", 1) for entry in dataset["outputs"]}
        for output in description["outputs"]:
            if output["name"] in missing:
                output |= {"missing": MASK, "n_missing": missing[output["name"]]}
            if weights[output["variable"]] != 1:
                output["weight"] = weights[output["variable"]]
        if self.weights is not None:
            description[SAMPLE_WEIGHT] = self.weights.variable

    def targets_and_weights(
        self,
        code: int,
        n_rows: int,
        columns: Columns,
        pieces: Iterator[tuple[np.ndarray, np.ndarray]],
    ) -> Rows:
        """Return the rows of a split, (inputs, targets), with targets of classes and weights."""
        widths: tuple[int, ...] = columns.widths
        if self.classes is not None:
            classes = self.classes
            pieces = ((inputs, classes.one_hot(targets[:, 0])) for inputs, targets in pieces)
            widths = (widths[0], len(classes.values))
        if self.weights is None:
            return Rows(n_rows, widths, pieces)
        weighed = zip(pieces, self.weights.read(code), strict=True)
        return Rows(n_rows, (*widths, 1), ((*arrays, weights) for arrays, weights in weighed))

    def with_classes(self, rows: np.ndarray) -> np.ndarray:
        """Return rows, (n_rows, n_columns), with a last column for each class if there are any."""
        if self.classes is None:
            return rows
        return np.concatenate([rows[:, :-1], self.classes.one_hot(rows[:, -1])], axis=1)
