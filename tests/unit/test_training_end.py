"""Whether losses were falling when the budget ended the trainings."""

import numpy as np
import pytest

from twostep.analysis.training_end import training_end


def record(losses, stop_reason="max_epochs", status="ok", **configuration):
    ended = {"status": status, "stop_reason": stop_reason, "val_loss": list(losses)}
    return ended | {"configuration": configuration}


def courses(exponent, *, n_models=8, n_epochs=30, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    epochs = np.arange(1, n_epochs + 1)
    return [
        record(epochs**exponent * np.exp(noise * rng.standard_normal(n_epochs)))
        for _ in range(n_models)
    ]


def test_a_power_law_is_found_and_extrapolated():
    end = training_end(courses(-1.0, noise=0))
    assert end.exponent == pytest.approx(-1) and end.is_falling
    assert end.gain(1.5) == pytest.approx(1 / 3)
    assert end.n_models == 8


@pytest.mark.parametrize(("exponent", "least", "most"), [(-1.0, 0.9, 1), (0.0, 0, 0.1)])
def test_falling_losses_are_told_from_scattering_ones(exponent, least, most):
    """A false alarm in at most 10 % of the studies, where 5 % are nominal."""
    found = [training_end(courses(exponent, seed=seed)).is_falling for seed in range(100)]
    assert least <= np.mean(found) <= most


def test_what_ended_by_itself_or_is_too_short_does_not_count():
    ended = [record(np.linspace(2, 1, 30), stop_reason="patience")] * 9
    failed = [record([1.0] * 30, status="diverged")] * 9
    assert training_end(ended + failed + courses(-1.0, n_models=2)) is None
    assert training_end(courses(-1.0, n_epochs=6)) is None
    assert training_end(courses(-1.0, n_models=3) + ended).n_models == 3


def test_the_end_of_a_schedule_tells_nothing():
    """The losses of a rate that has fallen to 0 have stopped falling in any case."""
    flat = [record([1.0] * 30, learning_rate_schedule="one_cycle")] * 9
    assert training_end(flat) is None
    end = training_end(flat + courses(-1.0, noise=0))
    assert end.n_models == 8 and end.exponent == pytest.approx(-1)


def test_a_loss_of_zero_has_no_logarithm():
    assert training_end([record([1.0] * 20 + [0.0])] * 5) is None
