"""The figure that tells if the selected model's probabilities can be taken at their word."""

import math

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.stats import norm

from twostep.figures.labels import fit
from twostep.figures.predicted import COLUMN, MOST_OUTPUTS, N_COLUMNS, TITLE, count_rows
from twostep.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GREY,
    INK,
    PAGE_WIDTH,
    STYLE,
    draw_nothing,
)
from twostep.model.predictions import Predictions

# Equally wide classes of the predicted probability.
N_BINS = 10
CONFIDENCE = 0.9


@matplotlib.rc_context(STYLE)
def draw_reliability(predictions: Predictions, *, model: str) -> Figure:
    """Draw the observed frequency of each output against its predicted probability.

    Below, how many samples have which probability. Of more than 8 outputs those with the largest
    differences are shown. `model` says which it is.
    """
    tables = [
        reliability(predicted, true)
        for predicted, true in zip(predictions.predicted.T, predictions.true.T, strict=True)
    ]
    shown = [i for i, table in enumerate(tables) if len(table)]
    if not shown:
        return draw_nothing("No prediction is finite: look at the test data.")
    note = count_rows(predictions)
    if len(shown) > MOST_OUTPUTS:
        shown = sorted(shown, key=lambda i: -mean_difference(tables[i]))[:MOST_OUTPUTS]
        note += f"; the {len(shown)} of {len(tables)} outputs with the largest differences"
    n_columns = min(N_COLUMNS, len(shown))
    n_rows = math.ceil(len(shown) / n_columns)
    width = max(COLUMN_WIDTH, PAGE_WIDTH * (n_columns + 0.5) / (N_COLUMNS + 0.5))
    figure = Figure(figsize=(width, 1.0 + 2.6 * n_rows))
    panels = figure.subplots(2 * n_rows, n_columns, squeeze=False, height_ratios=[3, 1] * n_rows)
    for axes in panels.ravel():
        axes.set_axis_off()
    for place, i in enumerate(shown):
        row, column = divmod(place, n_columns)
        upper, lower = panels[2 * row][column], panels[2 * row + 1][column]
        _draw_output(upper, lower, tables[i])
        upper.set_title(fit(predictions.outputs[i]["name"], COLUMN, TITLE), fontsize=TITLE)
        if column == 0:
            upper.set_ylabel("Observed frequency")
            lower.set_ylabel("Samples")
    handles = [
        Line2D([], [], color=BLUE, marker="o", markersize=3, label="with its 90 % interval"),
        Line2D([], [], color=INK, linestyle=(0, (5, 2)), label="what is predicted is observed"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    figure.suptitle(f"{model}\n{note}", x=0.01, ha="left", fontsize=8)
    return figure


def reliability(predicted: np.ndarray, true: np.ndarray) -> pd.DataFrame:
    """Return what was observed where an output was predicted with about the same probability.

    Parameters
    ----------
    predicted : (n_samples,), probabilities
    true : (n_samples,), 0, 1 or a frequency; NaN where it is missing, which does not count

    Returns
    -------
    One row for each of ten classes of the probability that has samples: their number `n`, the mean
    `predicted` probability, the `observed` frequency, and `low` and `high`, the ends of its 90 %
    interval (Wilson 1927, doi 10.1080/01621459.1927.10502953), which takes samples as independent.
    """
    there = np.isfinite(predicted) & np.isfinite(true)
    predicted, true = predicted[there], true[there]
    bins = np.minimum((predicted * N_BINS).astype(int), N_BINS - 1)
    n = np.bincount(bins, minlength=N_BINS)
    kept = n > 0
    sums = [np.bincount(bins, weights=each, minlength=N_BINS)[kept] for each in (predicted, true)]
    n = n[kept]
    mean, observed = sums[0] / n, sums[1] / n
    z = float(norm.ppf((1 + CONFIDENCE) / 2))
    centre = (observed + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(observed * (1 - observed) / n + z**2 / (4 * n**2))
    columns = {"n": n, "predicted": mean, "observed": observed}
    return pd.DataFrame(columns | {"low": centre - half, "high": centre + half})


def mean_difference(table: pd.DataFrame) -> float:
    """Return the mean difference of frequency and probability over all samples of a table."""
    difference = (table["observed"] - table["predicted"]).abs()
    return float((difference * table["n"]).sum() / table["n"].sum())


def _draw_output(upper: Axes, lower: Axes, table: pd.DataFrame) -> None:
    for axes in (upper, lower):
        axes.set_axis_on()
    upper.plot([0, 1], [0, 1], color=INK, linestyle=(0, (5, 2)), linewidth=0.8)
    upper.vlines(table["predicted"], table["low"], table["high"], color=BLUE, linewidth=1)
    upper.plot(
        table["predicted"], table["observed"], color=BLUE, marker="o", markersize=3, gid="observed"
    )
    upper.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    upper.set_yticklabels(["0", "0.5", "1"])
    upper.tick_params(labelbottom=False)
    upper.text(
        0.97,
        0.04,
        f"mean difference {mean_difference(table):.2g}",
        transform=upper.transAxes,
        ha="right",
        fontsize=6,
    )
    edges = np.floor(table["predicted"].clip(upper=1 - 1e-9) * N_BINS) / N_BINS
    lower.bar(edges, table["n"], width=1 / N_BINS, align="edge", color=GREY, edgecolor="white")
    lower.set(yscale="log", ylim=(0.7, 2 * table["n"].max()), xticks=[0, 0.5, 1])
    lower.set_xticklabels(["0", "0.5", "1"])
    lower.set_xlabel("Predicted probability")
