"""The figures of the selected model: predicted against true, and the error over each input."""

import math

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from twostep.analysis.binning import equal_bins, summarise_bins
from twostep.figures.scales import scale_small_panel
from twostep.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    DIMENSIONLESS,
    GREY,
    INK,
    PAGE_WIDTH,
    STYLE,
    VERMILION,
    draw_nothing,
    literal,
)
from twostep.model.predictions import Predictions
from twostep.util.text import shorten

MOST_OUTPUTS = 8
MOST_INPUTS = 24
N_COLUMNS = 4
N_CELLS = 50  # of a two-dimensional histogram, in each direction
# Errors outside these quantiles may be left out of sight; they are counted.
SIGHT = (0.0005, 0.9995)
LARGEST = 1e100  # Beyond it axes overflow; it is left out of sight like infinity.
N_BINS = 20
# Samples that a bin should hold, or its tails are noise.
BIN_SIZE = 50
TAILS = (0.05, 0.95)
LONGEST_LABEL = 26
# From light, but visible on white, to dark.
COUNTS = ListedColormap(matplotlib.colormaps["Blues"](np.linspace(0.25, 1, 256)))


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
        grids += _draw_output(upper, lower, predictions, i, r2[i])
        unit = _unit(predictions.outputs[i], " ({})")
        # Once for all panels of a row that have the same unit.
        if column == 0 or unit != _unit(predictions.outputs[shown[place - 1]], " ({})"):
            upper.set_ylabel(f"Predicted{unit}")
            lower.set_ylabel(f"Predicted minus true{unit}")
    for place in range(len(shown), n_rows * n_columns):
        row, column = divmod(place, n_columns)
        panels[2 * row][column].set_axis_off()
        panels[2 * row + 1][column].set_axis_off()
    norm = LogNorm(1, max([2, *map(_largest_count, grids)]))
    for grid in grids:
        grid.set_norm(norm)
    figure.colorbar(
        ScalarMappable(norm, COUNTS), ax=panels, label="Samples per cell", aspect=40, pad=0.01
    )
    figure.suptitle(_note(predictions, model, len(shown)), x=0.01, ha="left", fontsize=8)
    return figure


def _note(predictions: Predictions, model: str, n_shown: int) -> str:
    n_rows, n_test = len(predictions.true), predictions.n_test
    of_all = f" of {n_test:,}" if n_rows < n_test else ""
    note = f"{model}\n{n_rows:,}{of_all} test samples"
    n_outputs = len(predictions.outputs)
    if n_shown < n_outputs:
        note += f"; the {n_shown} of {n_outputs} outputs with the lowest R²"
    return note


def _r2(predictions: Predictions) -> np.ndarray:
    """Return the coefficient of determination of each output, (n_outputs,).

    That of an output that does not vary, or with predictions that are not finite, is -inf or NaN.
    """
    with np.errstate(over="ignore"):
        squares = (predictions.error**2).mean(axis=0)
    varies, variance = _varies(predictions), predictions.true.var(axis=0)
    return 1 - np.divide(squares, variance, out=np.full_like(squares, np.inf), where=varies)


def _varies(predictions: Predictions) -> np.ndarray:
    """Return for each output if its true values differ, (n_outputs,), logical.

    The standard deviation of equal values is a rounding error, and not always 0.
    """
    return np.ptp(predictions.true, axis=0) > 0


def _draw_output(
    upper: Axes, lower: Axes, predictions: Predictions, i: int, r2: float
) -> list[QuadMesh]:
    """Draw one output; return the two histograms, none if no prediction is finite."""
    output = predictions.outputs[i]
    true, predicted = predictions.true[:, i], predictions.predicted[:, i]
    if not (np.abs(predicted) < LARGEST).any():
        upper.set_title(f"{_short(output['name'])}\nno prediction is finite", gid="nothing")
        for axes in (upper, lower):
            axes.set_axis_off()
        return []
    error = predicted - true
    scale = "log" if output["transform"] == "log10" else "linear"
    low, high = _sight(np.concatenate([true, predicted]), scale)
    bottom, top = _sight(error)
    low, high = min(low, true.min()), max(high, true.max())
    both = [_cells(low, high, scale)] * 2
    grids = [
        _histogram(upper, true, predicted, *both),
        _histogram(lower, true, error, both[0], _cells(bottom, top, "linear")),
    ]
    upper.axline((low, low), (high, high), color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    lower.axhline(0, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    upper.set(xscale=scale, yscale=scale, xlim=(low, high), ylim=(low, high))
    lower.set(xscale=scale, xlim=(low, high), ylim=(bottom, top))
    for axes in (upper, lower):
        if scale == "linear":
            axes.xaxis.set_major_locator(MaxNLocator(3))
            axes.yaxis.set_major_locator(MaxNLocator(4))
    upper.tick_params(labelbottom=False)
    with np.errstate(over="ignore"):
        rmse = math.sqrt((error**2).mean())
    quality = f"R² {r2:.4f}" if math.isfinite(r2) else "R² not defined"
    upper.set_title(f"{_short(output['name'])}\n{quality}\nRMSE {rmse:.3g}{_unit(output)}")
    outside = int(((error < bottom) | (error > top)).sum())
    if outside:
        lower.set_title(f"{outside:,} outside", fontsize=7)
    lower.set_xlabel(f"True{_unit(output, ' ({})')}")
    return grids


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


@matplotlib.rc_context(STYLE)
def draw_errors_by_input(predictions: Predictions, *, model: str) -> Figure:
    """Draw the error over each input: median, 5-95 % band and root mean square in its bins.

    The error of a sample is the root mean square over the outputs, each in units of the standard
    deviation of its true values. Of more than 24 inputs those along which the root mean square
    varies most are shown. `model` says which it is.
    """
    error = _scaled_error(predictions)
    known = np.isfinite(error)
    if not known.any():
        return draw_nothing(
            "No output varies in the test split, or no prediction is finite: look at the test data."
        )
    tables = [_error_table(column[known], error[known]) for column in predictions.input.T]
    shown = np.arange(len(tables))
    if len(tables) > MOST_INPUTS:
        variation = np.array([np.ptp(table["rms"]) for table in tables])
        shown = np.sort(np.argsort(-variation, kind="stable")[:MOST_INPUTS])
    n_columns = min(N_COLUMNS, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    # A single row needs the room for the label beside it.
    figure = Figure(figsize=(PAGE_WIDTH, 0.9 + 1.45 * max(n_rows, 1.6)))
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True).ravel()
    rms = math.sqrt((error[known] ** 2).mean())
    for axes, i in zip(panels, shown, strict=False):
        _draw_error(axes, predictions.inputs[i], tables[i], rms)
    for axes in panels[len(shown) :]:
        axes.set_axis_off()
    panels[0].set_yscale("log")
    lowest = min(table["low"].min() for table in tables)
    highest = max(table["high"].max() for table in tables)
    panels[0].set_ylim(lowest / 1.1, max(highest, lowest * 2) * 1.1)
    separator = " " if n_rows > 1 else "\n"
    figure.supylabel(f"Error / standard deviation{separator}of the output", fontsize=8)
    note = f"{model}\n{known.sum():,} test samples"
    if len(shown) < len(tables):
        note += f"; the {len(shown)} of {len(tables)} inputs along which the error varies most"
    figure.suptitle(note, x=0.01, ha="left", fontsize=8)
    handles = [
        Line2D([], [], color=VERMILION, label="root mean square"),
        Line2D([], [], color=BLUE, linestyle=(0, (4, 1.5)), label="median"),
        Patch(facecolor=BLUE, alpha=0.25, label="5 % to 95 %"),
        Line2D([], [], color=INK, linewidth=0.7, label="root mean square of all"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _scaled_error(predictions: Predictions) -> np.ndarray:
    """Return the error of each sample over the outputs that vary, (n_samples,); NaN without any."""
    varies = _varies(predictions)
    if not varies.any():
        return np.full(len(predictions.true), np.nan)
    scaled = predictions.error[:, varies] / predictions.true[:, varies].std(axis=0)
    with np.errstate(over="ignore"):
        return np.sqrt((scaled**2).mean(axis=1))


def _error_table(values: np.ndarray, error: np.ndarray) -> pd.DataFrame:
    """Return the distribution of the error in bins of an input, with its root mean square."""
    n_bins = max(1, min(N_BINS, len(values) // BIN_SIZE))
    bins = equal_bins(values, n_bins)
    table = summarise_bins(values, error, bins, TAILS)
    counts = np.bincount(bins)
    sums = np.bincount(bins, weights=error**2)
    return table.assign(rms=np.sqrt(sums[counts > 0] / counts[counts > 0]))


def _draw_error(axes: Axes, feature: dict, table: pd.DataFrame, rms: float) -> None:
    x = table["centre"]
    axes.fill_between(x, table["low"], table["high"], color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(x, table["median"], color=BLUE, linestyle=(0, (4, 1.5)), gid="median")
    axes.plot(x, table["rms"], color=VERMILION, gid="rms")
    axes.axhline(rms, color=INK, linewidth=0.7)
    if feature["transform"] == "log10":
        margin = (x.max() / x.min()) ** 0.05
        scale_small_panel(axes, x.min() / margin, x.max() * margin)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.set_xlabel(_short(feature["name"]) + _unit(feature, " ({})"), fontsize=7, labelpad=1)
    axes.grid(axis="y", color=GREY, linewidth=0.3)


def _short(text: str) -> str:
    return literal(shorten(text, LONGEST_LABEL))


def _unit(feature: dict, form: str = " {}") -> str:
    """Return a feature's unit in a form; nothing for a number without one."""
    unit = feature["units"].strip()
    return "" if not unit or unit.lower() in DIMENSIONLESS else form.format(_short(unit))
