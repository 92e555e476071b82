"""The figure of the first claim: losses of step 1 against those on all data, by domain."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from replay import labels
from replay.claims import Domain
from replay.comparisons import columns
from twostep.figures.style import BLUE, GREY, PAGE_WIDTH, STYLE

# Losses further above the lowest one are drawn at the edge.
MOST_ABOVE = 3.0


@matplotlib.rc_context(STYLE)
def draw_agreement(domains: Sequence[Domain]) -> Figure:
    """Draw each trial's loss after step 1 on a few thousand samples and its loss on all data."""
    figure = Figure(figsize=(PAGE_WIDTH, 1.9))
    row = figure.subplots(1, len(domains), squeeze=False)[0]
    for axes, domain in zip(row, domains, strict=True):
        _draw_domain(axes, domain)
    row[0].set_ylabel("on all data:\ntest loss / lowest")
    figure.supxlabel("step 1: validation loss / lowest", fontsize="medium")
    return figure


def _draw_domain(axes: Axes, domain: Domain) -> None:
    first = columns(domain.matrix, *domain.few)[0].losses
    on_few, on_all = (_above_lowest(losses) for losses in (first, domain.truth))
    limits = (0.97, 1.03 * max(1.2, np.nanmax(on_few), np.nanmax(on_all)))
    axes.plot(limits, limits, color=GREY, linewidth=1, zorder=0)
    axes.scatter(on_few, on_all, s=5, color=BLUE)
    axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits, box_aspect=1)
    samples = labels.samples(domain.matrix, domain.few[1])
    axes.set_title(f"{domain.label},\n{samples}", fontsize="small")
    ticks = [tick for tick in (1, 1.1, 1.2, 1.5, 2, 3) if tick < limits[1]]
    shown = ticks if limits[1] < 1.4 else [tick for tick in ticks if tick not in (1.1, 1.2)]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(matplotlib.ticker.NullFormatter())
        axis.set_ticks(shown)
        axis.set_minor_locator(matplotlib.ticker.NullLocator())


def _above_lowest(losses: np.ndarray) -> np.ndarray:
    """Return losses over the lowest of them, at most `MOST_ABOVE`."""
    return np.fmin(losses / np.nanmin(losses), MOST_ABOVE)
