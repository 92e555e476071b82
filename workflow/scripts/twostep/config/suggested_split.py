"""What coordinates, labels and values of a data set suggest for its split."""

import numpy as np

from twostep.config.first_look import A_TIME, NUMBERS, TEXT, Candidate
from twostep.data.autocorrelation import N_SLABS, SLAB_ROWS
from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import Source
from twostep.data.split_numbers import SPLITS

# ASSUME: from this autocorrelation on neighbours must not be divided at random, as the summary has
# it.
ALIKE = 0.5
N_BLOCKS, FEWEST_GROUPS = 50, 10
# ASSUME: of fewer groups a tenth, which validates, is too few to tell losses apart.
ENOUGH_GROUPS = 30
# Blocks by a coordinate hold some of its places each.
FEWEST_PLACES = 4 * FEWEST_GROUPS


def suggest_split(
    source: Source, measured: dict | None, others: list[Candidate]
) -> tuple[dict, str]:
    """Return the section `split`, and why; `measured` is how alike neighbours are."""
    dimensions = source.sample_dimensions
    for each in others:
        is_label = each.reason in (TEXT, NUMBERS) and set(each.dimensions) <= set(dimensions)
        if is_label and (found := _by_labels(each.name, _values(source, each.name))):
            return found
    for each in others:
        is_time = each.reason == A_TIME and each.is_numeric
        is_time &= each.dimensions == tuple(dimensions)
        if is_time and (found := _by_time(each.name, _values(source, each.name), measured)):
            return found
    if measured is None:
        return {"method": "random"}, "it cannot be told if neighbouring samples are alike"
    if not _are_alike(measured):
        return {"method": "random"}, "neighbouring samples are not alike"
    along = measured["along"]
    note = f"neighbours along {along} are alike, so blocks of them stay together"
    axis = source.sample_dimensions.index(along)
    n_places = sum(shape[axis] for shape in source.shapes) if axis == 0 else source.shapes[0][axis]
    has_coordinate = any(
        each.name == along and each.dimensions == (along,) and each.is_numeric for each in others
    )
    if has_coordinate and n_places >= FEWEST_PLACES:
        n_blocks = min(N_BLOCKS, n_places // 4)
        return {"method": "blocks", "variable": along, "n_blocks": n_blocks}, note
    return {"method": "blocks", "n_blocks": N_BLOCKS}, note


def _are_alike(measured: dict) -> bool:
    return min(measured["inputs"], measured["outputs"]) >= ALIKE


def _by_labels(name: str, labels: np.ndarray) -> tuple[dict, str] | None:
    """Return the split by a variable that names splits or groups, (n_samples,); None if neither."""
    if labels.dtype.kind == "f":
        labels = labels[np.isfinite(labels)]
    if labels.dtype.kind == "U" and set(SPLITS) == set(labels):
        return {"method": "variable", "variable": name}, f"{name} says which is in which split"
    n_groups = len(np.unique(labels))
    if FEWEST_GROUPS <= n_groups <= len(labels) / 5:
        note = f"samples with the same {name} stay together, as they may be alike"
        if n_groups < ENOUGH_GROUPS:
            note += (
                f". Only {n_groups} groups were seen. So few of them validate, and losses say "
                "little. Raise split.validation, or take blocks of time if you have times"
            )
        return {"method": "group", "variable": name}, note
    return None


def _by_time(name: str, times: np.ndarray, measured: dict | None) -> tuple[dict, str] | None:
    """Return the split by a time, (n_samples,), that is no coordinate; None if it is not needed.

    In the order of time neighbours can be compared. In any other they cannot, and close samples
    may be alike.
    """
    times = times[np.isfinite(times)]
    is_ordered = bool((np.diff(times) >= 0).all())
    n_places = len(np.unique(times))
    if n_places < FEWEST_PLACES or (is_ordered and not (measured and _are_alike(measured))):
        return None
    note = f"samples close in {name} {'are' if is_ordered else 'may be'} alike, and stay together"
    n_blocks = min(N_BLOCKS, n_places // 4)
    return {"method": "blocks", "variable": name, "n_blocks": n_blocks}, note


def _values(source: Source, name: str) -> np.ndarray:
    """Return the values of a variable for samples from all over the data, (n_samples,)."""
    slabs = list(list_slabs(source, SLAB_ROWS))
    places = np.linspace(0, len(slabs) - 1, min(N_SLABS, len(slabs))).round().astype(int)
    with SlabReader(source, [name]) as reader:
        return np.concatenate([reader.read(slabs[place])[name][:, 0] for place in places])
