"""The figure that compares the rankings of several fractions of the data."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    LogLocator,
    NullFormatter,
    NullLocator,
    PercentFormatter,
)

from twostep.analysis.fractions import Outcome, correlate_rankings, overlap
from twostep.figures.steps import CURVES
from twostep.figures.style import BLUE, GREY, INK, PAGE_WIDTH, STYLE, scale_losses

# Seconds in the unit of an axis of processor time, from the number of seconds on that asks for it.
UNITS = ((7200, 3600, "hours"), (120, 60, "minutes"), (0, 1, "seconds"))


@matplotlib.rc_context(STYLE)
def draw_fractions(
    rankings: dict[str, pd.DataFrame], outcomes: list[Outcome], *, top_k: int, loss_label: str
) -> Figure:
    """Draw how the rankings of several fractions agree, and what each of them led to and cost.

    Parameters
    ----------
    rankings : {fraction: ranked table of its search}
    outcomes : what retraining each ranking's top k led to
    top_k : how many trials of each ranking were retrained
    loss_label : what the loss is, as `describe_loss` says it
    """
    figure = Figure(figsize=(PAGE_WIDTH, 5.6))
    (correlation, common), (by_fraction, by_cost) = figure.subplots(2, 2)
    _draw_matrix(correlation, rankings)
    _draw_overlap(common, rankings, top_k)
    _draw_outcomes(by_fraction, by_cost, outcomes)
    by_fraction.set_ylabel(f"Best loss after retraining\n({loss_label})")
    by_fraction.set_title(f"What each ranking's top {top_k} led to")
    return figure


def _draw_matrix(axes: Axes, rankings: dict[str, pd.DataFrame]) -> None:
    matrix, n_trials = correlate_rankings(rankings)
    values = matrix.to_numpy()
    low = min(0.0, float(np.nanmin(values, initial=0.0)))
    # Light for high correlations, dark for low ones: also in grey.
    axes.imshow(values, cmap="viridis", vmin=low, vmax=1, gid="matrix")
    size = 8 if len(matrix) <= 5 else 6
    for row, column in itertools.product(range(len(matrix)), repeat=2):
        value = values[row, column]
        colour = INK if value > low + 0.6 * (1 - low) else "white"
        text = f"{value:.2f}" if np.isfinite(value) else "none"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    ticks = range(len(matrix))
    axes.set(xticks=ticks, yticks=ticks, xticklabels=matrix.columns, yticklabels=matrix.index)
    axes.tick_params(length=0)
    axes.set(xlabel="Fraction", ylabel="Fraction")
    axes.set_title(f"Spearman's correlation of step 1's\nlosses ({n_trials:,} trials)")


def _draw_overlap(axes: Axes, rankings: dict[str, pd.DataFrame], top_k: int) -> None:
    """Draw the overlap of each ranking's first k with that of the largest fraction."""
    *smaller, largest = sorted(rankings, key=float)
    n_trials = len(rankings[largest])
    for fraction, (colour, dashes) in zip(smaller, CURVES, strict=False):
        shared = overlap(rankings[fraction], rankings[largest])
        k = np.arange(1, len(shared) + 1)
        axes.plot(
            k,
            shared / k,
            color=colour,
            linestyle=dashes,
            label=f"{fraction} and {largest}",
            gid=f"overlap {fraction}",
        )
    points = np.geomspace(1, n_trials, 200)
    axes.plot(points, points / n_trials, color=GREY, linewidth=0.8, label="by chance", gid="chance")
    axes.axvline(top_k, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), label=f"top k = {top_k}")
    axes.set(xscale="log", xlim=(1, n_trials), ylim=(0, 1.03))
    axes.set(xlabel="k", ylabel="Shared among the first k")
    # Few powers of ten are in sight of a short axis.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if n_trials < 1000 else (1,)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="best")
    axes.set_title("Overlap with the ranking\non the largest fraction")


def _draw_outcomes(by_fraction: Axes, by_cost: Axes, outcomes: list[Outcome]) -> None:
    """Draw the best loss against the fraction, and against the cost of both steps."""
    outcomes = sorted(outcomes, key=lambda outcome: float(outcome.fraction))
    losses = np.array([outcome.loss for outcome in outcomes])
    fractions = [float(outcome.fraction) for outcome in outcomes]
    seconds = np.array([outcome.cost.cpu_seconds for outcome in outcomes])
    per_unit, unit = next(entry[1:] for entry in UNITS if seconds.max() >= entry[0])
    for axes, x, gid in (
        (by_fraction, fractions, "fraction"),
        (by_cost, seconds / per_unit, "cost"),
    ):
        axes.plot(x, losses, color=GREY, linewidth=0.8, zorder=1)
        axes.plot(x, losses, "o", color=BLUE, markersize=5, gid=f"loss by {gid}")
        if np.isfinite(losses).any():
            scale_losses(axes, "y", losses[np.isfinite(losses)])
    by_fraction.set_xscale("log")
    by_fraction.xaxis.set_major_locator(FixedLocator(fractions))
    by_fraction.xaxis.set_major_formatter(FixedFormatter([entry.fraction for entry in outcomes]))
    by_fraction.xaxis.set_minor_locator(NullLocator())
    by_fraction.margins(x=0.15)
    by_fraction.set_xlabel("Fraction of the training split in step 1")
    for outcome, x, loss in zip(outcomes, seconds / per_unit, losses, strict=True):
        by_cost.annotate(
            outcome.fraction, (x, loss), xytext=(5, 4), textcoords="offset points", fontsize=7
        )
    by_cost.set_xlim(0, 1.15 * seconds.max() / per_unit)
    by_cost.set_xlabel(f"Processor time of both steps ({unit})")
    by_cost.set_title("... and what it cost, by fraction")
