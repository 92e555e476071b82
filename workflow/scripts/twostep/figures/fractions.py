"""The figure that compares the rankings of several fractions of the data."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, PercentFormatter

from twostep.analysis.fractions import Outcome, correlate_rankings, overlap
from twostep.analysis.noise import ERRORS
from twostep.figures.labels import text_width
from twostep.figures.scales import HALF_PAGE, scale_losses, thin_out
from twostep.figures.steps import CURVES
from twostep.figures.style import BLUE, GREY, INK, PAGE_WIDTH, STYLE, say
from twostep.util.wording import number

# Seconds in the unit of an axis of processor time, from the number of seconds on that asks for it.
UNITS = ((7200, 3600, "hours"), (120, 60, "minutes"), (0, 1, "seconds"))
# Fractions whose correlations have room for their numbers; more of them are told by colours alone.
MOST_NUMBERS = 8
# About the size of a panel, and of the labels of its points, in points.
PANEL = np.array([HALF_PAGE, 125])
LABEL = 7
# Where a label may stand beside its point: to the right or left of it, above or below.
SIDES = list(itertools.product((1, -1), (1, -1)))


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
    figure = Figure(figsize=(PAGE_WIDTH, 5.8))
    (correlation, common), (by_fraction, by_cost) = figure.subplots(2, 2)
    _draw_matrix(figure, correlation, rankings)
    _draw_overlap(common, rankings, top_k)
    outcomes = sorted(outcomes, key=lambda outcome: float(outcome.fraction))
    known = [outcome for outcome in outcomes if np.isfinite(outcome.loss)]
    if not known:
        for axes in (by_fraction, by_cost):
            say(axes, "None of the chosen trials succeeded in step 2.")
        return figure
    _draw_by_fraction(by_fraction, known)
    _draw_by_cost(by_cost, known)
    by_fraction.set_ylabel(f"Best loss after retraining\n({loss_label})")
    by_fraction.set_title(f"What each ranking's top {top_k} led to")
    figure.legend(handles=_explain_outcomes(known), loc="outside lower left", ncols=3)
    return figure


def _draw_matrix(figure: Figure, axes: Axes, rankings: dict[str, pd.DataFrame]) -> None:
    matrix, n_trials = correlate_rankings(rankings)
    values, n_fractions = matrix.to_numpy(), len(matrix)
    low = min(0.0, float(np.nanmin(values, initial=0.0)))
    # Light for high correlations, dark for low ones: also in grey.
    image = axes.imshow(values, cmap="viridis", vmin=low, vmax=1, gid="matrix")
    axes.set_facecolor(GREY)
    if n_fractions > MOST_NUMBERS:
        figure.colorbar(image, ax=axes, label="Spearman's correlation")
    numbered = range(n_fractions if n_fractions <= MOST_NUMBERS else 0)
    for row, column in itertools.product(numbered, numbered):
        value = values[row, column]
        dark = np.isfinite(value) and value <= low + 0.6 * (1 - low)
        text = f"{value:.2f}" if np.isfinite(value) else "none"
        colour, size = "white" if dark else INK, 8 if n_fractions <= 5 else 6
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)
    # Rows and columns are equally wide, but labels beside each other need more room.
    step = max(1, round(n_fractions / MOST_NUMBERS))
    ticks = range(0, n_fractions, step)
    names = list(matrix.columns[::step])
    axes.set(xticks=ticks, yticks=ticks, yticklabels=names)
    axes.set_xticks(ticks, names, rotation=0 if n_fractions <= 5 else 90)
    axes.tick_params(length=0)
    axes.set(xlabel="Fraction", ylabel="Fraction")
    axes.set_title(f"Spearman's correlation of step 1's\nlosses ({number(n_trials, 'trial')})")


def _draw_overlap(axes: Axes, rankings: dict[str, pd.DataFrame], top_k: int) -> None:
    """Draw the overlap of each ranking's first k with that of the largest fraction."""
    *smaller, largest = sorted(rankings, key=float)
    n_trials = len(rankings[largest])
    title = "Overlap with the ranking\non the largest fraction"
    if len(smaller) > len(CURVES):
        title += f" ({len(CURVES)} of {len(smaller)} others)"
        chosen = np.linspace(0, len(smaller) - 1, len(CURVES)).round().astype(int)
        smaller = [smaller[i] for i in chosen]
    for fraction, (colour, dashes) in zip(smaller, CURVES, strict=False):
        shared = overlap(rankings[fraction], rankings[largest])
        k = np.arange(1, len(shared) + 1)
        axes.plot(
            k,
            shared / k,
            color=colour,
            linestyle=dashes,
            label=f"{fraction} and {largest}",
            marker="." if len(k) == 1 else "",
            gid=f"overlap {fraction}",
        )
    points = np.geomspace(1, n_trials, 200)
    axes.plot(points, points / n_trials, color=GREY, linewidth=0.8, label="by chance", gid="chance")
    axes.axvline(top_k, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), label=f"top k = {top_k}")
    axes.set(xscale="log", xlim=(1, max(n_trials, 2)), ylim=(0, 1.03))
    axes.set(xlabel="k", ylabel="Shared among the first k")
    # Few powers of ten are in sight of a short axis.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if n_trials < 1000 else (1,)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="best", frameon=True, facecolor="white", edgecolor="none", framealpha=0.8)
    axes.set_title(title)


def _draw_by_fraction(axes: Axes, outcomes: list[Outcome]) -> None:
    """Draw the best loss against the fraction."""
    fractions = np.array([float(outcome.fraction) for outcome in outcomes])
    _draw_losses(axes, fractions, outcomes, "fraction")
    axes.set_xscale("log")
    axes.margins(x=0.15)
    low, high = np.log(axes.get_xlim())
    names = [outcome.fraction for outcome in outcomes]
    shown = thin_out((np.log(fractions) - low) / (high - low), names, HALF_PAGE)
    axes.set_xticks(fractions[shown], [names[i] for i in shown])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("Fraction of the training split in step 1")


def _draw_by_cost(axes: Axes, outcomes: list[Outcome]) -> None:
    """Draw the best loss against the cost of both steps."""
    seconds = np.array([outcome.cost.cpu_seconds for outcome in outcomes])
    per_unit, unit = next(entry[1:] for entry in UNITS if seconds.max() >= entry[0])
    times = seconds / per_unit
    _draw_losses(axes, times, outcomes, "cost")
    axes.set_xlim(0, 1.15 * times.max() or 1)
    n_hidden = len(outcomes) - _label_points(axes, times, outcomes)
    axes.set_xlabel(f"Processor time of both steps ({unit})")
    note = f"\n({number(n_hidden, 'point')} without room for a label)" if n_hidden else ""
    axes.set_title(f"... and what it cost, by fraction{note}")


def _draw_losses(axes: Axes, x: np.ndarray, outcomes: list[Outcome], gid: str) -> None:
    """Draw the best losses of the fractions with their noise, and scale their axis by both."""
    losses = np.array([outcome.loss for outcome in outcomes])
    errors = ERRORS * np.nan_to_num([outcome.error for outcome in outcomes])
    axes.plot(x, losses, color=GREY, linewidth=0.8, zorder=1)
    axes.vlines(
        x, losses - errors, losses + errors, color=BLUE, alpha=0.4, linewidth=3, gid="noise"
    )
    for place, outcome in zip(x, outcomes, strict=True):
        if len(outcome.repetitions) > 1:
            repetitions = outcome.repetitions
            places = [place] * len(repetitions)
            axes.plot(places, repetitions, "_", color=INK, ms=6, zorder=2, gid="repetitions")
    axes.plot(x, losses, "o", color=BLUE, markersize=5, zorder=3, gid=f"loss by {gid}")
    repetitions = [loss for outcome in outcomes for loss in outcome.repetitions]
    scale_losses(axes, "y", [*(losses - errors), *(losses + errors), *repetitions])


def _explain_outcomes(outcomes: list[Outcome]) -> list[Line2D]:
    """Return handles for the legend of what is drawn beside the losses."""
    handles = [Line2D([], [], linestyle="none", marker="o", color=BLUE, ms=5, label="mean loss")]
    if any(outcome.error > 0 for outcome in outcomes):
        label = "95 % interval of its difference from the best of all"
        handles.append(Line2D([], [], color=BLUE, alpha=0.4, linewidth=3, label=label))
    if any(len(outcome.repetitions) > 1 for outcome in outcomes):
        style: dict = {"linestyle": "none", "marker": "_", "color": INK, "ms": 6}
        handles.append(Line2D([], [], label="each repetition", **style))
    return handles


def _label_points(axes: Axes, x: np.ndarray, outcomes: list[Outcome]) -> int:
    """Label the points that there is room beside; return how many of them have labels."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    losses = [outcome.loss for outcome in outcomes]
    data = axes.transScale.transform(np.c_[x, losses])
    low, high = axes.transScale.transform([(left, bottom), (right, top)])
    places = _place_labels(
        (data - low) / (high - low) * PANEL, [outcome.fraction for outcome in outcomes]
    )
    for i, (side, level) in sorted(places.items()):
        axes.annotate(
            outcomes[i].fraction,
            (x[i], losses[i]),
            xytext=(4 * side, 3 * level),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="bottom" if level > 0 else "top",
            fontsize=LABEL,
        )
    return len(places)


def _place_labels(points: np.ndarray, texts: list[str]) -> dict[int, tuple[int, int]]:
    """Return {point: side} of the labels that meet neither a point nor another label.

    `points` are places in a panel, in points of print. The first and the last have their labels
    before the others.
    """
    taken = [(x - 3, y - 3, x + 3, y + 3) for x, y in points]
    places = {}
    for i in [0, *range(len(points) - 1, 0, -1)]:
        width = text_width(texts[i], LABEL)
        for side, level in SIDES:
            left = points[i][0] + (4 if side > 0 else -4 - width)
            bottom = points[i][1] + (3 if level > 0 else -3 - LABEL)
            box = (left, bottom, left + width, bottom + LABEL)
            inside = box[0] > 0 and box[2] < PANEL[0] + 10
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                places[i] = (side, level)
                break
    return places


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether two boxes meet; each is left, bottom, right and top."""
    return all(one[i] < other[i + 2] and other[i] < one[i + 2] for i in (0, 1))
