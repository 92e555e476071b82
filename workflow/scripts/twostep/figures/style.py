"""What all figures share: sizes, colours, axes and files."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike

from twostep.util.files import atomic_path

FORMATS = ("png", "pdf")
COLUMN_WIDTH = 3.5  # inches, one column of a journal page
PAGE_WIDTH = 7.1  # inches, both columns

# Okabe and Ito's colours, which the colour-blind can tell apart.
VERMILION, BLUE, GREEN, ORANGE, PURPLE = "#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7"
INK, GREY = "#000000", "#B0B0B0"

STYLE: dict[RcKeyType, object] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # text stays text
}

# Files must not carry a clock: the same tables give the same bytes.
METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None}}

# Line styles of the baselines; grey readers tell them apart by the dashes.
BASELINES = {
    "constant": ("constant prediction", (0, (5, 2))),
    "linear": ("linear regression", (0, (1, 1.5))),
}
DIMENSIONLESS = ("1", "-", "dimensionless", "none", "unitless")
# Letters of a quantity's name and of a unit that fit along an axis.
LONGEST_NAME = 20
LONGEST_UNIT = 30
# An absurd value in the test split is enough for that.
NO_TEST_LOSS = "No model has a finite test loss: look at the test data."


def save(figure: Figure, stem: str | Path) -> None:
    """Write a figure to `stem`.png and `stem`.pdf, whole or not at all."""
    for suffix in FORMATS:
        with (
            atomic_path(f"{stem}.{suffix}") as temporary,
            matplotlib.rc_context(STYLE),
        ):
            figure.savefig(temporary, format=suffix, metadata=METADATA[suffix])
        # Once laid out, all stays where it is: that takes as long as drawing.
        figure.set_layout_engine("none")


def draw_nothing(text: str) -> Figure:
    """Return a small page with a sentence, for a figure that there is no data for."""
    figure = Figure(figsize=(COLUMN_WIDTH, 0.6))
    figure.text(0.02, 0.5, text, va="center", wrap=True, gid="nothing")
    return figure


def describe_loss(output_activation: str, outputs: list[dict]) -> str:
    """Return what the loss is, for an axis: of which quantity and in which unit.

    Parameters
    ----------
    output_activation : targets are standardised unless it is "sigmoid"
    outputs : the outputs in the manifest
    """
    names = {(output["transform"], output["long_name"] or output["variable"]) for output in outputs}
    unit = _loss_unit(output_activation, outputs)
    if len(names) > 1:
        return f"MSE, {unit}"
    transform, name = names.pop()
    text = name if transform == "none" else f"{transform}({name})"
    return f"MSE of {literal(text)}, {unit}" if len(text) <= LONGEST_NAME else f"MSE, {unit}"


def literal(text: str) -> str:
    """Return a text as matplotlib draws it unchanged, which takes what is between $ for math."""
    return text.replace("$", r"\$")


def _loss_unit(output_activation: str, outputs: list[dict]) -> str:
    if output_activation != "sigmoid":
        return "standardised"
    if any(output["transform"] != "none" for output in outputs):
        return "transformed"
    units = {output["units"].strip() for output in outputs}
    if len(units) > 1:
        return "mixed units"
    unit = units.pop()
    # ASSUME: outputs without a unit that lie in [0, 1] are numbers.
    if not unit or unit.lower() in DIMENSIONLESS:
        return "dimensionless"
    return f"({literal(unit)})²" if len(unit) <= LONGEST_UNIT else "units of the data, squared"


def layer_colours(smallest: int, largest: int) -> tuple[ListedColormap, BoundaryNorm]:
    """Return one colour per number of hidden layers, from dark (few) to light (many)."""
    n_colours = largest - smallest + 1
    # Without the lightest end of the map, which vanishes on white paper.
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.93, n_colours))
    edges = np.arange(n_colours + 1) + smallest - 0.5
    return ListedColormap(shades), BoundaryNorm(edges, n_colours)


def draw_layer_scale(figure: Figure, axes: Axes, layers: tuple[int, int]) -> None:
    """Draw the scale of the colours of `layers`, the smallest and largest number of them."""
    colour_map, norm = layer_colours(*layers)
    step = max(1, round((layers[1] - layers[0] + 1) / 7))
    bar = figure.colorbar(
        ScalarMappable(norm, colour_map),
        ax=axes,
        label="Number of hidden layers",
        ticks=range(layers[0], layers[1] + 1, step),
        aspect=30,
        pad=0.02,
    )
    bar.ax.tick_params(which="both", length=0)
    bar.outline.set_visible(False)


def draw_baselines(axes: Axes, losses: dict[str, float]) -> list[Line2D]:
    """Draw the baselines' losses as horizontal lines; return handles for the legend.

    A baseline beyond the axis limits is not drawn, so that it does not squeeze the points; the
    legend then gives its loss.
    """
    bottom, top = axes.get_ylim()
    handles = []
    for model, loss in losses.items():
        label, dashes = BASELINES[model]
        if bottom <= loss <= top:
            axes.axhline(loss, color=INK, linestyle=dashes, linewidth=1, zorder=4)
        else:
            label += f": {loss:.2g} (off the axis)"
        handles.append(Line2D([], [], color=INK, linestyle=dashes, linewidth=1, label=label))
    return handles


def scale_losses(axes: Axes, which: str, losses: ArrayLike, top: float = np.inf) -> None:
    """Set the scale and the limits of an axis, "x" or "y", of losses.

    Logarithmic where the losses span more than a factor of four, else linear: the finalists of a
    search often differ by a few per cent. `top` caps the axis, unless it lies below all losses.
    """
    low, high = float(np.min(losses)), float(np.max(losses))
    # A cap below the lowest loss would turn the axis over.
    if low < top < high:
        high = top
    if low > 0 and high > 4 * low:
        scale_logarithmically(axes, which, low, high)
        return
    margin = 0.07 * (high - low) or 0.1 * abs(high) or 1.0
    axis = getattr(axes, f"{which}axis")
    axes.set(**{f"{which}lim": (low - margin, high + margin)})
    axis.set_major_locator(MaxNLocator(5 if which == "y" else 4))
    axis.set_major_formatter(FuncFormatter(_format_tick))


def scale_sizes(axes: Axes, sizes: ArrayLike) -> None:
    """Set the x axis for numbers of learnable parameters: logarithmic, wide enough for ticks."""
    low, high = float(np.min(sizes)), float(np.max(sizes))
    widening = max(1.0, 2 / np.sqrt(high / low))
    scale_logarithmically(axes, "x", low / widening, high * widening)
    axes.set_xlabel("Learnable parameters")


def scale_logarithmically(axes: Axes, which: str, low: float, high: float) -> None:
    """Set a logarithmic axis, "x" or "y", from `low` to `high`, with a narrow margin."""
    margin = (high / low) ** 0.04
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low / margin, high * margin)})
    axis = getattr(axes, f"{which}axis")
    # Few powers of ten are in sight of a short axis, so that 2 and 5 times them get labels too.
    if high < 30 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(_format_tick))
    axis.set_minor_formatter(NullFormatter())


def scale_small_panel(axes: Axes, low: float, high: float) -> None:
    """Set a logarithmic x axis whose few ticks have room for their labels in a small panel."""
    axes.set(xscale="log", xlim=(low, high))
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    steps = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]]
    choices = [np.multiply.outer(10.0**decades, digits).ravel() for digits in steps]
    choices += [10.0 ** decades[::stride] for stride in range(2, len(decades) + 1)]
    seen = [ticks[(ticks >= low) & (ticks <= high)] for ticks in choices]
    # The densest that are few enough; a very narrow range may have a single one.
    ticks = next((ticks for ticks in seen if 0 < len(ticks) <= 4), np.array([low, high]))
    axes.xaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    if low < 1e-4 or high > 1e5:
        axes.xaxis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False))
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _position: f"{value:.5g}"))


def _format_tick(value: float, _position: int) -> str:
    """Return a tick's label, with the power of ten that matplotlib would put beside the axis."""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{value:.4g}"
    mantissa, exponent = f"{value:.3e}".split("e")
    return rf"${float(mantissa):g}\times10^{{{int(exponent)}}}$"
