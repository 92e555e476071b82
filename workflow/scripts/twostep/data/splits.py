"""Which sample goes to which split: at random, by blocks or groups, or as the file says.

The assignment of a sample depends on the seed, on the number of samples read and, where the config
says so, on the value of one variable; not on the way in which the files are read, nor on
other samples being usable.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np

from twostep.data.sizes import share_sizes
from twostep.data.slabs import Slab, SlabReader, list_slabs
from twostep.data.source import Source
from twostep.data.split_numbers import SPLITS, TEST, TRAINING, UNKNOWN, VALIDATION
from twostep.util.errors import UserError
from twostep.util.seeds import derive_seed
from twostep.util.text import list_names

# Rows of one variable, or of random numbers, handled at a time. Text takes many bytes a row.
CHUNK = 250_000
# Samples by which the ends of blocks along a coordinate are found.
N_QUANTILE_SAMPLES = 1_000_000


@dataclass(frozen=True)
class Assignment:
    """How rows are assigned to splits.

    `assign` maps a slab and the values of `variable` in it, (n_rows,), to two arrays, (n_rows,):
    the index of each row's split in SPLITS, or UNKNOWN where the value is missing, and the number
    of each row's unit. `n_units` is the number of units, which are the blocks or groups that are
    kept together. It is None, and so are the numbers, where each sample stands for itself. Slabs
    must be assigned in the order of rows.
    """

    assign: Callable[[Slab, np.ndarray | None], tuple[np.ndarray, np.ndarray | None]]
    variable: str | None = None
    n_units: int | None = None


def plan_splits(source: Source, split: dict, seed: int) -> Assignment:
    """Return how the rows of a data set are assigned to splits, by the config's section `split`.

    Raises UserError if there are too few samples, blocks or groups for three splits.
    """
    if split["method"] == "random":
        return _at_random(source.n_rows, split, seed)
    if split["method"] == "blocks":
        return _by_blocks(source, split, seed)
    if split["method"] == "group":
        return _by_groups(source, split, seed)
    return _as_labelled(source, split["variable"])


def _at_random(n_rows: int, split: dict, seed: int) -> Assignment:
    """Give each row a random number: the lowest go to the test split, the next to validation."""
    n_validation, n_test = share_sizes(n_rows, split, "samples")
    stream = derive_seed(seed, "split")
    limits = _order_statistics(stream, n_rows, [n_test, n_test + n_validation])
    random = np.random.default_rng(stream)

    def assign(slab: Slab, values: np.ndarray | None) -> tuple[np.ndarray, None]:
        numbers = random.random(slab.n_rows)
        of_number = np.array([TEST, VALIDATION, TRAINING], np.int8)
        return of_number[np.searchsorted(limits, numbers, side="right")], None

    return Assignment(assign)


def _order_statistics(stream: int, n: int, ranks: list[int], n_bins: int = 65536) -> list[float]:
    """Return the numbers with `ranks` (from 0) among the first n of a random stream.

    They are found by a histogram and a second look at the bins that hold them, since n numbers may
    not fit into memory.
    """
    counts = np.zeros(n_bins, np.int64)
    for numbers in _random_numbers(stream, n):
        counts += np.bincount((numbers * n_bins).astype(np.int64), minlength=n_bins)
    before = np.concatenate([[0], counts.cumsum()])
    bins = [int(np.searchsorted(before, rank, side="right")) - 1 for rank in ranks]
    kept: dict[int, list[np.ndarray]] = {number: [] for number in bins}
    for numbers in _random_numbers(stream, n):
        of_bin = (numbers * n_bins).astype(np.int64)
        for number, parts in kept.items():
            parts.append(numbers[of_bin == number])
    return [
        float(np.sort(np.concatenate(kept[number]))[rank - before[number]])
        for rank, number in zip(ranks, bins, strict=True)
    ]


def _random_numbers(stream: int, n: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(stream)
    for start in range(0, n, CHUNK):
        yield random.random(min(CHUNK, n - start))


def _by_blocks(source: Source, split: dict, seed: int) -> Assignment:
    """Cut the samples into blocks, in their order or by a coordinate, and deal these at random."""
    n_blocks, variable = split["n_blocks"], split["variable"]
    n_rows = source.n_rows
    if variable is None:
        starts = np.unique(np.arange(n_blocks) * n_rows // n_blocks)
    else:
        starts = _coordinate_blocks(source, variable, n_blocks)
    of_block = _deal(len(starts), split, seed, "blocks")

    def assign(slab: Slab, values: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        if values is None:
            values = np.arange(slab.first_row, slab.first_row + slab.n_rows)
        return _look_up(starts[1:], of_block, values)

    return Assignment(assign, variable, len(starts))


def _coordinate_blocks(source: Source, variable: str, n_blocks: int) -> np.ndarray:
    """Return the values at which blocks of about equal numbers of samples begin."""
    step = -(-source.n_rows // N_QUANTILE_SAMPLES)
    parts = []
    for slab, values in _values_of(source, variable):
        parts.append(values[-slab.first_row % step :: step])
    values = np.concatenate(parts)
    if values.dtype.kind != "f":
        raise UserError(
            f"split.variable: {variable!r} is not numeric; blocks need a coordinate, of which "
            "neighbouring values belong together (split.method: group takes any variable)"
        )
    values = np.sort(values[np.isfinite(values)])
    if not values.size:
        raise UserError(f"split.variable: {variable!r} has no value that is not missing")
    return np.unique(values[np.arange(n_blocks) * len(values) // n_blocks])


def _by_groups(source: Source, split: dict, seed: int) -> Assignment:
    """Deal the values of a variable at random, so that equal ones stay together."""
    variable = split["variable"]
    found = (np.unique(values[~_is_missing(values)]) for _, values in _values_of(source, variable))
    groups = reduce(np.union1d, found)
    of_group = _deal(len(groups), split, seed, f"groups by {variable!r}")

    def assign(slab: Slab, values: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        assert values is not None  # as there is a variable
        return _look_up(groups[1:], of_group, values)

    return Assignment(assign, variable, len(groups))


def _deal(n_units: int, split: dict, seed: int, things: str) -> np.ndarray:
    """Return the split of each block or group, (n_units,)."""
    n_validation, n_test = share_sizes(n_units, split, things)
    of_unit = np.full(n_units, TRAINING, np.int8)
    order = np.random.default_rng(derive_seed(seed, "split")).permutation(n_units)
    of_unit[order[:n_test]] = TEST
    of_unit[order[n_test : n_test + n_validation]] = VALIDATION
    return of_unit


def _look_up(
    later_starts: np.ndarray, of_unit: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return split and number of the unit that each value lies in; units are intervals."""
    units = np.searchsorted(later_starts, values, side="right")
    return np.where(_is_missing(values), np.int8(UNKNOWN), of_unit[units]), units


def _as_labelled(source: Source, variable: str) -> Assignment:
    """Take each sample's split from a variable: its name, or a number for it.

    What numbers stand for is told by the attributes flag_values and flag_meanings; without these,
    0, 1 and 2 are the SPLITS in their order.
    """
    with source.open(0) as data:
        attributes = data.variables[variable].attrs
    meanings = dict(enumerate(SPLITS))
    if "flag_meanings" in attributes:
        names = str(attributes["flag_meanings"]).split()
        numbers = np.ravel(attributes.get("flag_values", range(len(names)))).tolist()
        meanings = dict(zip(numbers, names, strict=False))
    code_of = {number: SPLITS.index(name) for number, name in meanings.items() if name in SPLITS}

    def assign(slab: Slab, values: np.ndarray | None) -> tuple[np.ndarray, None]:
        assert values is not None  # as there is a variable
        is_numeric = values.dtype.kind == "f"
        labels = values if is_numeric else np.char.strip(values)
        codes = np.full(slab.n_rows, UNKNOWN, np.int8)
        for label, code in code_of.items() if is_numeric else zip(SPLITS, range(3), strict=True):
            codes[labels == label] = code
        wrong = np.flatnonzero((codes == UNKNOWN) & ~_is_missing(labels))
        if wrong.size:
            numbers = list_names([f"{number:g} ({meanings[number]})" for number in code_of])
            raise UserError(
                f"split.variable: {variable!r} is {labels[wrong[0]].item()!r} in "
                f"{source.locate(slab.first_row + wrong[0])}; it must be training, validation or "
                f"test{f', or {numbers}' if numbers else ''}"
            )
        return codes, None

    return Assignment(assign, variable)


def _values_of(source: Source, variable: str) -> Iterator[tuple[Slab, np.ndarray]]:
    """Read one variable of all rows, which has one value for each."""
    with SlabReader(source, [variable]) as reader:
        for slab in list_slabs(source, CHUNK):
            yield slab, reader.read(slab)[variable][:, 0]


def column_of(columns: dict[str, np.ndarray], variable: str | None) -> np.ndarray | None:
    """Return the values of a split variable, (n_rows,): float64, or text; None without one."""
    return None if variable is None else columns[variable][:, 0]


def _is_missing(values: np.ndarray) -> np.ndarray:
    return ~np.isfinite(values) if values.dtype.kind == "f" else values == ""
