"""How alike neighbouring samples are, measured on a part of the data."""

from dataclasses import replace

import numpy as np

from twostep.data.cleaning import Columns, transform_features
from twostep.data.raw_values import ROUNDING
from twostep.data.slabs import Slab, SlabReader, list_slabs
from twostep.data.source import Source

# Slabs that are looked at, evenly spread over the data, and the samples in each: fewer of many
# features, so that all values together, of which there are some copies, take no more than 64 MB.
N_SLABS = 16
SLAB_ROWS = 4096
FEWEST_ROWS = 128
MOST_VALUES = 8_000_000
# More of them where files or fields make them small.
MAX_SLABS = 500
# Distances of the neighbours: values that alternate are unlike the next one and like the one after.
LAGS = (1, 2, 3, 4, 6, 12, 24)

Sample = list[tuple[Slab, np.ndarray]]


def read_sample(source: Source, transforms: dict[str, str]) -> Sample:
    """Return transformed samples from all over the data, each slab's as (n_rows, n_features)."""
    slab_rows = MOST_VALUES // (N_SLABS * len(source.features))
    slab_rows = min(SLAB_ROWS, max(FEWEST_ROWS, slab_rows))
    slabs = list(list_slabs(source, slab_rows))
    wanted = max(N_SLABS, min(MAX_SLABS, N_SLABS * slab_rows * len(slabs) // source.n_rows))
    numbers = np.linspace(0, len(slabs) - 1, min(wanted, len(slabs))).round().astype(int)
    return _read(source, [slabs[number] for number in numbers], transforms)


def measure_autocorrelation(source: Source, columns: Columns, sample: Sample) -> dict | None:
    """Measure how alike samples are that lie close to each other along a sample dimension.

    Parameters
    ----------
    source, columns : the data
    sample : what `read_sample` returned

    Returns
    -------
    dict or None
        The dimension `along` which, and the `lag` at which samples are most alike; the
        autocorrelation there, averaged over the `inputs` and over the `outputs`: 1 minus the mean
        squared difference of such pairs over that of samples taken at random; and the number of
        pairs, `n_pairs`. None if there are no neighbours.
    """
    rows = np.concatenate([rows for _, rows in sample])
    usable = rows[np.isfinite(rows).all(axis=1)]
    spread = usable.std(axis=0) if len(usable) else np.zeros(rows.shape[1])
    # What does not vary in the sample, or by rounding alone, is neither alike nor different.
    varies = spread > ROUNDING * np.abs(usable).max(axis=0, initial=0)
    is_input = np.arange(len(spread)) < columns.n_inputs
    if not (varies & is_input).any() or not (varies & ~is_input).any():
        return None
    found: list[dict] = []
    for axis, dimension in enumerate(source.sample_dimensions):
        for lag in LAGS:
            differences = _differences(sample, axis, lag)
            if lag == 1:
                across = _differences_across(source, columns.transforms, sample, axis)
                differences = np.concatenate([differences, across])
            differences = differences[np.isfinite(differences).all(axis=1)]
            if not len(differences):
                continue
            squares = np.mean((differences[:, varies] / spread[varies]) ** 2, axis=0)
            correlation = 1 - squares / 2
            found.append(
                {
                    "along": dimension,
                    "lag": lag,
                    "inputs": float(correlation[is_input[varies]].mean()),
                    "outputs": float(correlation[~is_input[varies]].mean()),
                    "n_pairs": len(differences),
                }
            )
    return max(found, key=lambda entry: min(entry["inputs"], entry["outputs"]), default=None)


def _differences(sample: Sample, axis: int, lag: int) -> np.ndarray:
    """Return the differences within slabs at a lag along an axis, (n_pairs, n_features)."""
    n_features = sample[0][1].shape[1]
    found = []
    for slab, rows in sample:
        grid = np.moveaxis(rows.reshape(*slab.shape, n_features), axis, 0)
        found.append((grid[lag:] - grid[:-lag]).reshape(-1, n_features))
    return np.concatenate([np.empty((0, n_features)), *found])


def _differences_across(
    source: Source, transforms: dict[str, str], sample: Sample, axis: int
) -> np.ndarray:
    """Return the differences of neighbours that lie in two slabs, where slabs are of length 1."""
    n_features = sample[0][1].shape[1]
    pairs = [
        (rows, following)
        for slab, rows in sample
        if slab.shape[axis] == 1 and (following := _following(source, slab, axis)) is not None
    ]
    read = _read(source, [following for _, following in pairs], transforms)
    across = [after - rows for (rows, _), (_, after) in zip(pairs, read, strict=True)]
    return np.concatenate([np.empty((0, n_features)), *across])


def _following(source: Source, slab: Slab, axis: int) -> Slab | None:
    """Return the slab that follows one of length 1 along an axis; None if there is none."""
    shape, stop = source.shapes[slab.file], slab.ranges[axis][1]
    if stop < shape[axis]:
        return _with_range(slab, axis, (stop, stop + 1))
    next_shape = source.shapes[slab.file + 1 : slab.file + 2]
    if axis == 0 and next_shape and next_shape[0][0] and next_shape[0][1:] == shape[1:]:
        # The first sample dimension goes on in the next file.
        return replace(_with_range(slab, axis, (0, 1)), file=slab.file + 1)
    return None


def _with_range(slab: Slab, axis: int, new: tuple[int, int]) -> Slab:
    return replace(slab, ranges=(*slab.ranges[:axis], new, *slab.ranges[axis + 1 :]))


def _read(source: Source, slabs: list[Slab], transforms: dict[str, str]) -> Sample:
    """Return the transformed samples of slabs, (n_rows, n_features), NaN where unusable."""
    read = []
    with SlabReader(source, list(transforms)) as reader:
        for slab in slabs:
            features = transform_features(reader.read(slab), transforms)
            rows = np.stack([values for _, values in features], axis=1)
            rows[np.abs(rows) > np.finfo(np.float32).max] = np.nan
            read.append((slab, rows))
    return read
