"""The figures of loss against the parts of the search space: depth, width, each hyperparameter."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from twostep.analysis.binning import log_bins, summarise_bins
from twostep.analysis.pareto import lower_envelope
from twostep.analysis.widths import widths_of
from twostep.figures.scales import scale_counts, scale_losses, scale_sizes
from twostep.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GREY,
    PAGE_WIDTH,
    STYLE,
    VERMILION,
)
from twostep.util.wording import number

# The quantiles between which half of the trials of a bin lie.
HALF = (0.25, 0.75)
# Envelopes that can be told apart in one figure, and their dashes.
DASHES = ["-", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (6, 2)), (0, (2, 2))]


@matplotlib.rc_context(STYLE)
def draw_depth_width(
    trials: pd.DataFrame, *, fraction: str, baselines: dict[str, float], loss_label: str
) -> Figure:
    """Draw the search's loss against depth, mean width and narrowest layer, each by itself.

    Parameters
    ----------
    trials : the ranked table of a fraction's search
    fraction : its name
    baselines : validation losses; that of the constant prediction caps the axis
    loss_label : what the loss is, as `describe_loss` says it
    """
    figure = Figure(figsize=(PAGE_WIDTH, 2.9))
    panels = figure.subplots(1, 3, sharey=True)
    succeeded = trials[trials["status"] == "ok"].sort_values("trial")
    losses = succeeded["min_val_loss"].to_numpy()
    widths = widths_of(succeeded)
    scale_losses(panels[0], "y", losses, top=3 * baselines.get("constant", np.inf))
    depths = succeeded["n_hidden_layers"].to_numpy()
    quantities = (depths, widths["mean_width"], widths["narrowest"])
    for axes, values in zip(panels, quantities, strict=True):
        _draw_distribution(axes, np.asarray(values, float), losses, logarithmic=axes != panels[0])
    scale_counts(panels[0], depths.min(), depths.max())
    panels[0].set(xlabel="Number of hidden layers", ylabel=f"Validation loss\n({loss_label})")
    panels[1].set_xlabel("Geometric mean width (units)")
    panels[2].set_xlabel("Narrowest hidden layer (units)")
    n_above = int((losses > panels[0].get_ylim()[1]).sum())
    note = f"Fraction {fraction}: {number(len(losses), 'trial')}"
    panels[0].set_title(note + (f", {n_above:,} above the axis" if n_above else ""))
    handles = [
        Line2D([], [], color=GREY, marker="o", linestyle="none", markersize=3, label="trial"),
        Line2D([], [], color=BLUE, marker=".", label="median"),
        Patch(facecolor=BLUE, alpha=0.3, label="middle half of the trials"),
        Line2D([], [], color=VERMILION, marker="D", markersize=3.5, linestyle="none", label="best"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _draw_distribution(
    axes: Axes, values: np.ndarray, losses: np.ndarray, *, logarithmic: bool
) -> None:
    """Draw losses against one property of the networks: trials, quantiles and the best."""
    # Bins of a dozen trials at least, on average.
    bins = log_bins(values, min(15, max(4, len(values) // 12)))
    table = summarise_bins(values, losses, bins, HALF)
    # Values that many trials share are spread, or the trials would hide each other.
    random = np.random.default_rng(0)
    spread = 0.3 * random.uniform(-1, 1, len(values)) * (len(np.unique(values)) <= 25)
    shown = values * 2**spread if logarithmic else values + spread
    axes.scatter(
        shown,
        losses,
        s=min(6, 3000 / len(values) + 0.4),
        color=GREY,
        linewidths=0,
        rasterized=True,
        zorder=1,
        gid="trials",
    )
    centres = table["centre"]
    axes.fill_between(
        centres, table["low"], table["high"], color=BLUE, alpha=0.3, linewidth=0, gid="half"
    )
    axes.plot(centres, table["median"], ".-", color=BLUE, zorder=3, gid="median")
    axes.plot(
        centres,
        table["smallest"],
        "D",
        color=VERMILION,
        markersize=3.5,
        markeredgecolor="white",
        markeredgewidth=0.4,
        clip_on=False,
        zorder=4,
        gid="best",
    )
    if logarithmic:
        _scale_widths(axes, values)


def _scale_widths(axes: Axes, values: np.ndarray) -> None:
    """Set a logarithmic x axis with powers of two as ticks, as widths mostly are."""
    low, high = np.log2(values.min()), np.log2(values.max())
    step = max(1, round((high - low) / 5))
    ticks = 2.0 ** np.arange(np.ceil(low), np.floor(high) + 1, step)
    if not len(ticks):
        ticks = np.array([values.min()])
    axes.set_xscale("log", base=2)
    axes.set_xlim(2 ** (low - 0.4), 2 ** (high + 0.4))
    axes.xaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.4g}")
    axes.xaxis.set_minor_locator(NullLocator())


def group_depths(depths: np.ndarray, n_groups: int = len(DASHES)) -> list[tuple[int, int]]:
    """Return ranges of the number of hidden layers, at most `n_groups`, that cover all of them.

    Small numbers have ranges of their own, as another layer means more to a shallow network.
    """
    smallest, largest = int(np.min(depths)), int(np.max(depths))
    if largest - smallest < n_groups:
        starts = list(range(smallest, largest + 1))
    else:
        spaced = np.geomspace(smallest, largest + 1, n_groups + 1)[:-1].round().astype(int)
        starts = sorted({max(start, smallest + i) for i, start in enumerate(spaced.tolist())})
    ends = [start - 1 for start in starts[1:]] + [largest]
    return list(zip(starts, ends, strict=True))


@matplotlib.rc_context(STYLE)
def draw_layers(
    trials: pd.DataFrame, *, fraction: str, baselines: dict[str, float], loss_label: str
) -> Figure:
    """Draw the lower envelope of the loss over size for each number of hidden layers.

    The arguments are those of `draw_depth_width`. Many depths are grouped.
    """
    figure = Figure(figsize=(COLUMN_WIDTH, 3.4))
    axes = figure.add_subplot()
    succeeded = trials[trials["status"] == "ok"]
    depths = succeeded["n_hidden_layers"].to_numpy()
    sizes, losses = succeeded["n_parameters"].to_numpy(), succeeded["min_val_loss"].to_numpy()
    scale_sizes(axes, sizes)
    envelopes = []
    groups = group_depths(depths)
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(groups)))
    for (first, last), shade, dashes in zip(groups, shades, DASHES, strict=False):
        chosen = (depths >= first) & (depths <= last)
        if not chosen.any():
            continue
        x, y = lower_envelope(sizes[chosen], losses[chosen])
        # To the edge: what the best of these depths is, at any larger size.
        x, y = np.append(x, axes.get_xlim()[1]), np.append(y, y[-1])
        depth = f"{first}" if first == last else f"{first} to {last}"
        axes.step(
            x,
            y,
            where="post",
            color=shade,
            linestyle=dashes,
            linewidth=1.4,
            label=f"{depth} hidden layer{'s' if last > 1 else ''} ({chosen.sum():,})",
            gid=f"envelope {depth}",
        )
        envelopes.append(y)
    scale_losses(axes, "y", np.concatenate(envelopes), top=3 * baselines.get("constant", np.inf))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(ylabel=f"Best validation loss\n({loss_label})")
    axes.set_title(f"Fraction {fraction}: {number(len(losses), 'trial')}")
    figure.legend(loc="outside lower left", ncols=2, columnspacing=1)
    return figure
