"""The figure of the error of each output."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from twostep.data.variables import Variable
from twostep.figures.outputs import draw_errors_by_output


def line(axes: Axes, gid: str) -> Line2D:
    (found,) = [child for child in axes.get_lines() if child.get_gid() == gid]
    return found


def variables(**sizes: int) -> list[Variable]:
    """Return variables with so many entries each."""
    found: list[Variable] = []
    first = 1
    for name, size in sizes.items():
        names = [f"{name}[{i}]" if size > 1 else name for i in range(size)]
        features = [{"name": each, "units": "K"} for each in names]
        of_many = (("level",), (size,)) if size > 1 else ((), ())
        found.append(Variable(name, first, features, *of_many))
        first += size
    return found


def draw(shown, r2, linear_r2):
    return draw_errors_by_output(
        shown, np.array(r2), np.array(linear_r2), model="a model", regression="linear"
    )


def test_errors_are_in_standard_deviations_and_variables_stand_apart():
    figure = draw(variables(t=2, q=1), [0.99, 0.75, -3.0], [0.0, 0.36, 0.75])
    (axes,) = figure.axes
    places, errors = line(axes, "selected").get_data()
    np.testing.assert_allclose(places, [1, 2, np.nan, 3])
    np.testing.assert_allclose(errors, [0.1, 0.5, np.nan, 2.0])
    np.testing.assert_allclose(line(axes, "regression").get_ydata(), [1.0, 0.8, np.nan, 0.5])
    bottom, top = axes.get_ylim()
    assert axes.get_yscale() == "log" and bottom < 0.1 and top > 2
    assert [label.get_text() for label in axes.get_xticklabels()] == ["t[0]", "t[1]", "q"]


def test_of_many_outputs_the_variables_are_named():
    (axes,) = draw(variables(heating=60), np.linspace(0.5, 1, 60), np.zeros(60)).axes
    assert axes.get_xlabel() == "level of heating"
    labels = {
        tick: label.get_text()
        for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    }
    assert labels[1] == "0" and labels[60] == "59"
    # The last one is exact, and runs out of the axis.
    assert line(axes, "selected").get_ydata()[-1] == 0 and axes.get_ylim()[0] > 0
    (axes,) = draw(variables(heating=60, flux=1, q=60), np.full(121, 0.9), np.zeros(121)).axes
    # Not that of a variable too narrow for its name.
    assert [text.get_text() for text in axes.texts] == ["heating", "q"]


@pytest.mark.parametrize("worst", [-1e12, -1e300])
def test_a_prediction_beyond_all_bounds_does_not_squeeze_the_others(worst):
    (axes,) = draw(variables(t=3), [0.99, 0.9, worst], [0.5, 0.5, 0.5]).axes
    assert axes.get_ylim()[1] < 200


def test_outputs_without_r2_are_counted():
    figure = draw(variables(t=3), [0.99, np.nan, -np.inf], [0.5, np.nan, 0.5])
    assert figure.get_suptitle().endswith("3 outputs; 2 without a finite R²")
    figure = draw(variables(t=2), [np.nan, np.nan], [0.5, 0.5])
    assert not figure.axes
    (text,) = figure.texts
    assert "No output varies" in text.get_text()
