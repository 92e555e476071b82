"""The figure of how many trials had to be retrained, and of what the cut has lost."""

import math
import textwrap

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from twostep.analysis.agreement import CONFIDENCE, rank_agreement, whole_range_correlation
from twostep.analysis.regret import Cut, judge_cut, measure_regret, top_recall
from twostep.figures.scales import scale_counts
from twostep.figures.style import BLUE, GREY, INK, PAGE_WIDTH, STYLE, VERMILION, say
from twostep.util.wording import describe_level, number, times_as

# The widest line of text below the panels, in letters.
LONGEST_LINE = 125
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
LEVEL = f"{100 * CONFIDENCE:g} % interval"


@matplotlib.rc_context(STYLE)
def draw_regret(
    steps: pd.DataFrame,
    *,
    fraction: str,
    n_others: int,
    tolerance: float,
    without_cut: str,
    before: str = "Step 1",
    after: str = "Step 2",
) -> Figure:
    """Draw regret (left) and recall (middle) against k, and the steps' correlation (right).

    Parameters
    ----------
    steps : the table of `compare_steps` for a fraction or a rung
    fraction : its name
    n_others : how many trials the controls were drawn from
    tolerance : of the selection
    without_cut : the sentence of `explain_no_cut`, for where the controls tell nothing
    before, after : what the trials were trained in before the cut and after it
    """
    figure = Figure(figsize=(PAGE_WIDTH, 3.1))
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.2, 1, 0.9))
    passed = "retrained" if after == "Step 2" else f"of {after.lower()}"
    _draw_regret_curve(left, steps, tolerance, passed)
    _draw_recall(middle, steps, passed)
    middle.set_ylabel(f"{after}'s best k among\n{before.lower()}'s first k")
    _draw_correlations(right, steps)
    left.set_xlabel(
        f"k: trials {passed} in the order of\nthe ranking on {describe_level(fraction)}"
    )
    cut = judge_cut(steps, n_others=n_others, tolerance=tolerance)
    text = without_cut if cut is None else _cut_note(cut, tolerance)
    figure.supxlabel(textwrap.fill(text, LONGEST_LINE), x=0.01, ha="left", fontsize=7)
    return figure


def _cut_note(cut: Cut, tolerance: float) -> str:
    """Return what the controls tell of the trials beyond the cut."""
    if cut.n_controls == cut.n_others:
        rest = f"These are all trials that were not chosen: {cut.n_better} of them are better."
    else:
        most = round(cut.high * cut.n_others)
        rest = f"Up to {most:,} of all {cut.n_others:,} others may be ({LEVEL})."
    return (
        f"Beyond the cut: {cut.n_better} of {number(cut.n_controls, 'control')}, drawn from "
        f"{cut.n_others:,} trials, are better than the best of the {cut.n_chosen} chosen ones by "
        f"more than {100 * tolerance:g} %. {rest} {_ratio_note(cut.ratio)}"
    )


def _ratio_note(ratio: float) -> str:
    """Return how the loss of the best control compares with that of the best chosen trial."""
    if not math.isfinite(ratio):
        return "The loss of the best chosen trial is 0."
    return f"The best control's loss is {times_as(ratio, 'high')} that of the best chosen trial."


def _draw_regret_curve(axes: Axes, steps: pd.DataFrame, tolerance: float, passed: str) -> None:
    regret = measure_regret(steps)
    axes.set_ylabel(f"Best loss of the first k\nover the best of all {passed}")
    if regret is None:
        say(axes, "All chosen trials failed.")
        return
    k = np.arange(1, len(regret.ratio) + 1)
    axes.plot(k, regret.ratio, drawstyle="steps-post", color=BLUE, marker="o", ms=3, gid="regret")
    axes.axhline(1 + tolerance, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), gid="tolerance")
    scale_counts(axes, 1, len(k))
    enough = regret.sufficient(tolerance)
    axes.set_title(
        f"No chosen trial is within {100 * tolerance:g} % (dashed)"
        if enough is None
        else f"Enough for {100 * tolerance:g} % (dashed):\nfirst {enough} of {len(k)}"
    )


def _draw_recall(axes: Axes, steps: pd.DataFrame, passed: str) -> None:
    recall = top_recall(steps)
    if not len(recall):
        say(axes, "None of the chosen trials can be found again.")
        return
    k = np.arange(1, len(recall) + 1)
    axes.plot(k, recall, color=VERMILION, marker="s", ms=3, gid="recall")
    n_trials = len(steps)
    if n_trials:
        chance = np.minimum(k / n_trials, 1)
        axes.plot(k, chance, color=GREY, linestyle=(0, (1, 1.5)), gid="chance")
        # Above the line there is the title, if it is high.
        below = bool(chance[-1] > 0.8)
        axes.annotate(
            "by chance",
            (k[-1], chance[-1]),
            xytext=(0, -3 if below else 3),
            textcoords="offset points",
            ha="right",
            va="top" if below else "bottom",
            fontsize=7,
        )
    axes.set(xlabel="k", ylim=(-0.02, 1.05))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    scale_counts(axes, 1, len(k))
    axes.set_title(f"Recall\n(among the {n_trials:,} {passed})")


def _draw_correlations(axes: Axes, steps: pd.DataFrame) -> None:
    """Draw the rank correlation of the steps with its interval: among the top, and of all."""
    chosen = steps[steps["among_top_k"]]
    agreement = rank_agreement(chosen["step_1_loss"], chosen["step_2_loss"])
    n_controls = int(steps["control"].sum())
    among_chosen = None if agreement is None else agreement.spearman
    entries = (
        (number(len(chosen), "chosen trial"), among_chosen, BLUE, "o"),
        (
            f"all, by {number(n_controls, 'control')}",
            whole_range_correlation(steps),
            VERMILION,
            "s",
        ),
    )
    for place, (label, coefficient, colour, marker) in enumerate(entries):
        if coefficient is None:
            text = f"{label}:\nnone to be told"
        else:
            text = f"{label}:\n{coefficient}"
            axes.plot(
                [coefficient.low, coefficient.high], [-place] * 2, color=colour, gid="interval"
            )
            axes.plot(
                coefficient.value, -place, marker, color=colour, ms=5, clip_on=False, gid=label
            )
        axes.text(-0.97, -place + 0.12, text, fontsize=7, va="bottom", bbox=BEHIND_TEXT)
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set(xlim=(-1, 1), ylim=(-1.4, 0.7), yticks=[], xlabel="Spearman's rank correlation")
    axes.spines["left"].set_visible(False)
    axes.set_title(f"Do the steps agree?\n({LEVEL}s)")
