"""Transformed features, and the rows that cannot be used."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from twostep.data.missing import MASK
from twostep.data.scaling import Scaling
from twostep.data.slabs import Slab
from twostep.data.source import Feature, Source
from twostep.data.tally import Count, Tally, count_rows
from twostep.data.transforms import TRANSFORMS
from twostep.util.errors import UserError

MISSING = "missing or not finite"
# A row of which nothing is to be learned.
NO_OUTPUT = "each output"
# The `scale` of an input that is not standardised.
UNSCALED = "none"


@dataclass(frozen=True)
class Columns:
    """The columns of the prepared rows: the features of the inputs, then those of the outputs.

    `transforms` maps each variable to the name of its transform, in the same order. `masked` are
    the variables of which a missing value leaves its row in. The `unscaled` ones are inputs that
    the network gets as they are after their transform.
    """

    features: list[Feature]
    transforms: dict[str, str]
    n_inputs: int
    masked: frozenset[str] = frozenset()
    unscaled: frozenset[str] = frozenset()

    @classmethod
    def find(cls, source: Source, dataset: dict) -> "Columns":
        """Return the columns that the config's section `dataset` asks for."""
        inputs, outputs = (
            {entry["name"]: entry["transform"] for entry in dataset[role]}
            for role in ("inputs", "outputs")
        )
        n_inputs = sum(feature.variable in inputs for feature in source.features)
        masked = {entry["name"] for entry in dataset["outputs"] if entry.get("missing") == MASK}
        unscaled = {entry["name"] for entry in dataset["inputs"] if entry.get("scale") == UNSCALED}
        transforms = {**inputs, **outputs}
        return cls(source.features, transforms, n_inputs, frozenset(masked), frozenset(unscaled))

    @property
    def widths(self) -> tuple[int, int]:
        """Numbers of inputs and of outputs."""
        return self.n_inputs, len(self.features) - self.n_inputs

    @property
    def outputs(self) -> slice:
        """Where the outputs are."""
        return slice(self.n_inputs, len(self.features))

    @property
    def is_masked(self) -> np.ndarray:
        """Which columns have missing values that leave their rows in, bool (n_columns,)."""
        return np.array([feature.variable in self.masked for feature in self.features])

    @property
    def is_unscaled(self) -> np.ndarray:
        """Which columns the network gets as they are after their transform, bool (n_columns,)."""
        return np.array([feature.variable in self.unscaled for feature in self.features])

    def select(self, kept: np.ndarray) -> "Columns":
        """Return some of the columns, by their places in ascending order, (n_kept,)."""
        features = [self.features[i] for i in kept]
        return replace(self, features=features, n_inputs=int((kept < self.n_inputs).sum()))


def transform_features(
    columns: dict[str, np.ndarray], transforms: dict[str, str]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the features of some rows in the order of `transforms`.

    Parameters
    ----------
    columns : {variable: float64 array of (n_rows, n_entries)}, physical units
    transforms : {variable: name of its transform}

    Yields
    ------
    values : float64, (n_rows,), physical units
    transformed : float64, (n_rows,); not finite where the value cannot be used
    """
    for variable, name in transforms.items():
        for values in np.ascontiguousarray(columns[variable].T):
            with np.errstate(divide="ignore", invalid="ignore"):
                yield values, TRANSFORMS[name].apply(values)


def explain_unusable(
    values: np.ndarray, unusable: np.ndarray, transform: str
) -> dict[str, np.ndarray]:
    """Return {reason: which of the values, (n_rows,)} for those of the values that are unusable."""
    bounds = TRANSFORMS[transform]
    missing = unusable & ~np.isfinite(values)
    outside = unusable & ~missing & ((values <= bounds.lower) | (values >= bounds.upper))
    return {
        MISSING: missing,
        f"not {bounds.domain}, as {transform} needs": outside,
        "too large": unusable & ~missing & ~outside,
    }


class Cleaner:
    """Makes rows of a data set's columns, finds those that cannot be used, and counts them.

    Rows are kept relative to an estimate of each column's centre and spread, as float32 would cut
    off much of values such as years or pressures. With `is_bounded`, outputs must lie in [0, 1].
    """

    def __init__(self, columns: Columns, estimate: Scaling, *, is_bounded: bool) -> None:
        self.columns, self.estimate = columns, estimate
        self.tally = Tally()
        self._is_bounded = is_bounded
        self._outside: dict[str, Count] = {}

    def clean(self, slab: Slab, values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of a slab, and which of them are usable.

        Parameters
        ----------
        slab : where the rows are
        values : {variable: float64 array of (n_rows, n_entries)}, physical units

        Returns
        -------
        rows : float32, (n_rows, n_columns), NaN where a value is masked
        usable : bool, (n_rows,)
        """
        columns = self.columns
        rows = np.empty((slab.n_rows, len(columns.features)), np.float32)
        usable = np.ones(slab.n_rows, bool)
        transformed = transform_features(values, columns.transforms)
        for i, (feature, (given, column)) in enumerate(
            zip(columns.features, transformed, strict=True)
        ):
            with np.errstate(over="ignore", invalid="ignore"):
                column = (column - self.estimate.centre[i]) / self.estimate.spread[i]
                column = column.astype(np.float32)
            finite = np.isfinite(column)
            if not finite.all():
                reasons = explain_unusable(given, ~finite, columns.transforms[feature.variable])
                if feature.variable in columns.masked:
                    missing = reasons.pop(MISSING)
                    column[missing] = np.nan
                    finite |= missing
                self.tally.add(feature.name, reasons, slab.first_row)
                usable &= finite
            rows[:, i] = column
        if columns.masked:
            self._drop_without_output(rows[:, columns.outputs], usable, slab.first_row)
        if self._is_bounded:
            self._look_for_outliers(rows[:, columns.outputs], usable, slab.first_row)
        return rows, usable

    def _drop_without_output(self, outputs: np.ndarray, usable: np.ndarray, first_row: int) -> None:
        """Make rows unusable of which all outputs, (n_rows, n_outputs), are missing."""
        has_none = np.isnan(outputs).all(axis=1)
        self.tally.add(NO_OUTPUT, {MISSING: has_none}, first_row)
        usable &= ~has_none

    def _look_for_outliers(self, outputs: np.ndarray, usable: np.ndarray, first_row: int) -> None:
        """Count the usable outputs, (n_rows, n_outputs), that lie outside [0, 1]."""
        outside = ((outputs < 0) | (outputs > 1)) & usable[:, None]
        features = self.columns.features[self.columns.outputs]
        for feature, where in zip(features, outside.T, strict=True):
            count_rows(self._outside, feature.name, where, first_row)

    def check(self, source: Source, max_dropped: float) -> None:
        """Raise UserError if too much cannot be used, or a target is one no sigmoid can reach."""
        self.tally.check(source, max_dropped)
        if self._outside:
            name, count = next(iter(self._outside.items()))
            raise UserError(
                f"output {name!r} has {count.n_rows:,} values outside [0, 1], first in "
                f"{source.locate(count.first_row)}, which a sigmoid cannot reach. "
                "Correct the data, or set training.output_activation to linear, with any loss but "
                "binary_cross_entropy"
            )
