"""From files in physical units to shuffled, standardised splits, whatever their size.

One pass over the data transforms them, finds what cannot be used and sends each row to its split; a
second one, over a temporary copy, brings the rows into random order and standardises them.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from twostep.arrays import Rows, write_folder
from twostep.autocorrelation import measure_autocorrelation, read_sample
from twostep.cleaning import Tally, explain_unusable, transform_features
from twostep.dataset import DataSet, describe_features, open_file
from twostep.errors import UserError
from twostep.scaling import Moments, Scaling
from twostep.shuffle import Shuffler
from twostep.slabs import Slab, SlabReader, list_slabs
from twostep.splits import SPLITS, TRAINING, UNKNOWN, Assignment, column_of, plan_splits
from twostep.transforms import TRANSFORMS

log = logging.getLogger(__name__)

# Size of the slabs in which the data are read, as float64.
SLAB_BYTES = 40_000_000
MIN_SLAB_ROWS = 1024


class Preparation:
    """The data set, what is to be made of it, and what has been found on the way."""

    def __init__(
        self, data_set: DataSet, dataset: dict, split: dict, *, output_activation: str, seed: int
    ) -> None:
        inputs, outputs = (
            {entry["name"]: entry["transform"] for entry in dataset[role]}
            for role in ("inputs", "outputs")
        )
        self.data_set, self.split, self.seed = data_set, split, seed
        self.max_dropped = dataset["max_dropped"]
        self.transforms = {**inputs, **outputs}
        with open_file(data_set.files[0]) as data:
            self.features = describe_features(
                data, list(self.transforms), data_set.sample_dimensions
            )
        self.n_inputs = sum(feature.variable in inputs for feature in self.features)
        self.outputs = slice(self.n_inputs, len(self.features))
        self.output_activation = output_activation
        # What is written is standardised. The rows are kept relative to an estimate on the way, as
        # float32 would cut off much of values such as years or pressures.
        sample = read_sample(data_set, self.transforms)
        self.estimate = Scaling.estimate(np.concatenate([rows for _, rows in sample]))
        self.autocorrelation = measure_autocorrelation(
            data_set, self.transforms, sample, self.n_inputs
        )
        if self.is_sigmoid:
            self.estimate.leave(self.outputs)
        self.tally, self.moments = Tally(), Moments(len(self.features))
        self.out_of_reach = Tally()

    @property
    def is_sigmoid(self) -> bool:
        """Whether targets keep their (transformed) values, which must lie within 0 and 1."""
        return self.output_activation == "sigmoid"

    def scatter(self, shuffler: Shuffler, assignment: Assignment) -> None:
        """Send each usable row to its split; raises UserError if the data cannot be used."""
        variables = list(self.transforms)
        if assignment.variable not in (None, *variables):
            variables.append(assignment.variable)
        max_rows = max(MIN_SLAB_ROWS, SLAB_BYTES // (8 * len(self.features)))
        with SlabReader(self.data_set, variables) as reader:
            for slab in list_slabs(self.data_set, max_rows):
                columns = reader.read(slab)
                rows, usable = self._clean(slab, columns)
                keys = column_of(columns, assignment.variable)
                splits = assignment.assign(slab, keys)
                unknown = splits == UNKNOWN
                self.tally.add("missing", f"{assignment.variable}", unknown, slab.first_row)
                usable &= ~unknown
                self.tally.close(usable)
                splits[~usable] = UNKNOWN
                self.moments.add(rows[splits == TRAINING])
                shuffler.add(rows, splits)
        self.tally.check(self.data_set, self.features, self.max_dropped)
        self._check_reach()

    def _clean(self, slab: Slab, columns: dict) -> tuple[np.ndarray, np.ndarray]:
        """Return a slab's rows relative to the estimate, float32, and which of them are usable."""
        rows = np.empty((slab.n_rows, len(self.features)), np.float32)
        usable = np.ones(slab.n_rows, bool)
        features = zip(self.features, transform_features(columns, self.transforms), strict=True)
        for i, (feature, (values, transformed)) in enumerate(features):
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = (transformed - self.estimate.centre[i]) / self.estimate.spread[i]
                scaled = scaled.astype(np.float32)
            finite = np.isfinite(scaled)
            if not finite.all():
                transform = self.transforms[feature.variable]
                for reason, where in explain_unusable(values, ~finite, transform).items():
                    self.tally.add(reason, feature.name, where, slab.first_row)
                usable &= finite
            rows[:, i] = scaled
        if self.is_sigmoid:
            targets = rows[:, self.outputs]
            outside = ((targets < 0) | (targets > 1)) & usable[:, None]
            for feature, where in zip(self.features[self.outputs], outside.T, strict=True):
                self.out_of_reach.add("", feature.name, where, slab.first_row)
        return rows, usable

    def _check_reach(self) -> None:
        """Raise UserError if a target is one that no sigmoid can reach."""
        for (reason, name), count in self.out_of_reach.counts.items():
            where = self.data_set.locate(self.out_of_reach.first_rows[reason, name])
            raise UserError(
                f"output {name!r} has {count:,} values outside [0, 1], first in {where}, which a "
                "sigmoid cannot reach: set training.output_activation to linear, or correct the "
                "data"
            )

    def describe_features(self, mean: np.ndarray, std: np.ndarray) -> list[dict]:
        """Return the features with their scaling and their range in the training split."""
        centre, spread = self.estimate.centre, self.estimate.spread
        described = []
        for i, feature in enumerate(self.features):
            transform = self.transforms[feature.variable]
            # In the units of the files, to the digits that float32 has.
            low, high = (
                float(f"{TRANSFORMS[transform].invert(end[i] * spread[i] + centre[i]):.6g}")
                for end in (self.moments.lowest, self.moments.highest)
            )
            scaling = {"mean": float(mean[i]), "std": float(std[i]), "min": low, "max": high}
            described.append({**asdict(feature), "transform": transform, **scaling})
        return described


def prepare(
    data_set: DataSet,
    dataset: dict,
    split: dict,
    *,
    output_activation: str,
    seed: int,
    folder: str | Path,
) -> dict:
    """Clean, split, shuffle and standardise a data set; write the folder, return its manifest.

    Parameters
    ----------
    data_set : the files, with headers checked
    dataset, split : the config's sections
    output_activation : targets stay in transformed units for "sigmoid", else are standardised
    folder : where the arrays, (n_samples, n_inputs) and (n_samples, n_outputs), go

    Raises UserError if too many rows are unusable, a split is empty, a column is constant, or
    targets lie outside [0, 1] with a sigmoid. The scaling is fitted on the training split alone.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    work = Preparation(data_set, dataset, split, output_activation=output_activation, seed=seed)
    _check_disk(folder, 4 * data_set.n_rows * len(work.features))
    assignment = plan_splits(data_set, split, seed)
    shuffler = Shuffler(
        folder,
        n_rows=data_set.n_rows,
        n_columns=len(work.features),
        n_splits=len(SPLITS),
        seed=seed,
    )
    with closing(shuffler):
        work.scatter(shuffler, assignment)
        sizes = _check_sizes([shuffler.count(code) for code in range(len(SPLITS))])
        work.moments.check(work.features)
        final = Scaling(work.moments.mean, work.moments.std)
        if work.is_sigmoid:
            final.leave(work.outputs)
        splits = {
            name: Rows(sizes[name], _standardised(shuffler.read(code), final, work.n_inputs))
            for code, name in enumerate(SPLITS)
        }
        estimate = work.estimate
        described = work.describe_features(
            final.centre * estimate.spread + estimate.centre, final.spread * estimate.spread
        )
        description = {
            "n_rows_read": work.tally.n_rows,
            "n_rows_used": sum(sizes.values()),
            "dropped": work.tally.describe(data_set),
            "split": {
                **{key: split[key] for key in ("method", "variable", "validation", "test")},
                "n_units": assignment.n_units,
            },
            "autocorrelation": work.autocorrelation,
            "inputs": described[: work.n_inputs],
            "outputs": described[work.n_inputs :],
            "output_activation": output_activation,
        }
        return write_folder(folder, splits, description)


def _standardised(
    pieces: Iterator[np.ndarray], scaling: Scaling, n_inputs: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (inputs, targets) of rows, standardised."""
    centre, factor = scaling.centre.astype(np.float32), (1 / scaling.spread).astype(np.float32)
    for rows in pieces:
        rows -= centre
        rows *= factor
        yield rows[:, :n_inputs], rows[:, n_inputs:]


def _check_sizes(counts: list[int]) -> dict[str, int]:
    """Return the number of rows of each split; raises UserError if one is empty."""
    sizes = dict(zip(SPLITS, counts, strict=True))
    for split, size in sizes.items():
        log.info("%s split: %d samples", split, size)
        if size == 0:
            raise UserError(
                f"the {split} split is empty: none of the usable samples belongs to it; change "
                "the section split of the config"
            )
    return sizes


def _check_disk(folder: Path, n_bytes: int) -> None:
    """Announce the disk space that is needed; raises UserError if there is too little."""
    free = shutil.disk_usage(folder).free
    gigabytes = n_bytes / 1e9
    log.info(
        "%.2f GB for the prepared data and as much for a temporary file in %s", gigabytes, folder
    )
    if 2 * n_bytes > free:
        raise UserError(
            f"{folder} has {free / 1e9:.3g} GB of free disk space, and preparing the data needs "
            f"{2 * gigabytes:.3g}, half of it for a temporary file: make space or run elsewhere"
        )
