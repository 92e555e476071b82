"""The figure of the selected model's error over each input."""

import math

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from twostep.analysis.binning import equal_bins, summarise_bins
from twostep.figures.labels import feature_label, fit
from twostep.figures.predicted import COLUMN, N_COLUMNS, TITLE, varies
from twostep.figures.scales import (
    scale_quantity,
    scale_small_panel,
    widen,
)
from twostep.figures.style import (
    BLUE,
    GREY,
    INK,
    PAGE_WIDTH,
    STYLE,
    VERMILION,
    draw_nothing,
)
from twostep.model.predictions import Predictions
from twostep.util.text import MOST_FEATURES

N_BINS = 20
# Samples that a bin should hold, or its tails are noise.
BIN_SIZE = 50
TAILS = (0.05, 0.95)
# Errors below this part of the highest ones run out of the axis, or they would squeeze the others.
LEAST_SHOWN = 1e-6


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
    if len(tables) > MOST_FEATURES:
        variation = np.array([np.ptp(table["rms"]) for table in tables])
        shown = np.sort(np.argsort(-variation, kind="stable")[:MOST_FEATURES])
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
    _scale_errors(panels[0], [tables[i] for i in shown], rms)
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


def _scale_errors(axes: Axes, tables: list[pd.DataFrame], rms: float) -> None:
    """Set the logarithmic axis of the errors; those that are 0 run out of it."""
    errors = np.append(
        np.concatenate([table[["low", "median", "high", "rms"]] for table in tables]), rms
    )
    positive = errors[errors > 0]
    if not len(positive):
        axes.set_ylim(-1, 1)
        return
    lowest, highest = positive.min(), positive.max()
    lowest = max(lowest, LEAST_SHOWN * highest)
    margin = (highest / lowest) ** 0.04
    scale_small_panel(axes, lowest / margin, max(highest, 2 * lowest) * margin, "y")


def _scaled_error(predictions: Predictions) -> np.ndarray:
    """Return the error of each sample over the outputs that vary, (n_samples,); NaN without any.

    True values that are missing do not count.
    """
    known = varies(predictions)
    if not known.any():
        return np.full(len(predictions.true), np.nan)
    true = predictions.true[:, known]
    there = np.isfinite(true)
    scaled = predictions.error[:, known] / np.std(true, axis=0, where=there)
    n_there = there.sum(axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.sqrt(np.sum(scaled**2, axis=1, where=there) / n_there)


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
    # A line needs two points, and a band, too.
    marker = "." if len(x) == 1 else ""
    if marker:
        axes.vlines(x, table["low"], table["high"], color=BLUE, alpha=0.25, linewidth=6)
    style: dict = {"color": BLUE, "linestyle": (0, (4, 1.5)), "marker": marker}
    axes.plot(x, table["median"], gid="median", **style)
    axes.plot(x, table["rms"], color=VERMILION, marker=marker, gid="rms")
    axes.axhline(rms, color=INK, linewidth=0.7)
    power, (low, high) = "", widen(x.min(), x.max())
    if feature["transform"] == "log10":
        margin = (high / low) ** 0.05
        scale_small_panel(axes, low / margin, high * margin)
    else:
        margin = 0.05 * (high - low)
        power = scale_quantity(axes, "x", low - margin, high + margin, most=3)
    name = fit(feature["name"], COLUMN, TITLE)
    axes.set_xlabel(feature_label(name, feature, power, COLUMN, TITLE), fontsize=TITLE, labelpad=1)
    axes.grid(axis="y", color=GREY, linewidth=0.3)
