"""The figure of the selected model's predictions against the truth, for each output."""

import math

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from twostep.figures.labels import feature_label, fit, text_width, unit_label
from twostep.figures.scales import (
    SIZE,
    scale_quantity,
    scale_small_panel,
    widen,
)
from twostep.figures.style import (
    COLUMN_WIDTH,
    INK,
    PAGE_WIDTH,
    STYLE,
    draw_nothing,
)
from twostep.model.predictions import Predictions

MOST_OUTPUTS = 8
N_COLUMNS = 4
N_CELLS = 50  # of a two-dimensional histogram, in each direction
# Errors outside these quantiles may be left out of sight; they are counted.
SIGHT = (0.0005, 0.9995)
LARGEST = 1e100  # Beyond it axes overflow; it is left out of sight like infinity.
# Room above a panel that has others above it, below and beside a panel, and the size of titles, in
# points.
PANEL_WIDTH, COLUMN, PANEL_HEIGHT, TITLE = 82, 105, 102, 7
# From light, but visible on white, to dark.
COUNTS = ListedColormap(matplotlib.colormaps["Blues"](np.linspace(0.35, 1, 256)))


@matplotlib.rc_context(STYLE)
def draw_predicted(predictions: Predictions, *, model: str) -> Figure:
    """Draw predicted against true values (above) and the error (below) of each output.

    Of more than 8 outputs those with the lowest R² are shown. `model` says which it is.
    """
    outputs, r2 = predictions.outputs, _r2(predictions)
    shown = np.arange(len(outputs))
    if len(outputs) > MOST_OUTPUTS:
        shown = np.argsort(r2, kind="stable")[:MOST_OUTPUTS]
    n_columns = min(N_COLUMNS, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    width = max(COLUMN_WIDTH, PAGE_WIDTH * (n_columns + 1) / (N_COLUMNS + 1))
    figure = Figure(figsize=(width, 0.6 + 3.3 * n_rows))
    panels = figure.subplots(2 * n_rows, n_columns, squeeze=False)
    grids = []
    for place, i in enumerate(shown.tolist()):
        row, column = divmod(place, n_columns)
        upper, lower = panels[2 * row][column], panels[2 * row + 1][column]
        grids += _draw_output(upper, lower, predictions, i)
        # The bar of the colours begins beside the first row, below its titles.
        room = COLUMN if n_rows == 1 else PANEL_WIDTH
        upper.set_title(_title(predictions, i, r2[i], room), fontsize=TITLE)
    for row in panels:
        _keep_first_labels(row)
    for place in range(len(shown), n_rows * n_columns):
        row, column = divmod(place, n_columns)
        panels[2 * row][column].set_axis_off()
        panels[2 * row + 1][column].set_axis_off()
    if not grids:
        return draw_nothing("No prediction is finite: look at the test data.")
    _draw_counts(figure, panels, grids)
    figure.suptitle(_note(predictions, model, len(shown)), x=0.01, ha="left", fontsize=8)
    return figure


def _keep_first_labels(panels: np.ndarray) -> None:
    """Remove the y labels that are the same as those of the panel to the left."""
    labels = [axes.get_ylabel() for axes in panels]
    for axes, label, before in zip(panels[1:], labels[1:], labels, strict=False):
        if label == before:
            axes.set_ylabel("")


def _draw_counts(figure: Figure, panels: np.ndarray, grids: list[QuadMesh]) -> None:
    """Give all histograms the same colours, and draw the scale of these."""
    most = max([2, *map(_largest_count, grids)])
    norm = LogNorm(1, most)
    for grid in grids:
        grid.set_norm(norm)
    bar = figure.colorbar(
        ScalarMappable(norm, COUNTS),
        ax=panels,
        label="Samples per cell",
        aspect=40,
        pad=0.01,
        ticks=LogLocator(subs=(1, 2, 5) if most < 50 else (1,)),
        format=StrMethodFormatter("{x:,.0f}"),
    )
    bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _note(predictions: Predictions, model: str, n_shown: int) -> str:
    note = f"{model}\n{count_rows(predictions)}"
    n_outputs = len(predictions.outputs)
    if n_shown < n_outputs:
        note += f"; the {n_shown} of {n_outputs} outputs with the lowest R²"
    return note


def count_rows(predictions: Predictions) -> str:
    """Return how many test samples a figure shows."""
    n_rows, n_test = len(predictions.true), predictions.n_test
    of_all = f" of {n_test:,}" if n_rows < n_test else ""
    return f"{n_rows:,}{of_all} test samples"


def _r2(predictions: Predictions) -> np.ndarray:
    """Return the coefficient of determination of each output, (n_outputs,).

    That of an output that does not vary, or with predictions that are not finite, is -inf or NaN.
    True values that are missing do not count.
    """
    there = np.isfinite(predictions.true)
    with np.errstate(over="ignore"):
        squares = np.mean(predictions.error**2, axis=0, where=there)
    known, variance = varies(predictions), np.var(predictions.true, axis=0, where=there)
    return 1 - np.divide(squares, variance, out=np.full_like(squares, np.inf), where=known)


def varies(predictions: Predictions) -> np.ndarray:
    """Return for each output if its true values differ, (n_outputs,), logical.

    The standard deviation of equal values is a rounding error, and not always 0.
    """
    lowest, highest = np.fmin.reduce(predictions.true), np.fmax.reduce(predictions.true)
    return highest - lowest > 0


def _draw_output(upper: Axes, lower: Axes, predictions: Predictions, i: int) -> list[QuadMesh]:
    """Draw one output; return the two histograms, none if no prediction is finite."""
    output = predictions.outputs[i]
    there = np.isfinite(predictions.true[:, i])
    true, predicted = predictions.true[there, i], predictions.predicted[there, i]
    if not _is_finite(predicted):
        for axes in (upper, lower):
            axes.set_axis_off()
        return []
    error = predicted - true
    scale = "log" if output["transform"] == "log10" else "linear"
    low, high = _sight(np.concatenate([true, predicted]), scale)
    low, high = widen(min(low, true.min()), max(high, true.max()))
    bottom, top = widen(*_sight(error))
    both = [_cells(low, high, scale)] * 2
    grids = [
        _histogram(upper, true, predicted, *both),
        _histogram(lower, true, error, both[0], _cells(bottom, top, "linear")),
    ]
    upper.axline((low, low), (high, high), color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    lower.axhline(0, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    power = _scale_values(upper, "x", low, high, scale)
    _scale_values(lower, "x", low, high, scale)
    _scale_values(upper, "y", low, high, scale)
    upper.set_ylabel(feature_label("Predicted", output, power, PANEL_HEIGHT, SIZE))
    error_power = _scale_values(lower, "y", bottom, top, "linear")
    lower.set_ylabel(feature_label("Predicted minus true", output, error_power, PANEL_HEIGHT, SIZE))
    lower.set_xlabel(feature_label("True", output, power, COLUMN, SIZE))
    upper.tick_params(labelbottom=False)
    outside = int(((error < bottom) | (error > top)).sum())
    if outside:
        lower.set_title(f"{outside:,} outside", fontsize=TITLE)
    return grids


def _scale_values(axes: Axes, which: str, low: float, high: float, scale: str) -> str:
    """Scale an axis of an output; return the power of ten for its label."""
    if scale == "log":
        scale_small_panel(axes, low, high, which, most=2 if which == "x" else 4)
        return ""
    return scale_quantity(axes, which, low, high, most=3 if which == "x" else 4)


def _is_finite(predicted: np.ndarray) -> bool:
    """Return whether there is a prediction that axes can show."""
    return bool((np.abs(predicted) < LARGEST).any())


def _title(predictions: Predictions, i: int, r2: float, room: float) -> str:
    """Return the name of an output and how well it is predicted, in lines that have the room."""
    there = np.isfinite(predictions.true[:, i])
    output, error = predictions.outputs[i], predictions.error[there, i]
    name = fit(output["name"], room, TITLE)
    if not _is_finite(predictions.predicted[there, i]):
        return f"{name}\nno prediction is finite"
    with np.errstate(over="ignore"):
        rmse = f"RMSE {math.sqrt((error**2).mean()):.3g}"
    quality = "R² not defined"
    if math.isfinite(r2):
        quality = f"R² {r2:.4f}" if r2 > -10 else f"R² {r2:.3g}"
    unit = unit_label(output, room, TITLE)
    # The axes have it, too.
    has_room = text_width(rmse + unit, TITLE) <= room
    return f"{name}\n{quality}\n{rmse}{unit if has_room else ''}"


def _histogram(
    axes: Axes, x: np.ndarray, y: np.ndarray, x_edges: np.ndarray, y_edges: np.ndarray
) -> QuadMesh:
    *_, grid = axes.hist2d(
        x, y, bins=[x_edges, y_edges], cmin=1, cmap=COUNTS, rasterized=True, gid="samples"
    )
    return grid


def _largest_count(grid: QuadMesh) -> float:
    counts = grid.get_array()
    assert counts is not None  # a histogram has them
    return counts.max()


def _cells(low: float, high: float, scale: str) -> np.ndarray:
    space = np.geomspace if scale == "log" else np.linspace
    return space(low, high, N_CELLS + 1)


def _sight(values: np.ndarray, scale: str = "linear") -> tuple[float, float]:
    """Return limits for an axis: all values, unless a few of them are far from the others."""
    values = values[np.abs(values) < LARGEST]
    if scale == "log":
        # What is far is a matter of decades there. A prediction may have underflowed to 0.
        low, high = _sight(np.log10(values[values > 1 / LARGEST]))
        return 10.0**low, 10.0**high
    low, high = np.quantile(values, SIGHT)
    room = max(high - low, 1e-12 * max(abs(low), abs(high)), 1e-300)
    return max(values.min(), low - room), min(values.max(), high + room) + 1e-9 * room
