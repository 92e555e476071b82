"""Transforms and their inverses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twostep.data.transforms import TRANSFORMS


@pytest.mark.parametrize(
    ("name", "value", "transformed"),
    [
        ("none", -3.5, -3.5),
        ("log10", 1000.0, 3.0),
        ("log1p", np.e - 1, 1.0),
        ("log1p", 0.0, 0.0),
        ("logit", 0.5, 0.0),
        ("logit", 0.9, np.log(9)),
    ],
)
def test_by_hand(name, value, transformed):
    assert TRANSFORMS[name].apply(np.array([value]))[0] == pytest.approx(transformed, abs=1e-15)


@pytest.mark.parametrize("name", TRANSFORMS)
@given(number=st.floats(1e-9, 1 - 1e-9))
def test_inverses(name, number):
    transform = TRANSFORMS[name]
    values = np.array([number])
    np.testing.assert_allclose(transform.invert(transform.apply(values)), values, rtol=1e-9)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_lies_outside_the_domain_is_not_finite(name):
    transform = TRANSFORMS[name]
    values = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    outside = (values <= transform.lower) | (values >= transform.upper)
    with np.errstate(divide="ignore", invalid="ignore"):
        assert (np.isfinite(transform.apply(values)) == ~outside).all()
    assert bool(transform.domain) == outside.any()


def test_the_inverse_of_logit_does_not_overflow():
    values = np.array([-1e4, 1e4])
    with np.errstate(over="raise"):
        np.testing.assert_array_equal(TRANSFORMS["logit"].invert(values), [0, 1])
