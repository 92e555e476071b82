"""Values far from all others, such as marks of missing ones that no attribute declares.

A sample tells where most values of a column are. In the pass over the data only what lies beyond is
looked at, and that is next to nothing.
"""

import math

import numpy as np

from twostep.data.tally import Count

# Values that programs write where there is none, besides rows of nines and high powers of ten. The
# largest integers are not among them: they may be where an instrument is saturated.
MARKS = (-32768.0, -2147483648.0, -8888.0, 9.96921e36)
# So much beyond the range of a sample, relative to that, values are not looked at.
MARGIN = 0.05
# How far a value is, in ranges of all others: a known mark, one that is repeated, a single one.
FAR_MARK, FAR_REPEATED, FAR_SINGLE = 0.05, 2.0, 1000.0
# The chance, as a power of ten, that a tail as heavy as that of the others leaves such a gap: more
# of it will do for a known mark, which few values are.
CHANCE, CHANCE_OF_MARK = 6.0, 3.0
# ASSUME: among fewer different values, such as codes of classes, one far from the others is normal.
FEWEST_DISTINCT = 30
# Marks at an end of a column's values that are looked for.
MOST_MARKS = 3
# Repeated far values that are no known marks. More of them are a pattern, as of powers of ten.
MOST_REPEATED = 2
# Different far values that are kept. Beyond that, the nearer half counts as not far.
MOST_KEPT = 1000


def is_mark(value: float) -> bool:
    """Return whether programs are known to write this number for a missing one."""
    size = abs(value)
    if any(math.isclose(value, mark, rel_tol=1e-6) for mark in MARKS):
        return True
    # In single precision 1e20 is 1.00000002e20.
    if size >= 1e10:
        digits = f"{size:.6e}".split("e")[0]
        return size >= 1e15 and digits in ("1.000000", "9.999999")
    digits = f"{size:.6g}".replace(".", "")
    return size >= 999 and set(digits) == {"9"}


class FarValues:
    """Those values of one column that are far from most of a sample of it, and their counts.

    `sample` is (n_samples,) in physical units, NaN where missing. `low` and `high` are the bounds
    beyond which a value is far. They may widen.
    """

    def __init__(self, sample: np.ndarray) -> None:
        values = np.sort(sample[np.isfinite(sample)])
        self.low, self.high = -math.inf, math.inf
        self._counts: dict[float, Count] = {}
        self._can_judge_any, self._typical = False, 0.0
        if not values.size:
            return
        distinct = values[np.concatenate([[True], values[1:] != values[:-1]])]
        self._can_judge_any = len(distinct) >= FEWEST_DISTINCT
        bulk = _peel(distinct, marks_only=not self._can_judge_any)
        distances = np.abs(values - values[len(values) // 2])
        distances = distances[distances > 0]
        self._typical = float(np.median(distances)) if distances.size else 0.0
        margin = MARGIN * (bulk[-1] - bulk[0])
        self.low, self.high = float(bulk[0] - margin), float(bulk[-1] + margin)
        if bulk[0] >= 0:
            # A negative mark need not be far from values that are never negative.
            self.low = max(self.low, 0.0)

    def add(self, values: np.ndarray, rows: np.ndarray) -> None:
        """Take values, float64 (n_rows,), with the numbers of their rows, in their order."""
        places = np.flatnonzero((values < self.low) | (values > self.high))
        far, first, counts = np.unique(values[places], return_index=True, return_counts=True)
        first_rows = rows[places[first]]
        if len(far) + len(self._counts) > MOST_KEPT:
            self._widen(np.union1d(far, list(self._counts)))
        kept = (far < self.low) | (far > self.high)
        for value, n_rows, row in zip(far[kept], counts[kept], first_rows[kept], strict=True):
            count = self._counts.setdefault(float(value), Count(0, int(row)))
            count.n_rows += int(n_rows)

    def _widen(self, far: np.ndarray) -> None:
        """Let the nearer ones of the far values, (n_values,), be no longer far."""
        distance = np.maximum(self.low - far, far - self.high)
        limit = np.partition(distance, -MOST_KEPT // 2)[-MOST_KEPT // 2]
        near = far[distance <= limit]
        self.low, self.high = min(self.low, float(near[0])), max(self.high, float(near[-1]))
        self._counts = {
            value: count
            for value, count in self._counts.items()
            if not self.low <= value <= self.high
        }

    def find(self, n_rows: int) -> list[tuple[float, Count]]:
        """Return the doubtful ones among `n_rows` values of the column, the nearest first."""
        low, high = self.low, self.high
        found: list[tuple[float, Count]] = []
        for value in sorted(self._counts, key=lambda value: max(low - value, value - high)):
            gap, width = max(low - value, value - high), high - low
            if gap > 0 and self._is_doubt(value, gap, width, n_rows):
                found.append((value, self._counts[value]))
            else:
                low, high = min(low, value), max(high, value)
        repeated = [value for value, count in found if count.n_rows > 1 and not is_mark(value)]
        if len(repeated) > MOST_REPEATED:
            found = [(value, count) for value, count in found if value not in repeated]
        return found

    def _is_doubt(self, value: float, gap: float, width: float, n_rows: int) -> bool:
        """Return whether a value lies too far from others, which span `width`, to be one of them.

        ASSUME: the others' tail is at most that of a power law from their typical distance from the
        median to their farthest one. The chance that it leaves a gap below the `count` values
        follows from that.
        """
        known = is_mark(value)
        if not known and not self._can_judge_any:
            return False
        if width == 0:
            return known
        count = self._counts[value].n_rows
        enough = FAR_MARK if known else FAR_REPEATED if count > 1 else FAR_SINGLE
        crosses_zero = known and value < 0 <= value + gap
        if gap <= enough * width and not crosses_zero:
            return False
        # The ratio itself may be beyond what a number holds.
        decades = math.log10(width) - math.log10(self._typical) if self._typical > 0 else 1.0
        steepness = math.log10(max(n_rows, 10)) / max(decades, 1.0)
        return count * steepness * math.log10(1 + gap / width) > (
            CHANCE_OF_MARK if known else CHANCE
        )


def _peel(distinct: np.ndarray, *, marks_only: bool) -> np.ndarray:
    """Return distinct sorted values without the few at each end that others are far from."""
    for _ in range(2):
        # At either end, since marks at one of them hide those at the other.
        for sign in (1, -1):
            ordered = sign * distinct[::sign]
            for n_peeled in range(min(MOST_MARKS, len(ordered) - 1), 0, -1):
                are_marks = all(is_mark(sign * value) for value in ordered[:n_peeled])
                low, high = ordered[n_peeled - 1], ordered[n_peeled]
                is_far = high - low > (MARGIN + FAR_MARK) * (ordered[-1] - high)
                crosses_zero = sign > 0 and are_marks and low < 0 <= high
                if (is_far and (are_marks or not marks_only)) or crosses_zero:
                    distinct = sign * ordered[n_peeled:][::sign]
                    break
    return distinct
