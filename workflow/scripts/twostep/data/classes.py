"""The classes of an output: the values of one integer variable, each of which becomes a target."""

from dataclasses import asdict

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.labels import MOST_CLASSES
from twostep.data.source import Feature, Source
from twostep.data.split_numbers import SPLITS, UNKNOWN
from twostep.util.errors import UserError
from twostep.util.text import list_names

# Up to here, single precision tells all integers from each other.
LARGEST_CODE = 2**24


class Classes:
    """The values of an output that names classes, as they are found in rows that come in pieces.

    Raises UserError if the output has several features, or if files call its values differently.
    """

    def __init__(self, source: Source, columns: Columns) -> None:
        outputs = columns.features[columns.outputs]
        if len(outputs) > 1:
            raise UserError(
                f"output {outputs[0].variable!r} has {len(outputs)} entries for each sample, and "
                "training.loss = cross_entropy needs one class for each: choose another variable "
                "or loss"
            )
        self._source, self._feature = source, outputs[0]
        self._names = _read_names(source, outputs[0].variable)
        self._counts: dict[float, np.ndarray] = {}

    def add(self, values: np.ndarray, splits: np.ndarray, first_row: int) -> None:
        """Take the values of rows, float64 (n_rows,), of these splits, (n_rows,).

        Raises UserError if one that is used is no integer, or if there are too many.
        """
        used = np.flatnonzero(splits != UNKNOWN)
        own = values[used]
        wrong = np.flatnonzero((own != np.floor(own)) | (np.abs(own) > LARGEST_CODE))
        name = self._feature.name
        if wrong.size:
            raise UserError(
                f"output {name!r} is {own[wrong[0]]:g} in "
                f"{self._source.locate(first_row + int(used[wrong[0]]))}, and training.loss = "
                f"cross_entropy needs classes, that is integers up to {LARGEST_CODE:,}: correct "
                "the data or choose another loss"
            )
        found, places = np.unique(own, return_inverse=True)
        for code in range(len(SPLITS)):
            counts = np.bincount(places[splits[used] == code], minlength=len(found))
            for value, count in zip(found.tolist(), counts.tolist(), strict=True):
                self._counts.setdefault(value, np.zeros(len(SPLITS), int))[code] += count
        if len(self._counts) > MOST_CLASSES:
            raise UserError(
                f"output {name!r} has more than {MOST_CLASSES:,} different values, which are no "
                "classes: choose another variable or another training.loss than cross_entropy"
            )

    @property
    def values(self) -> list[int]:
        """The numbers of the classes, in their order, which is that of the targets."""
        return [int(value) for value in sorted(self._counts)]

    def check(self) -> None:
        """Raise UserError if a split lacks samples of a class."""
        for label, value in zip(self.labels(), self.values, strict=True):
            for split, count in zip(SPLITS, self._counts[value], strict=True):
                if not count:
                    raise UserError(
                        f"output {self._feature.name!r}: the {split} split has no sample of class "
                        f"{label}: change the section split of the config, or merge or leave out "
                        "rare classes"
                    )

    def labels(self) -> list[str]:
        """Return what the classes are called: by flag_meanings or texts, if the files have them."""
        labels = [self._names.get(value, str(value)) for value in self.values]
        if len(set(labels)) < len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise UserError(
                f"output {self._feature.name!r}: flag_meanings has {twice!r} more than once: "
                f"correct the attribute, whose names are {list_names(labels)}"
            )
        return labels

    def one_hot(self, values: np.ndarray) -> np.ndarray:
        """Return the targets, (n_rows, n_classes), of rows with these values, (n_rows,)."""
        places = np.searchsorted(np.array(self.values, values.dtype), values)
        return np.eye(len(self._counts), dtype=values.dtype)[places]

    def describe(self) -> list[dict]:
        """Return the targets as outputs of the manifest: shares, which nothing transforms."""
        feature = self._feature
        scaling = {"transform": "none", "mean": 0.0, "std": 1.0, "min": 0.0, "max": 1.0}
        return [
            {
                **asdict(Feature(f"{feature.name}[{label}]", feature.variable, "1", label)),
                **scaling,
                "class": value,
            }
            for label, value in zip(self.labels(), self.values, strict=True)
        ]


def _read_names(source: Source, variable: str) -> dict[float, str]:
    """Return what the attributes of a variable call its values, the same in all files.

    Texts are their own names. Raises UserError if files differ: a number would stand for two
    things.
    """
    if variable in source.labels:
        return {float(number): text for number, text in enumerate(source.labels[variable])}
    found: list[dict[float, str]] = []
    for number, path in enumerate(source.files):
        with source.open(number) as data:
            attributes = data.variables[variable].attrs
        meanings = str(attributes.get("flag_meanings", "")).split()
        numbers = np.ravel(attributes.get("flag_values", range(len(meanings)))).tolist()
        found.append(dict(zip(numbers, meanings, strict=False)))
        if found[-1] != found[0]:
            raise UserError(
                f"{path}: output {variable!r} has other flag_values and flag_meanings than in "
                f"{source.files[0]}: its classes must be the same in all files"
            )
    return found[0]
