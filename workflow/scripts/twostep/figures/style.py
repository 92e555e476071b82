"""What all figures share: sizes, colours, axes and files."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import RcKeyType

from twostep.figures.labels import DIMENSIONLESS, FONT, literal
from twostep.util.files import atomic_path

FORMATS = ("png", "pdf")
COLUMN_WIDTH = 3.5  # inches, one column of a journal page
PAGE_WIDTH = 7.1  # inches, both columns

# Okabe and Ito's colours, which the colour-blind can tell apart.
VERMILION, BLUE, GREEN, ORANGE, PURPLE = "#D55E00", "#0072B2", "#009E73", "#E69F00", "#CC79A7"
INK, GREY = "#000000", "#B0B0B0"

DOTS_PER_INCH = 200
STYLE: dict[RcKeyType, object] = {
    "font.family": FONT,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "figure.constrained_layout.use": True,
    "savefig.dpi": DOTS_PER_INCH,
    "pdf.fonttype": 42,  # text stays text
}

# Files must not carry a clock: the same tables give the same bytes.
METADATA = {"png": {"Software": None}, "pdf": {"CreationDate": None}}

# Line styles of the baselines; grey readers tell them apart by the dashes.
BASELINES = {
    "constant": ("constant prediction", (0, (5, 2))),
    "linear": ("linear regression", (0, (1, 1.5))),
    "logistic": ("logistic regression", (0, (1, 1.5))),
}
# What an axis calls the loss.
LOSSES = {
    "mse": "MSE",
    "mae": "MAE",
    "huber": "Huber loss",
    "binary_cross_entropy": "Cross-entropy",
    "cross_entropy": "Cross-entropy",
}
# Letters of a quantity's name and of a unit that fit along an axis.
LONGEST_NAME = 20
LONGEST_UNIT = 30
# An absurd value in the test split is enough for that.
NO_TEST_LOSS = "No model has a finite test loss: look at the test data."


def save(figure: Figure, stem: str | Path) -> None:
    """Write a figure to `stem`.png and `stem`.pdf, whole or not at all."""
    # While a figure has an engine, even "none", matplotlib draws it twice for each file. With this
    # setting it has none after its layout.
    with matplotlib.rc_context({**STYLE, "figure.constrained_layout.use": False}):
        _lay_out(figure)
        for suffix in FORMATS:
            with atomic_path(f"{stem}.{suffix}") as temporary:
                figure.savefig(temporary, format=suffix, metadata=METADATA[suffix])


def _lay_out(figure: Figure) -> None:
    """Put the panels where they stay: that takes as long as drawing.

    The solver goes through its variables in the order of their places in memory, and its results
    differ in the last bits, which now and then shows in a pixel. So they are rounded.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    figure.set_dpi(DOTS_PER_INCH)
    engine.execute(figure)
    figure.set_layout_engine(None)
    for axes in figure.axes:
        axes.set_position(np.round(axes.get_position(original=True).bounds, 6).tolist())


def draw_nothing(text: str) -> Figure:
    """Return a small page with a sentence, for a figure that there is no data for."""
    figure = Figure(figsize=(COLUMN_WIDTH, 0.6))
    figure.text(0.02, 0.5, text, va="center", wrap=True, gid="nothing")
    return figure


def say(axes: Axes, text: str) -> None:
    """Put a sentence into a panel that there is nothing to draw in."""
    axes.set_axis_off()
    axes.text(0, 0.5, text, transform=axes.transAxes, va="center", fontsize=7, gid="nothing")


def describe_loss(output_activation: str, outputs: list[dict], loss: str = "mse") -> str:
    """Return what the loss is, for an axis: of which quantity and in which unit.

    Parameters
    ----------
    output_activation : targets are standardised if it is "linear"
    outputs : the outputs in the manifest
    loss : `training.loss` of the config
    """
    label = LOSSES[loss]
    if "cross_entropy" in loss:
        return f"{label}, nats"
    names = {(output["transform"], output["long_name"] or output["variable"]) for output in outputs}
    unit = _loss_unit(output_activation, outputs, loss)
    if len(names) > 1:
        return f"{label}, {unit}"
    transform, name = names.pop()
    text = name if transform == "none" else f"{transform}({name})"
    is_short = len(text) <= LONGEST_NAME
    return f"{label} of {literal(text)}, {unit}" if is_short else f"{label}, {unit}"


def _loss_unit(output_activation: str, outputs: list[dict], loss: str) -> str:
    if output_activation == "linear":
        return "standardised"
    # Up to its delta the Huber loss is a square, and linear beyond.
    if loss == "huber":
        return "units of the data"
    if any(output["transform"] != "none" for output in outputs):
        return "transformed"
    units = {output["units"].strip() for output in outputs}
    if len(units) > 1:
        return "mixed units"
    unit = units.pop()
    # ASSUME: outputs without a unit that lie in [0, 1] are numbers.
    if not unit or unit.lower() in DIMENSIONLESS:
        return "dimensionless"
    if loss == "mae":
        return literal(unit) if len(unit) <= LONGEST_UNIT else "units of the data"
    return f"({literal(unit)})²" if len(unit) <= LONGEST_UNIT else "units of the data, squared"


def layer_colours(smallest: int, largest: int) -> tuple[ListedColormap, BoundaryNorm]:
    """Return one colour per number of hidden layers, from dark (few) to light (many)."""
    n_colours = largest - smallest + 1
    # Without the lightest end of the map, which vanishes on white paper.
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.93, n_colours))
    edges = np.arange(n_colours + 1) + smallest - 0.5
    return ListedColormap(shades), BoundaryNorm(edges, n_colours)


def layer_style(table: pd.DataFrame, layers: tuple[int, int] | None) -> dict:
    """Return the colours of the rows of a table of trials, as arguments of `scatter`.

    `layers` are the smallest and largest number of hidden layers, or None for networks of the
    user's own, which are all of one colour.
    """
    if layers is None:
        return {"color": BLUE}
    colour_map, norm = layer_colours(*layers)
    return {"c": table["n_hidden_layers"], "cmap": colour_map, "norm": norm}


def draw_layer_scale(figure: Figure, axes: Axes, layers: tuple[int, int] | None) -> None:
    """Draw the scale of the colours of `layers`, their smallest and largest number, if any."""
    if layers is None:
        return
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
