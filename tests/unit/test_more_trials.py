"""Whether twice as many trials would help: simulated searches with known truth."""

import numpy as np
import pytest
from simulated_searches import TAILS, doubled_searches

from twostep.analysis.more_trials import double_trials


@pytest.mark.parametrize("n_trials", [200, 1000])
@pytest.mark.parametrize("name", TAILS)
def test_predicted_and_true_probabilities_agree_on_the_average(name, n_trials):
    predicted, true, held = doubled_searches(name, n_trials, 0.05, n_studies=40)
    assert predicted.mean() == pytest.approx(true.mean(), abs=0.15)
    # A bound, where 95 % are nominal.
    assert held.mean() >= 0.8


@pytest.mark.parametrize("tolerance", [0.05, 0.25])
def test_more_trials_are_not_advised_on_a_plateau(tolerance):
    """There, hardly any other search has a better trial by more than the tolerance."""
    for name in ("plateau", "noisy plateau"):
        predicted, true, _ = doubled_searches(name, 400, tolerance, n_studies=30)
        assert true.mean() < 0.1 and np.mean(predicted >= 0.25) <= 0.05


def test_where_a_gain_is_likely_more_trials_are_advised():
    predicted, true, _ = doubled_searches("exponential tail", 400, 0.05, n_studies=30)
    assert true.mean() > 0.35 and np.mean(predicted >= 0.25) >= 0.9


@pytest.mark.parametrize(
    "losses", [np.ones(200), np.linspace(1, 2, 99), np.linspace(0, 1, 200), np.array([])]
)
def test_too_few_losses_or_losses_alike_tell_nothing(losses):
    assert double_trials(losses, 0.05) is None


def test_a_search_that_stands_still_has_nothing_to_gain():
    more = double_trials(np.r_[np.full(30, 1.0), np.linspace(1, 2, 170)], 0.05)
    assert more.probability < 0.01 and more.most < 0.05 and more.n_trials == 200
