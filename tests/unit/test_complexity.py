"""The minimal complexity, and what its interval says."""

import numpy as np
import pytest
from simulated_searches import ENVELOPES

from twostep.analysis.complexity import minimal_complexity


def test_it_is_the_smallest_size_within_the_tolerance_of_the_best():
    sizes, losses = np.array([900, 50, 20, 10]), np.array([1, 1.1, 1.1, 1.2])
    assert minimal_complexity(sizes, losses, 0.1).n_parameters == 20
    assert minimal_complexity(sizes, losses, 0.3).n_parameters == 10
    assert minimal_complexity(sizes, losses, 0).n_parameters == 900


def test_few_trials_have_no_interval():
    found = minimal_complexity(np.arange(1, 50), np.ones(49), 0.1)
    assert (found.n_parameters, found.low, found.high) == (1, None, None)


def test_where_every_trial_would_do_the_interval_is_that_of_the_smallest_of_a_sample():
    # The smallest of 36 among 1 ... 400 is above k with a probability of about 0.91^k.
    found = minimal_complexity(np.arange(1, 401), np.ones(400), 0.1)
    assert (found.n_parameters, found.low) == (1, 1)
    assert 30 <= found.high <= 48


def test_a_clear_answer_has_a_narrow_interval_and_a_doubtful_one_a_wide_one():
    random = np.random.default_rng(1)
    sizes = (10 ** random.uniform(2, 6, 4000)).astype(int)
    # Nothing below 10,000 parameters is good, and everything above is equally so.
    clear = minimal_complexity(sizes, np.where(sizes < 10_000, 10.0, 1.0), 0.1)
    assert 10_000 <= clear.low <= clear.high < 13_000
    # A single small trial is as good as a hundred times larger ones: most of the samples lack it.
    sizes = np.append(sizes, 150)
    losses = np.where(sizes < 10_000, 10.0, 1.0)
    losses[-1] = 1
    doubtful = minimal_complexity(sizes, losses, 0.1)
    assert (doubtful.n_parameters, doubtful.low) == (150, 150)
    assert 10_000 <= doubtful.high < 13_000


@pytest.mark.parametrize("n_trials", [200, 4000])
@pytest.mark.parametrize("name", ENVELOPES)
def test_the_interval_holds_what_another_search_finds(name, n_trials):
    """In about 9 of 10 cases, see `benchmarks/signatures.py`; less where the largest is best."""
    random = np.random.default_rng(2)
    inside = []
    for _ in range(20):
        sizes = (10 ** random.uniform(2, 6, n_trials)).astype(int)
        found = minimal_complexity(sizes, ENVELOPES[name](random, sizes), 0.25)
        for _ in range(5):
            sizes = (10 ** random.uniform(2, 6, n_trials)).astype(int)
            losses = ENVELOPES[name](random, sizes)
            inside.append(found.low <= sizes[losses <= 1.25 * losses.min()].min() <= found.high)
    assert np.mean(inside) >= (0.7 if name == "no floor" else 0.85)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_trials_in_another_order_have_the_same_size(seed):
    random = np.random.default_rng(seed)
    sizes, losses = random.integers(10, 1000, 50), random.uniform(size=50)
    order = random.permutation(50)
    first, second = (
        minimal_complexity(sizes, losses, 0.5),
        minimal_complexity(sizes[order], losses[order], 0.5),
    )
    assert first.n_parameters == second.n_parameters
