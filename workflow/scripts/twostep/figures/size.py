"""The figures of loss against model size: in the search, and after retraining."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from twostep.analysis.complexity import Complexity
from twostep.analysis.pareto import lower_envelope, pareto_front
from twostep.figures.scales import scale_losses, scale_sizes
from twostep.figures.style import (
    BLUE,
    COLUMN_WIDTH,
    GREY,
    INK,
    NO_TEST_LOSS,
    STYLE,
    VERMILION,
    draw_baselines,
    draw_layer_scale,
    draw_nothing,
    layer_style,
)
from twostep.util.columns import is_fully_connected
from twostep.util.wording import describe_level, number


def layer_range(tables: list[pd.DataFrame]) -> tuple[int, int] | None:
    """Return the smallest and largest number of hidden layers in several tables.

    None for networks of the user's own.
    """
    if not is_fully_connected(tables[0]):
        return None
    layers = pd.concat([table["n_hidden_layers"] for table in tables])
    return int(layers.min()), int(layers.max())


@matplotlib.rc_context(STYLE)
def draw_search(
    trials: pd.DataFrame,
    *,
    fraction: str,
    baselines: dict[str, float],
    retrained: set[int],
    complexity: Complexity,
    tolerance: float,
    layers: tuple[int, int] | None,
    loss_label: str,
) -> Figure:
    """Draw the search's validation loss against the number of learnable parameters.

    Parameters
    ----------
    trials : the ranked table of a fraction's search, or of a rung
    fraction : its name
    baselines : validation losses of the constant prediction and the linear regression
    retrained : ids of the trials that were retrained, which are ringed
    complexity : the smallest size whose loss is within the `tolerance` of the best
    tolerance : that of the selection
    layers : smallest and largest number of hidden layers, for the colours, if there are any
    loss_label : what the loss is, as `describe_loss` says it
    """
    figure = Figure(figsize=(COLUMN_WIDTH, 3.8))
    axes = figure.add_subplot()
    # By trial id and so in random order: in ranked order the worst would hide the best.
    succeeded = trials[trials["status"] == "ok"].sort_values("trial")
    sizes, losses = succeeded["n_parameters"].to_numpy(), succeeded["min_val_loss"].to_numpy()
    scale_sizes(axes, sizes)
    # A baseline far above all trials would squeeze them. Far above the constant prediction there
    # are only trials that went astray.
    shown = [loss for loss in baselines.values() if loss < 10 * losses.max()]
    top = 3 * baselines.get("constant", np.inf)
    scale_losses(axes, "y", np.append(losses, shown), top=top)
    _draw_trials(axes, succeeded, "min_val_loss", layers, size=min(14, 4000 / len(losses) + 2))
    ringed = succeeded[succeeded["trial"].isin(retrained)]
    axes.scatter(
        ringed["n_parameters"],
        ringed["min_val_loss"],
        s=28,
        facecolors="none",
        edgecolors=INK,
        linewidths=0.7,
        zorder=5,
        gid="retrained",
    )
    _draw_envelope(axes, sizes, losses)
    lines = draw_baselines(axes, baselines)
    axes.set(ylabel=f"Validation loss\n({loss_label})")
    axes.set_title(_search_note(trials, fraction, n_above=int((losses > axes.get_ylim()[1]).sum())))
    draw_layer_scale(figure, axes, layers)
    handles = [
        _marker("trial", color=GREY, markersize=3),
        _marker("retrained later", color="none", markeredgecolor=INK, markersize=5),
        Line2D(
            [],
            [],
            color=VERMILION,
            marker="D",
            markersize=3,
            label="envelope, Pareto front",
        ),
        *lines,
        _draw_complexity(axes, complexity, tolerance),
    ]
    # A baseline off the axis has a label that leaves no room for a second column.
    n_columns = 1 if any("off the axis" in str(line.get_label()) for line in lines) else 2
    figure.legend(handles=handles, loc="outside lower left", ncols=n_columns, columnspacing=1)
    return figure


@matplotlib.rc_context(STYLE)
def draw_retrained(
    retrained: pd.DataFrame,
    selection: pd.DataFrame,
    *,
    baselines: dict[str, float],
    layers: tuple[int, int] | None,
    tolerance: float,
    loss_label: str,
) -> Figure:
    """Draw the test loss of the retrained models against their number of learnable parameters.

    Each repetition is a point and a line joins those of a trial. `baselines` are test losses;
    `tolerance` is the one of the selection, which looks at validation losses only.
    """
    succeeded = retrained[(retrained["status"] == "ok") & retrained["test_loss"].notna()]
    if succeeded.empty:
        return draw_nothing(NO_TEST_LOSS)
    figure = Figure(figsize=(COLUMN_WIDTH, 3.6))
    axes = figure.add_subplot()
    scale_sizes(axes, succeeded["n_parameters"])
    shown = [loss for loss in baselines.values() if loss < 10 * succeeded["test_loss"].max()]
    scale_losses(axes, "y", np.append(succeeded["test_loss"], shown))
    for size, losses in succeeded.groupby("trial")[["n_parameters", "test_loss"]].agg(list).values:
        axes.plot(size, losses, color=GREY, linewidth=0.8, zorder=1)
    _draw_trials(axes, succeeded, "test_loss", layers, size=18)
    handles = _mark_choices(axes, succeeded, selection, tolerance)
    handles += draw_baselines(axes, baselines)
    axes.set(ylabel=f"Test loss\n({loss_label})")
    axes.set_title(_retrained_note(retrained, n_shown=len(succeeded)))
    draw_layer_scale(figure, axes, layers)
    figure.legend(handles=handles, loc="outside lower left", ncols=1)
    return figure


def _draw_trials(
    axes: Axes, table: pd.DataFrame, loss: str, layers: tuple[int, int] | None, size: float
) -> None:
    """Draw one point per row, coloured by the number of hidden layers."""
    axes.scatter(
        table["n_parameters"],
        table[loss],
        s=size,
        **layer_style(table, layers),
        linewidths=0,
        zorder=2,
        # As vectors, 100,000 points make a PDF that no viewer opens.
        rasterized=True,
        gid="trials",
    )


def _draw_complexity(axes: Axes, complexity: Complexity, tolerance: float) -> Line2D:
    """Draw the minimal complexity as a vertical line with a band; return a legend's handle."""
    axes.axvline(
        complexity.n_parameters, color=BLUE, linewidth=1, zorder=3, gid="minimal complexity"
    )
    label = f"smallest within {100 * tolerance:g} %:\n{complexity.n_parameters:,}"
    low, high = complexity.low, complexity.high
    if low is not None and high is not None:
        axes.axvspan(low, high, color=BLUE, alpha=0.15, linewidth=0, zorder=0, gid="interval")
        label += f"\n({low:,} to {high:,})"
    return Line2D([], [], color=BLUE, linewidth=1, label=label)


def _draw_envelope(axes: Axes, sizes: np.ndarray, losses: np.ndarray) -> None:
    axes.step(
        *lower_envelope(sizes, losses),
        where="post",
        color=VERMILION,
        linewidth=1.2,
        zorder=6,
        gid="envelope",
    )
    front = pareto_front(sizes, losses)
    axes.plot(
        sizes[front],
        losses[front],
        "D",
        color=VERMILION,
        markeredgecolor="white",
        markeredgewidth=0.4,
        markersize=3.5 if len(front) < 20 else 2.5,
        zorder=7,
        gid="front",
    )


def _marker(label: str, marker: str = "o", **style: Any) -> Line2D:
    return Line2D([], [], linestyle="none", marker=marker, label=label, **style)


def _search_note(trials: pd.DataFrame, fraction: str, n_above: int) -> str:
    n_failed = int((trials["status"] != "ok").sum())
    n_train = int(trials["n_train"].max())
    where = describe_level(fraction).capitalize()
    note = f"{where} ({n_train:,} training samples):\n{number(len(trials), 'trial')}"
    note += f", {n_failed:,} failed" if n_failed else ", none failed"
    return note + (f", {n_above:,} above the axis" if n_above else "")


def _retrained_note(retrained: pd.DataFrame, n_shown: int) -> str:
    n_trials, n_failed = retrained["trial"].nunique(), len(retrained) - n_shown
    note = f"{number(n_trials, 'trial')} retrained on all data"
    if len(retrained) > n_trials:
        note += f", {len(retrained):,} models"
    # A longer line would run out of the figure.
    return note + (f",\n{n_failed:,} of which failed" if n_failed else "")


def _mark_choices(
    axes: Axes, table: pd.DataFrame, selection: pd.DataFrame, tolerance: float
) -> list[Line2D]:
    """Mark the best and the selected model; return handles for the legend."""
    labels = {
        "best": ("best validation loss", "*", 13, VERMILION),
        "selected": (f"selected: cheapest within {100 * tolerance:g} % of it", "s", 10, INK),
    }
    handles = []
    columns = (selection[name] for name in ("choice", "trial", "seed"))
    for choice, trial, seed in zip(*columns, strict=True):
        label, marker, size, colour = labels[choice]
        row = table[(table["trial"] == trial) & (table["seed"] == seed)]
        style: dict = {"color": "none", "markeredgecolor": colour, "markeredgewidth": 1.1}
        axes.plot(
            row["n_parameters"],
            row["test_loss"],
            marker,
            markersize=size,
            zorder=6,
            gid=choice,
            clip_on=False,
            **style,
        )
        handles.append(_marker(label, marker, markersize=0.6 * size, **style))
    return handles
