"""Values far from all others: found with their counts, and none seen where there is none."""

import numpy as np
import pytest

from twostep.data.far_values import MOST_KEPT, FarValues, is_mark


def find(values, *, n_sample=4000, n_pieces=7):
    """Return {value: (count, first row)} of the doubtful values, after a pass in pieces."""
    far = FarValues(values[:: max(1, len(values) // n_sample)])
    row = 0
    for piece in np.array_split(values, n_pieces):
        far.add(piece, np.arange(row, row + len(piece)))
        row += len(piece)
    return {value: (count.n_rows, count.first_row) for value, count in far.find(len(values))}


def spoil(values, marks, n_rows, seed=0):
    """Return values of which some rows are each of the marks, and what should be found."""
    values = values.copy()
    places = np.random.default_rng(seed).permutation(len(values))
    expected = {}
    for i, mark in enumerate(marks):
        own = np.sort(places[i * n_rows : (i + 1) * n_rows])
        values[own] = mark
        expected[float(values[own[0]])] = (n_rows, int(own[0]))
    return values, expected


@pytest.fixture
def random():
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-999, True),
        (-9999.0, True),
        (-999.9, True),
        (99999, True),
        (1e20, True),
        (float(np.float32(1e20)), True),
        (-1e30, True),
        (float(np.float32(9.96921e36)), True),
        (-32768, True),
        (99, False),
        (-9, False),
        (1000, False),
        (1e10, False),
        (65535, False),
        (0, False),
        (2.5e20, False),
    ],
)
def test_the_marks_that_programs_write(value, expected):
    assert is_mark(value) == expected


@pytest.mark.parametrize("n_rows", [1, 30, 600])
@pytest.mark.parametrize(
    "marks", [[-999], [-9999, -999], [1e20], [-999, 1e20], [np.float32(9.96921e36)]]
)
def test_known_marks_are_found_with_count_and_place(random, marks, n_rows):
    for values in (random.normal(280, 10, 20_000), random.uniform(0, 1, 20_000)):
        values, expected = spoil(values, marks, n_rows)
        assert find(values) == expected


def test_a_mark_among_classes_and_a_mark_below_values_of_several_decades(random):
    values, expected = spoil(random.integers(0, 6, 20_000).astype(float), [-999], 20)
    assert find(values) == expected
    values, expected = spoil(random.lognormal(2, 2, 20_000), [-999], 400)
    assert find(values) == expected


@pytest.mark.parametrize("mark", [-500, -77, 1234.5])
def test_any_value_that_is_repeated_far_from_the_others_is_found(random, mark):
    values, expected = spoil(random.normal(280, 10, 20_000), [mark], 50)
    assert find(values) == expected


def test_a_single_value_must_be_farther(random):
    values = random.normal(280, 10, 20_000)
    values[77] = 1e4
    assert find(values) == {}
    values[77] = 3e6
    assert find(values) == {3e6: (1, 77)}


def test_values_that_the_sample_lacks_are_counted_all_the_same(random):
    values = random.normal(280, 10, 20_000)
    values[[1, 3, 19_999]] = -9999
    assert find(values, n_sample=2000) == {-9999.0: (3, 1)}


def test_more_different_far_values_than_are_kept_are_no_doubt(random):
    # The sample knows nothing of the second half.
    values = np.concatenate([random.normal(0, 1, 20_000), random.normal(50, 10, 20_000)])
    far = FarValues(values[:1000])
    for start in range(0, len(values), 10_000):
        far.add(values[start : start + 10_000], np.arange(start, start + 10_000))
        assert len(far._counts) <= MOST_KEPT
    assert far.find(len(values)) == []


def zero_inflated(random, n):
    return np.where(random.random(n) < 0.7, 0, 1e-6 * random.lognormal(0, 1.8, n))


def clipped(random, n):
    return np.minimum(random.pareto(1, n), 10 ** random.uniform(1, 6))


HARMLESS = {
    "normal": lambda random, n: random.normal(280, 10, n),
    "uniform": lambda random, n: random.random(n),
    "cauchy": lambda random, n: random.standard_cauchy(n),
    "lognormal": lambda random, n: random.lognormal(0, 3, n),
    "lognormal in single precision": lambda random, n: random.lognormal(0, 3, n).astype("f4"),
    "Pareto": lambda random, n: random.pareto(1, n),
    "heavy Pareto": lambda random, n: random.pareto(0.5, n),
    "zero-inflated": zero_inflated,
    "rare events": lambda random, n: np.where(random.random(n) < 0.999, 0, random.pareto(1, n)),
    "saturated": lambda random, n: np.clip(random.normal(size=n), -1, 2),
    "heavy and saturated": clipped,
    "16 bits": lambda random, n: np.minimum(np.round(random.lognormal(8, 1.5, n)), 65_535),
    "decades": lambda random, n: 10 ** random.uniform(-6, 6, n),
    "powers of two": lambda random, n: 2.0 ** random.integers(0, 40, n),
    "packed": lambda random, n: np.round(random.normal(280, 10, n), 2),
    "counts": lambda random, n: random.poisson(0.01, n),
    "heavy counts": lambda random, n: random.zipf(1.5, n),
    "classes": lambda random, n: random.choice(
        [0, 1, 2, 10, 100], n, p=[0.6, 0.2, 0.1, 0.09, 0.01]
    ),
    "rare flag": lambda random, n: random.random(n) < 20 / n,
    "two values": lambda random, n: random.choice([1.0, 7.0], n),
    "thousand": lambda random, n: random.integers(0, 1001, n),
    "two regimes": lambda random, n: np.where(
        random.random(n) < 0.01, random.normal(100, 1, n), random.normal(0, 1, n)
    ),
    "walk": lambda random, n: random.normal(size=n).cumsum(),
    "times": lambda random, n: 1.7e9 + np.sort(random.integers(0, 2_678_400, n)),
    "huge": lambda random, n: 1e300 * random.random(n),
    "zero": lambda random, n: np.zeros(n),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_no_false_alarm(random, kind):
    for n_rows in [40] * 10 + [1000] * 20 + [20_000] * 10:
        assert find(HARMLESS[kind](random, n_rows).astype(float)) == {}


@pytest.mark.parametrize("values", [[], [np.nan, np.nan], [1.0], [1.0, -999.0]])
def test_a_sample_of_next_to_nothing_is_no_error(values):
    far = FarValues(np.array(values))
    far.add(np.array([3.0, 4.0]), np.arange(2))
    assert far.find(2) == []


def test_the_ratio_of_distances_may_be_beyond_what_a_number_holds(random):
    """Most rows have one huge value, and the others differ by next to nothing."""
    values = random.uniform(0, 1e-300, 4000)
    values[random.permutation(4000)[:2400]] = 1e300
    assert list(find(values)) == [1e300]
