"""The figures that compare the two steps, and the course of the second."""

import math
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from twostep.analysis.agreement import CONFIDENCE, rank_agreement, whole_range_correlation
from twostep.figures.scales import scale_losses
from twostep.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAGE_WIDTH,
    PURPLE,
    STYLE,
    VERMILION,
    draw_layer_scale,
    layer_style,
    say,
)
from twostep.util.wording import describe_level, is_rung, number

N_LABELLED = 3  # finalists whose loss curves stand out, besides the selected one
# Colour and dashes of the labelled loss curves; grey readers tell them apart by the dashes.
CURVES = [
    (VERMILION, "-"),
    (BLUE, (0, (4, 1.2))),
    (GREEN, (0, (1.2, 1))),
    (PURPLE, (0, (5, 1, 1, 1))),
    (ORANGE, (0, (8, 2))),
]


@matplotlib.rc_context(STYLE)
def draw_steps(
    steps: pd.DataFrame,
    *,
    fraction: str,
    top_k: int,
    layers: tuple[int, int] | None,
    loss_label: str,
    before: str = "Step 1",
    after: str = "Step 2",
) -> Figure:
    """Draw the losses (left) and the ranks (right) of the trials that passed a cut.

    `steps` is the table of `compare_steps` for the ranking of a `fraction` or a rung, which was cut
    at `top_k`; `before` and `after` say in which trainings the trials are compared.
    Controls are triangles; trials that only another fraction's ranking chose are hollow. The losses
    are without the controls.
    """
    has_rungs = (before, after) != ("Step 1", "Step 2")
    figure = Figure(figsize=(PAGE_WIDTH, 3.3))
    left, right = figure.subplots(1, 2)
    # The losses of controls mostly lie far from the others, and would squeeze them.
    shown = steps[~steps["control"]]
    _draw_groups(left, shown, "loss", layers)
    if len(shown):
        scale_losses(left, "x", shown["step_1_loss"])
        scale_losses(left, "y", shown["step_2_loss"])
    else:
        say(left, "None of the chosen trials succeeded in both steps.")
    label = "chosen by this ranking" if has_rungs else "chosen by this fraction"
    handles = _draw_groups(right, steps, "rank", layers, chosen_label=label)
    if len(steps):
        _scale_ranks(right, steps, wide=bool(steps["step_1_rank"].max() > 4 * top_k))
    else:
        say(right, "None of the retrained trials succeeded in both steps.")
    left.set(
        xlabel=f"{before}: validation loss\n({loss_label})",
        ylabel=f"{after}: validation loss\n({loss_label})",
    )
    right.set(
        xlabel=f"{before}: rank on {describe_level(fraction)}",
        ylabel=f"{after}: rank among these" if has_rungs else "Step 2: rank among the retrained",
    )
    if is_rung(fraction):
        right.set(xlabel=f"{before}: rank")
    _note_agreement(left, right, steps)
    draw_layer_scale(figure, right, layers)
    figure.legend(handles=handles, loc="outside lower left", ncols=3)
    return figure


def _draw_groups(
    axes: Axes,
    steps: pd.DataFrame,
    quantity: str,
    layers: tuple[int, int] | None,
    *,
    chosen_label: str = "chosen by this fraction",
) -> list[Line2D]:
    """Draw the groups of trials, each with marks of its own; return handles for the legend."""
    chosen, control = steps["among_top_k"], steps["control"]
    hollow: dict = {"facecolors": "none", "edgecolors": GREY}
    groups = (
        ("others", "chosen by another fraction only", steps[~chosen & ~control], "o", 16),
        ("controls", "controls, drawn from the rest", steps[control], "^", 20),
        ("chosen", chosen_label, steps[chosen], "o", 18),
    )
    handles = []
    for gid, label, rows, marker, size in groups:
        style = hollow if gid == "others" else layer_style(rows, layers)
        columns = [f"step_{step}_{quantity}" for step in (1, 2)]
        x, y = rows[columns].to_numpy().T
        axes.scatter(x, y, s=size, marker=marker, gid=gid, **style)
        if len(rows):
            face = "none" if gid == "others" else INK
            edge = GREY if gid == "others" else INK
            handles.append(
                Line2D(
                    [],
                    [],
                    linestyle="none",
                    marker=marker,
                    markersize=4,
                    markerfacecolor=face,
                    markeredgecolor=edge,
                    label=f"{len(rows)} {label}",
                )
            )
    return handles[::-1]


def _scale_ranks(axes: Axes, steps: pd.DataFrame, *, wide: bool) -> None:
    """Scale the axes of ranks, logarithmically if they are wide, and draw where both are equal."""
    last = len(steps)
    axes.plot([1, last], [1, last], color=GREY, linewidth=0.8, zorder=0, gid="equal ranks")
    for axis, ranks in ((axes.xaxis, steps["step_1_rank"]), (axes.yaxis, steps["step_2_rank"])):
        which = axis.axis_name
        if wide:
            axes.set(**{f"{which}scale": "log", f"{which}lim": (0.8, 1.25 * max(ranks))})
            # There is room for eight labels.
            axis.set_major_locator(LogLocator(subs=(1, 2, 5) if max(ranks) < 500 else (1,)))
            axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axis.set_minor_formatter(NullFormatter())
        else:
            axes.set(**{f"{which}lim": (0, None)})
            axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


@matplotlib.rc_context(STYLE)
def draw_loss_curves(
    records: list[dict], selection: pd.DataFrame, *, baselines: dict[str, float], loss_label: str
) -> Figure:
    """Draw the training and validation loss of the retrained models against the epoch.

    The best few trials by validation loss and the selected one are labelled; of several repetitions
    the best is. `baselines` are validation losses on all the data, which cap the axis.
    """
    figure = Figure(figsize=(PAGE_WIDTH, 3.2))
    panels = figure.subplots(1, 2, sharey=True)
    labelled = _label_records(records, selection)
    for split, axes in zip(("train", "val"), panels, strict=True):
        for i, record in enumerate(records):
            if i not in labelled:
                _draw_curve(axes, record, split, color=GREY, linewidth=0.6, zorder=1)
        for (i, label), (colour, dashes) in zip(labelled.items(), CURVES, strict=False):
            style = {"color": colour, "linestyle": dashes, "label": label, "zorder": 3}
            _draw_curve(axes, records[i], split, **style)
            if split == "val" and records[i]["best_epoch"]:
                best = records[i]["best_epoch"]
                loss = records[i]["val_loss"][best - 1]
                axes.plot(best, loss, "o", color=colour, markersize=4, zorder=4, gid="best epoch")
    losses = [loss for record in records for loss in record["train_loss"] + record["val_loss"]]
    if losses:
        scale_losses(panels[0], "y", losses, top=3 * baselines.get("constant", math.inf))
    for axes in panels:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].set(xlabel="Epoch", ylabel=f"Training loss\n({loss_label})")
    panels[1].set(xlabel="Epoch", ylabel=f"Validation loss\n({loss_label})")
    panels[0].set_title(f"{number(len(records), 'model')} retrained on all data")
    panels[1].set_title("dot: best epoch, whose weights are kept")
    handles = panels[1].get_legend_handles_labels()[0]
    if len(labelled) < len(records):
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="other models"))
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def _note_agreement(left: Axes, right: Axes, steps: pd.DataFrame) -> None:
    """Put the rank correlation of the two steps above the panels, and what it rests on."""
    chosen = steps[steps["among_top_k"]]
    agreement = rank_agreement(chosen["step_1_loss"], chosen["step_2_loss"])
    if agreement is None:
        left.set_title("Too few or equal losses for a rank correlation")
    else:
        left.set_title(
            f"{number(len(chosen), 'chosen trial')}: Spearman {agreement.spearman}\n"
            f"Kendall {agreement.kendall} ({100 * CONFIDENCE:g} % intervals)"
        )
    whole = whole_range_correlation(steps)
    if whole is not None:
        n_controls = int(steps["control"].sum())
        right.set_title(f"All trials, by {number(n_controls, 'control')}:\nSpearman {whole}")


def _label_records(records: list[dict], selection: pd.DataFrame) -> dict[int, str]:
    """Return {position: label} of the models whose curves stand out, the best first."""
    succeeded = [i for i, record in enumerate(records) if record["status"] == "ok"]
    order = sorted(succeeded, key=lambda i: (records[i]["min_val_loss"], records[i]["trial"]))
    first_of_trial: dict[int, int] = {}
    for i in order:
        first_of_trial.setdefault(records[i]["trial"], i)
    wanted = [*list(first_of_trial)[:N_LABELLED], *selection["trial"]]
    roles = selection.groupby("trial")["choice"].agg(" and ".join).to_dict()
    return {
        first_of_trial[trial]: f"trial {trial}: {records[first_of_trial[trial]]['n_parameters']:,} "
        f"parameters{', ' + roles[trial] if trial in roles else ''}"
        for trial in dict.fromkeys(wanted)
        if trial in first_of_trial
    }


def _draw_curve(axes: Axes, record: dict, split: str, **style: Any) -> None:
    losses = record[f"{split}_loss"]
    # A line needs two points.
    marker = "." if len(losses) == 1 else ""
    axes.plot(range(1, len(losses) + 1), losses, marker=marker, **style)
