"""The figures of cost: of the two steps, and of a prediction of each retrained model."""

from collections.abc import Iterable
from dataclasses import dataclass

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from twostep.analysis.cost import Cost
from twostep.analysis.pareto import pareto_front
from twostep.figures.scales import scale_logarithmically, scale_losses, scale_small_panel
from twostep.figures.style import (
    BLUE,
    GREY,
    INK,
    NO_TEST_LOSS,
    PAGE_WIDTH,
    STYLE,
    VERMILION,
    draw_layer_scale,
    draw_nothing,
    layer_style,
)
from twostep.util.wording import describe_level, duration, is_rung, times

# Step 1, step 2, both together, and two estimates of the search on all data, from top to bottom.
ROWS = {
    "step_1": ("step 1: search", "o", BLUE),
    "step_2": ("step 2: retraining", "s", BLUE),
    "both": ("both steps", "D", VERMILION),
    "full": ("search on all data,\nepochs of step 2", "o", INK),
    "full_as_searched": ("the same,\nepochs of step 1", "o", GREY),
}
# Where there are rungs between the steps, which have their own names.
RUNG = ("^", BLUE)
WITH_RUNGS = {"both": ("steps and rungs", "D", VERMILION)}


@matplotlib.rc_context(STYLE)
def draw_cost(costs: dict[str, dict[str, Cost]]) -> Figure:
    """Draw the cost of the steps, the rungs, and the same search on all data, for each fraction.

    `costs` is {fraction: what `step_costs` returns}. Processor time is on the left, the work that
    no machine influences on the right; both axes are logarithmic.
    """
    n_rows = sum(len(cost) for cost in costs.values())
    figure = Figure(figsize=(PAGE_WIDTH, 0.7 + 0.32 * n_rows + 0.15 * len(costs)))
    panels = figure.subplots(1, 2, sharey=True)
    quantities = {"cpu_seconds": "Processor time (s)", "work": "Sample-epochs x parameters"}
    for axes, (quantity, label) in zip(panels, quantities.items(), strict=True):
        _draw_costs(axes, costs, quantity)
        axes.set_xlabel(label)
    rows = _list_rows(costs)
    panels[0].set_yticks([row.place for row in rows], [row.label for row in rows])
    panels[0].set_ylim(rows[-1].place + 0.6, -0.6)
    for axes in panels:
        axes.tick_params(axis="y", length=0)
    return figure


@dataclass(frozen=True)
class _Row:
    """A row of the figure: its place, its cost, and that of both steps on the same fraction."""

    name: str
    label: str
    place: float
    cost: Cost
    both: Cost


def _list_rows(costs: dict[str, dict[str, Cost]]) -> list[_Row]:
    """Return the rows from top to bottom; there is a gap between fractions."""
    rows = []
    place = 0.0
    for fraction, parts in costs.items():
        for name, cost in parts.items():
            label, _, _ = _style(name, parts)
            if name == "step_1":
                label += f" on fraction {fraction}"
            rows.append(_Row(name, label, place, cost, parts["both"]))
            place += 1
        place += 0.5
    return rows


def _style(name: str, names: Iterable[str]) -> tuple[str, str, str]:
    """Return the label, the marker and the colour of one row among those with these names."""
    if is_rung(name):
        return (describe_level(name), *RUNG)
    return (ROWS | WITH_RUNGS if any(map(is_rung, names)) else ROWS)[name]


def _draw_costs(axes: Axes, costs: dict[str, dict[str, Cost]], quantity: str) -> None:
    rows = _list_rows(costs)
    every = "both steps" if not any(is_rung(row.name) for row in rows) else "steps and rungs"
    values = [getattr(row.cost, quantity) for row in rows]
    positive = [value for value in values if value > 0]
    low, high = min(positive, default=1), max(positive, default=1)
    # Room for the numbers beside the marks: about a third of the axis.
    scale_logarithmically(axes, "x", low / 1.2, high * (10 * high / low) ** 0.5)
    for row, value in zip(rows, values, strict=True):
        _, marker, colour = _style(row.name, [row.name])
        hollow: dict = {"markerfacecolor": "white"} if row.name.startswith("full") else {}
        axes.axhline(row.place, color=GREY, linewidth=0.4, zorder=0)
        axes.plot(value, row.place, marker, color=colour, markersize=5, gid=row.name, **hollow)
        text = duration(value) if quantity == "cpu_seconds" else f"{value:.1e}"
        if row.name.startswith("full"):
            text += f"\n{times(value / getattr(row.both, quantity))} x {every}"
        axes.annotate(
            text,
            (value, row.place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


@matplotlib.rc_context(STYLE)
def draw_inference(
    inference: pd.DataFrame,
    retrained: pd.DataFrame,
    selection: pd.DataFrame,
    *,
    layers: tuple[int, int] | None,
    loss_label: str,
) -> Figure:
    """Draw test loss against time per sample, in one panel for each batch size.

    Parameters
    ----------
    inference : the table of measured times, of one model of each trial
    retrained : the table of retrained models; a trial's loss is the mean over its repetitions
    selection : the table of the best and the selected model
    layers : smallest and largest number of hidden layers, for the colours, if there are any
    loss_label : what the loss is, as `describe_loss` says it
    """
    complete = retrained[(retrained["status"] == "ok") & retrained["test_loss"].notna()]
    trials = complete.groupby("trial", as_index=False).agg(
        test_loss=("test_loss", "mean"),
        **({"n_hidden_layers": ("n_hidden_layers", "first")} if layers else {}),
    )
    table = inference.merge(trials, on="trial")
    if table.empty:
        return draw_nothing(NO_TEST_LOSS)
    batch_sizes = sorted(table["batch_size"].unique())
    figure = Figure(figsize=(PAGE_WIDTH, 2.9))
    panels = figure.subplots(1, len(batch_sizes), sharey=True, squeeze=False)[0]
    scale_losses(panels[0], "y", table["test_loss"].to_numpy())
    for axes, batch_size in zip(panels, batch_sizes, strict=True):
        _draw_times(axes, table[table["batch_size"] == batch_size], selection, layers)
        axes.set_title(f"Batch size {batch_size:,}")
        axes.set_xlabel("Processor time per sample (µs)")
    panels[0].set_ylabel(f"Test loss\n({loss_label})")
    draw_layer_scale(figure, panels[-1], layers)
    handles = [
        Line2D([], [], color=VERMILION, linestyle="-", label="Pareto front"),
        Line2D([], [], **_mark("best"), linestyle="none", label="best validation loss"),
        Line2D([], [], **_mark("selected"), linestyle="none", label="selected"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _mark(choice: str) -> dict:
    marker, size, colour = {"best": ("*", 12, VERMILION), "selected": ("s", 9, INK)}[choice]
    style = {"markeredgecolor": colour, "markerfacecolor": "none", "markeredgewidth": 1.1}
    return {"marker": marker, "markersize": size, "color": colour, **style}


def _draw_times(
    axes: Axes, table: pd.DataFrame, selection: pd.DataFrame, layers: tuple[int, int] | None
) -> None:
    """Draw the models at one batch size, with the quartiles of the time."""
    columns = [f"seconds_per_sample{suffix}" for suffix in ("_25", "", "_75")]
    lower, time, upper = 1e6 * table[columns].to_numpy().T
    losses = table["test_loss"].to_numpy()
    axes.hlines(losses, lower, upper, color=GREY, linewidth=1, zorder=1, gid="quartiles")
    axes.scatter(
        time,
        losses,
        s=16,
        **layer_style(table, layers),
        linewidths=0,
        zorder=3,
        gid="models",
    )
    low, high = lower.min(), upper.max()
    widening = max(1.1, 2 / np.sqrt(high / low))
    scale_small_panel(axes, low / widening, high * widening)
    front = pareto_front(time, losses)
    x, y = np.append(time[front], axes.get_xlim()[1]), losses[front]
    axes.step(x, np.append(y, y[-1]), where="post", color=VERMILION, zorder=2, gid="front")
    for choice, trial in zip(selection["choice"], selection["trial"], strict=True):
        row = table["trial"].to_numpy() == trial
        style = _mark(choice) | {"linestyle": "none", "zorder": 4, "clip_on": False, "gid": choice}
        axes.plot(time[row], losses[row], **style)
