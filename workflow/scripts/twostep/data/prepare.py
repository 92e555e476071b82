"""From files in physical units to shuffled, standardised splits, whatever their size.

One pass over the data transforms them, finds what cannot be used and sends each row to its split; a
second one, over a temporary copy, brings the rows into random order and standardises them.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from twostep.data.arrays import write_folder
from twostep.data.autocorrelation import measure_autocorrelation, read_sample
from twostep.data.classes import Classes
from twostep.data.cleaning import MISSING, UNSCALED, Cleaner, Columns
from twostep.data.constant import describe_constant, find_constant
from twostep.data.doubts import describe_doubts, find_doubts
from twostep.data.kept_rows import KeptRows
from twostep.data.labels import find_labels
from twostep.data.masks import MaskedValues
from twostep.data.raw_values import RawValues
from twostep.data.scaling import Moments, Scaling
from twostep.data.shuffle import Shuffler
from twostep.data.sizes import SAMPLE_WEIGHT
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import Source
from twostep.data.split_numbers import SPLITS, UNKNOWN
from twostep.data.splits import Assignment, column_of, plan_splits
from twostep.data.test_sample import write_test_sample
from twostep.data.transforms import to_physical
from twostep.data.validation_units import ValidationUnits
from twostep.data.weights import SampleWeights
from twostep.data.zero_fill import ZeroFills
from twostep.util.errors import UserError

log = logging.getLogger(__name__)

# Size of the slabs in which the data are read, as float64.
SLAB_BYTES = 40_000_000
MIN_SLAB_ROWS = 1024
# Rows of the sample that are enough to tell where most values of a column are.
BULK_ROWS = 16_384
# ASSUME: a split variable of text has no more than 64 characters of 4 bytes, with some copies.
KEY_BYTES = 1024


def prepare(
    source: Source,
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
    source : the files, with headers checked
    dataset, split : the config's sections
    output_activation : targets stay in transformed units for "sigmoid", are standardised for
        "linear", and for "softmax" the integers or texts of one output become a target for each
        class
    folder : where the arrays, (n_samples, n_inputs) and (n_samples, n_outputs), go

    Raises UserError if too many rows are unusable, a split is empty or lacks a class or all values
    of an output, a column is constant and not to be dropped, targets lie outside [0, 1] with a
    sigmoid or are no classes with a softmax, or weights make no sense. The scaling is fitted on the
    training split alone.
    """
    find_labels(source)
    columns = Columns.find(source, dataset)
    sample = read_sample(source, columns.transforms)
    as_they_are = columns.is_unscaled
    if output_activation in ("sigmoid", "softmax"):
        as_they_are[columns.outputs] = True
    rows = np.concatenate([rows for _, rows in sample])
    estimate = Scaling.estimate(rows)
    estimate.keep_values(as_they_are)
    cleaner = Cleaner(columns, estimate, is_bounded=output_activation == "sigmoid")
    zeros = ZeroFills(source, columns.features)
    assignment = plan_splits(source, split, seed)
    raw = RawValues(columns, _physical(rows[:: -(-len(rows) // BULK_ROWS)], columns), seed)
    with ExitStack() as stack:
        shuffler = stack.enter_context(
            closing(_make_shuffler(Path(folder), source, columns, dataset, seed))
        )
        kept_rows = KeptRows(
            shuffler,
            stack.enter_context(closing(ValidationUnits(shuffler))),
            raw,
            Moments(len(columns.features)),
            MaskedValues(columns),
            Classes(source, columns) if output_activation == "softmax" else None,
            _make_weights(stack, dataset, shuffler),
        )
        _scatter(source, cleaner, zeros, assignment, kept_rows)
        cleaner.check(source, dataset["max_dropped"])
        sizes = _check_sizes([shuffler.count(code) for code in range(len(SPLITS))])
        kept_rows.check(source)
        moments = kept_rows.moments
        is_constant = find_constant(columns, raw, moments.std, dataset["constant_features"])
        kept = np.flatnonzero(~is_constant)
        # Relative to the estimate, as the rows are so far.
        scaling = Scaling(moments.mean, moments.std)
        scaling.keep_values(as_they_are)
        doubts = [*zeros.find(), *find_doubts(source, columns, raw, kept)]
        for _, text in describe_doubts(doubts, cleaner.tally.n_rows):
            log.warning(text)
        test_sample = write_test_sample(
            Path(folder), kept_rows.with_classes(raw.test.rows()[:, kept])
        )
        description = {
            "n_rows_read": cleaner.tally.n_rows,
            "n_rows_used": sum(sizes.values()),
            "dropped": cleaner.tally.describe(source),
            "split": _describe_split(split, assignment),
            "autocorrelation": measure_autocorrelation(source, columns, sample),
            "constant_features": describe_constant(columns, raw, is_constant),
            "doubts": doubts,
            "test_sample": {"rows": raw.test.n_rows},
            "variables": _describe_variables(source, columns),
            **_describe_features(columns, estimate, scaling, raw, kept),
            "output_activation": output_activation,
        }
        kept_rows.describe(description, dataset)
        columns, scaling = columns.select(kept), scaling.select(kept)
        splits = {}
        for code, name in enumerate(SPLITS):
            pieces = _take(shuffler.read(code), kept)
            standardised = _standardised(pieces, scaling, columns, name)
            splits[name] = kept_rows.targets_and_weights(code, sizes[name], columns, standardised)
        units = kept_rows.units.write(Path(folder))
        return write_folder(folder, splits, description, units | test_sample)


def _make_weights(stack: ExitStack, dataset: dict, shuffler: Shuffler) -> SampleWeights | None:
    variable = dataset.get(SAMPLE_WEIGHT)
    if variable is None:
        return None
    return stack.enter_context(closing(SampleWeights(variable, shuffler)))


def _physical(rows: np.ndarray, columns: Columns) -> np.ndarray:
    """Return transformed values, (n_rows, n_columns), in physical units, NaN where missing."""
    features = [
        {"transform": columns.transforms[feature.variable], "mean": 0.0, "std": 1.0}
        for feature in columns.features
    ]
    return to_physical(rows, features)


def _make_shuffler(
    folder: Path, source: Source, columns: Columns, dataset: dict, seed: int
) -> Shuffler:
    """Announce the disk space that is needed; raises UserError if there is too little."""
    folder.mkdir(parents=True, exist_ok=True)
    n_columns = len(columns.features)
    free = shutil.disk_usage(folder).free / 1e9
    n_written = n_columns + (dataset.get(SAMPLE_WEIGHT) is not None)
    gigabytes = 4e-9 * source.n_rows * n_written
    log.info("%.2f GB for prepared data and as much for a temporary file, %s", gigabytes, folder)
    if 2 * gigabytes > free:
        raise UserError(
            f"{folder} has {free:.3g} GB of free disk space, and preparing the data needs "
            f"{2 * gigabytes:.3g} GB. Half of it is for a temporary file: make space or "
            "run elsewhere"
        )
    return Shuffler(
        folder, n_rows=source.n_rows, n_columns=n_columns, n_splits=len(SPLITS), seed=seed
    )


def _scatter(
    source: Source,
    cleaner: Cleaner,
    zeros: ZeroFills,
    assignment: Assignment,
    kept_rows: KeptRows,
) -> None:
    """Send each usable row to its split."""
    variables = list(cleaner.columns.transforms)
    weights = kept_rows.weights
    for other in (assignment.variable, None if weights is None else weights.variable):
        if other is not None and other not in variables:
            variables.append(other)
    row_bytes = 8 * len(cleaner.columns.features) + (KEY_BYTES if assignment.variable else 0)
    max_rows = max(MIN_SLAB_ROWS, SLAB_BYTES // row_bytes)
    with SlabReader(source, variables) as reader:
        for slab in list_slabs(source, max_rows):
            values = reader.read(slab)
            for variable in cleaner.columns.masked:
                # Missing alike, for all that looks at the values.
                own = values[variable]
                values[variable] = np.where(np.isfinite(own), own, np.nan)
            zeros.add(slab, values)
            rows, usable = cleaner.clean(slab, values)
            splits, numbers = assignment.assign(slab, column_of(values, assignment.variable))
            if assignment.variable is not None:
                unknown = splits == UNKNOWN
                name = f"{assignment.variable} (split.variable)"
                cleaner.tally.add(name, {MISSING: unknown}, slab.first_row)
                usable &= ~unknown
            cleaner.tally.close(usable)
            splits[~usable] = UNKNOWN
            kept_rows.add(slab, values, rows, splits)
            if numbers is not None:
                kept_rows.units.add(numbers, splits)


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


def _describe_split(split: dict, assignment: Assignment) -> dict:
    """Return how the rows were divided; `split` is the config's section."""
    kept = {key: split[key] for key in ("method", "variable", "validation", "test")}
    return kept | {"n_units": assignment.n_units}


def _describe_features(
    columns: Columns, estimate: Scaling, scaling: Scaling, raw: RawValues, kept: np.ndarray
) -> dict[str, list[dict]]:
    """Return the inputs and outputs that are kept, with scaling and range in the training split."""
    centre, spread = estimate.centre, estimate.spread
    described: dict[str, list[dict]] = {"inputs": [], "outputs": []}
    for i in kept:
        feature, is_input = columns.features[i], bool(i < columns.n_inputs)
        is_unscaled = feature.variable in columns.unscaled
        scale = {"scale": UNSCALED if is_unscaled else "standardise"} if is_input else {}
        described["inputs" if is_input else "outputs"].append(
            {
                **asdict(feature),
                "transform": columns.transforms[feature.variable],
                **scale,
                "mean": float(scaling.centre[i] * spread[i] + centre[i]),
                "std": float(scaling.spread[i] * spread[i]),
                # In the units of the files, as they are there.
                "min": float(raw.lowest[i]),
                "max": float(raw.highest[i]),
            }
        )
    return described


def _describe_variables(source: Source, columns: Columns) -> dict[str, dict]:
    """Return the further dimensions of each variable, in whose order its features are."""
    shapes = source.shapes_of_variables
    return {
        name: {"dimensions": list(shapes[name].dimensions), "shape": list(shapes[name].sizes)}
        for name in columns.transforms
    }


def _take(pieces: Iterator[np.ndarray], kept: np.ndarray) -> Iterator[np.ndarray]:
    """Yield rows, (n_rows, n_columns), with the columns that are kept, (n_kept,)."""
    for rows in pieces:
        yield rows if len(kept) == rows.shape[1] else rows[:, kept]


def _standardised(
    pieces: Iterator[np.ndarray], scaling: Scaling, columns: Columns, split: str
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (inputs, targets) of rows, standardised in place; UserError if they overflow.

    What is masked stays NaN.
    """
    centre, factor = scaling.centre.astype(np.float32), (1 / scaling.spread).astype(np.float32)
    is_masked = columns.is_masked
    for rows in pieces:
        missing = np.isnan(rows) & is_masked if columns.masked else False
        with np.errstate(over="ignore"):
            rows -= centre
            rows *= factor
        fits = np.isfinite(rows) | missing
        if not fits.all():
            feature = columns.features[np.flatnonzero(~fits.all(axis=0))[0]]
            raise UserError(
                f"'{feature.name}' has a value in the {split} split that is too far from the "
                "training split's for single precision. Correct or mask it, or choose a transform"
            )
        yield rows[:, : columns.n_inputs], rows[:, columns.n_inputs :]
