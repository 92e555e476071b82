"""The figures of docs/evidence*.md."""

import itertools
from collections.abc import Mapping, Sequence

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure

from replay.comparisons import SAFE_REGRET, Case
from replay.outcomes import Findings, interval
from twostep.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAGE_WIDTH,
    PURPLE,
    STYLE,
    VERMILION,
)

COLOURS = (VERMILION, BLUE, GREEN, ORANGE, PURPLE, INK)
# Grey readers tell lines apart by these.
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# Policies that lose more than this are of no use, and would press all others together.
MOST_REGRET = 1.3


@matplotlib.rc_context(STYLE)
def draw_policies(compared: Sequence[tuple[Case, Findings]]) -> Figure:
    """Draw what each training of step 1 costs and loses, from few to many trials retrained."""
    figure = Figure(figsize=(PAGE_WIDTH, 3.6))
    axes = figure.subplots()
    styles = itertools.product(MARKERS, COLOURS)
    by_label = itertools.groupby(compared, key=lambda entry: entry[0].label)
    for (label, cases), (marker, colour) in zip(by_label, styles, strict=False):
        points = [
            (interval(findings.factors[0])[1], findings.regrets.mean()) for _, findings in cases
        ]
        factors, regrets = np.array(points).T
        axes.plot(factors, regrets, marker=marker, markersize=4, color=colour, label=label)
    axes.axhline(SAFE_REGRET, color=GREY, linewidth=1, zorder=0)
    axes.set(xscale="log", xlabel="times cheaper than the search on all data (processor time)")
    axes.set_ylabel("loss of the winner over that\nof the search on all data, mean")
    axes.set_ylim(top=min(axes.get_ylim()[1], MOST_REGRET))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())
    axes.set_xticks([1, 2, 5, 10, 20, 50])
    figure.legend(loc="outside right upper")
    return figure


@matplotlib.rc_context(STYLE)
def draw_budgets(losses: Mapping[int, Mapping[int, float]]) -> Figure:
    """Draw the loss on unseen data against the epochs, a line for each number of samples."""
    figure = Figure(figsize=(1.4 * COLUMN_WIDTH, 2.8))
    axes = figure.subplots()
    shown = ((samples, found) for samples, found in losses.items() if len(found) > 1)
    styles = zip(itertools.cycle(MARKERS), itertools.cycle(COLOURS), strict=True)
    for (samples, by_epochs), (marker, colour) in zip(shown, styles, strict=False):
        epochs = sorted(by_epochs)
        values = [by_epochs[number] for number in epochs]
        axes.plot(epochs, values, marker=marker, markersize=4, color=colour, label=f"{samples:,}")
    axes.set(xscale="log", yscale="log", xlabel="epochs", ylabel="test loss, geometric mean")
    axes.xaxis.set_major_formatter("{x:g}")
    figure.legend(title="training samples", loc="outside right upper")
    return figure
