"""The figure of the selected model's error in each output."""

import itertools

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from twostep.data.variables import Variable
from twostep.figures.labels import fit
from twostep.figures.predicted import TITLE
from twostep.figures.scales import GAP, SIZE, scale_counts, scale_logarithmically
from twostep.figures.style import (
    BASELINES,
    BLUE,
    COLUMN_WIDTH,
    GREY,
    INK,
    PAGE_WIDTH,
    STYLE,
    draw_nothing,
)
from twostep.util.text import MOST_FEATURES
from twostep.util.wording import number

# Outputs that a column of a page has room for.
MOST_IN_COLUMN = 12
# Labels of entries that have room beside each other.
MOST_LABELS = 8
# Errors below this part of the highest one run out of the axis, or they would squeeze the others.
LEAST_SHOWN = 1e-6
# Room of the panel of a page and for a name below it, in points.
PANEL_WIDTH, NAME = 440, 60


@matplotlib.rc_context(STYLE)
def draw_errors_by_output(
    variables: list[Variable],
    r2: np.ndarray,
    regression_r2: np.ndarray,
    *,
    model: str,
    regression: str,
) -> Figure:
    """Draw the error of each output, in units of the standard deviation of its true values.

    That is the root of 1 - R², which no unit and no range has a part in. The outputs of a variable
    are joined by a line.

    Parameters
    ----------
    variables : the variables of the outputs, in their order
    r2, regression_r2 : (n_outputs,), those of the selected model and of the regression that it is
        compared with on the test split; NaN where an output has none
    model : says which model it is
    regression : "linear" or "logistic"
    """
    errors, simple = (np.sqrt(1 - np.where(np.isfinite(x), x, np.nan)) for x in (r2, regression_r2))
    if not np.isfinite(errors).any():
        return draw_nothing(
            "No output varies in the test split, or no prediction is finite: look at the test data."
        )
    width = COLUMN_WIDTH if len(errors) <= MOST_IN_COLUMN else PAGE_WIDTH
    figure = Figure(figsize=(width, 3.2))
    axes = figure.subplots()
    _scale_errors(axes, errors, simple)
    label, dashes = BASELINES[regression]
    style: dict = {"color": INK, "linestyle": dashes, "markerfacecolor": "none"}
    _draw_line(axes, variables, simple, style | {"label": label, "gid": "regression"})
    style = {"color": BLUE, "label": "selected model", "gid": "selected"}
    _draw_line(axes, variables, errors, style)
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_ylabel("RMSE / standard deviation")
    _name_outputs(axes, variables)
    lacking = int((~np.isfinite(errors)).sum())
    note = f"; {lacking:,} without a finite R²" if lacking else ""
    note = f"{model}\n{number(len(errors), 'output')}{note}"
    figure.suptitle(note, x=0.01, ha="left", fontsize=8)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def _scale_errors(axes: Axes, *errors: np.ndarray) -> None:
    values = np.concatenate([*errors, [1.0]])
    positive = values[np.isfinite(values) & (values > 0)]
    highest = positive.max()
    # ASSUME: beyond 100 standard deviations it makes no difference how bad a prediction is.
    highest = min(highest, max(100.0, 10 * float(np.nanmin(errors[0]))))
    scale_logarithmically(
        axes, "y", max(positive.min(), LEAST_SHOWN * highest), max(highest, 2 * positive.min())
    )


def _draw_line(axes: Axes, variables: list[Variable], values: np.ndarray, style: dict) -> None:
    """Draw the errors of all outputs, with a gap between two variables."""
    starts = [variable.first - 1 for variable in variables[1:]]
    places = np.insert(np.arange(1, len(values) + 1, dtype=float), starts, np.nan)
    size = 4 if len(values) <= MOST_FEATURES else 2.5
    axes.plot(places, np.insert(values, starts, np.nan), marker="o", markersize=size, **style)


def _name_outputs(axes: Axes, variables: list[Variable]) -> None:
    """Put names on the axis of the outputs: of each, or of the variables where they are many."""
    names = [name for variable in variables for name in variable.feature_names]
    scale_counts(axes, 1, len(names))
    if len(names) <= MOST_FEATURES:
        shown = [fit(name, NAME, TITLE) for name in names]
        axes.set_xticks(range(1, len(names) + 1), shown, fontsize=TITLE)
        for label in axes.get_xticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")
        return
    if len(variables) == 1:
        _name_entries(axes, variables[0])
        return
    axes.set_xlabel("Output, in the order of the tables")
    for before, variable in itertools.pairwise(variables):
        if len(before.features) > 1 or len(variable.features) > 1:
            axes.axvline(variable.first - 0.5, color=GREY, linewidth=0.5)
    for variable in variables:
        room = PANEL_WIDTH * len(variable.features) / len(names)
        if room >= 25:
            middle = variable.first + (len(variable.features) - 1) / 2
            axes.annotate(
                fit(variable.name, room, TITLE),
                (middle, 1.0),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="bottom",
                fontsize=TITLE,
            )


def _name_entries(axes: Axes, variable: Variable) -> None:
    """Put the labels of some entries of a variable on the axis, such as the levels."""
    names = variable.feature_names
    start = len(variable.name) + 1
    shown = np.linspace(0, len(names) - 1, MOST_LABELS).round().astype(int)
    labels = [fit(names[i][start:-1], PANEL_WIDTH / MOST_LABELS - GAP, SIZE) for i in shown]
    axes.set_xticks(shown + 1, labels)
    dimensions = fit(", ".join(variable.dimensions), PANEL_WIDTH / 2, SIZE)
    axes.set_xlabel(f"{dimensions} of {fit(variable.name, PANEL_WIDTH / 2, SIZE)}")
