"""The figure of what each hyperparameter means for the loss of the search."""

import math

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twostep.analysis.importance import FEWEST_TRIALS, Effect, Importance
from twostep.figures.scales import scale_losses, scale_quantity, scale_small_panel
from twostep.figures.style import (
    BLUE,
    GREY,
    INK,
    PAGE_WIDTH,
    STYLE,
)
from twostep.util.wording import spell

# Of those whose own names would be too long.
LABELS = {
    "n_hidden_layers": "hidden layers",
    "mean_width": "mean width (units)",
    "relative_narrowest": "narrowest / mean",
    "learning_rate_schedule": "rate schedule",
    "warmup": "warm-up (one_cycle)",
    "momentum": "momentum (sgd)",
    "beta1": "beta1 (adam)",
    "beta2": "beta2 (adam)",
    "max_gradient_norm": "max gradient",
}
LOGARITHMIC = (
    "mean_width",
    "learning_rate",
    "batch_size",
    "weight_decay",
    "max_gradient_norm",
)
# Forests that explain less than this share of the variance tell little.
LEAST_R2 = 0.3


@matplotlib.rc_context(STYLE)
def draw_hyperparameters(
    importance: Importance | None, *, fraction: str, loss_label: str, kind: str = ""
) -> Figure:
    """Draw importance (first panel) and effect (one panel each) of the hyperparameters.

    Parameters
    ----------
    importance : what `measure_importance` returns
    fraction : the name of the search's fraction
    loss_label : what the loss is, as `describe_loss` says it
    kind : which trials these are, if not all, e.g. "random"
    """
    trials = f"{kind} trials".strip()
    if importance is None:
        return _draw_nothing(fraction, trials)
    effects = importance.effects
    n_panels = len(effects) + 1
    # Three panels abreast, or four where that fills the last row better.
    n_columns = 4 if n_panels % 4 == 0 or n_panels % 3 == 1 else 3
    n_rows = math.ceil(n_panels / n_columns)
    figure = Figure(figsize=(PAGE_WIDTH, 0.5 + 1.75 * n_rows))
    grid = figure.add_gridspec(n_rows, n_columns)
    _draw_importances(figure.add_subplot(grid[0, 0]), effects)
    panels: list[Axes] = []
    for i, effect in enumerate(effects, start=1):
        place = grid[divmod(i, n_columns)]
        axes = figure.add_subplot(place, sharey=panels[0] if panels else None)
        if panels:
            axes.tick_params(labelleft=False, which="both")
        panels.append(axes)
        _draw_effect(axes, effect)
        if place.is_first_col() or axes is panels[0]:
            axes.tick_params(labelleft=True)
            axes.set_ylabel("Mean validation loss")
    scale_losses(panels[0], "y", np.concatenate([effect.losses for effect in effects]))
    figure.suptitle(_note(importance, fraction, loss_label, trials), x=0.01, ha="left", fontsize=8)
    return figure


def _draw_nothing(fraction: str, trials: str) -> Figure:
    figure = Figure(figsize=(PAGE_WIDTH, 1.0))
    figure.text(
        0.01,
        0.5,
        f"Fraction {fraction}: fewer than {FEWEST_TRIALS} {trials}, no hyperparameter that varies, "
        "or equal losses:\nthere is nothing to learn about the hyperparameters.",
        va="center",
        gid="nothing",
    )
    return figure


def _note(importance: Importance, fraction: str, loss_label: str, trials: str) -> str:
    note = f"Fraction {fraction}: random forest on {importance.n_trials:,}"
    if importance.n_trials < importance.n_succeeded:
        note += f" of {importance.n_succeeded:,} {trials}, drawn at random"
    else:
        note += f" {trials}"
    note += f"; R² {importance.r2:.2f} of the log loss on trials that it has not seen"
    if importance.r2 < LEAST_R2:
        note += "\nIt explains little of the differences: take what is shown here with caution"
    return f"{note}\nLoss: {loss_label}"


def _name(effect: Effect) -> str:
    return LABELS.get(effect.name) or spell(effect.name)


def _draw_importances(axes: Axes, effects: list[Effect]) -> None:
    """Draw the mean importance of each hyperparameter and the range of its middle 90 %."""
    ends = [0.0]
    for row, effect in enumerate(effects):
        low, high = np.quantile(effect.importances, (0.05, 0.95)).tolist()
        ends += [low, high]
        axes.plot([low, high], [row, row], color=BLUE, linewidth=2, alpha=0.5)
        axes.plot(effect.importances.mean(), row, "o", color=BLUE, markersize=5, gid=effect.name)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(effects)), [_name(effect) for effect in effects])
    axes.set_ylim(len(effects) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=GREY, linewidth=0.4)
    axes.set_axisbelow(True)
    power = scale_quantity(axes, "x", *_with_margin(ends), most=4)
    axes.set_xlabel(f"Importance (fall of R²{f', {power}' if power else ''})")


def _draw_effect(axes: Axes, effect: Effect) -> None:
    """Draw the mean predicted loss against the values of one hyperparameter."""
    style: dict = {"color": BLUE, "marker": "o", "markersize": 3.5, "gid": f"effect {effect.name}"}
    axes.set_xlabel(_name(effect))
    if isinstance(effect.values[0], str):
        axes.plot(range(len(effect.values)), effect.losses, linestyle="none", **style)
        axes.set_xticks(range(len(effect.values)), effect.values)
        axes.set_xlim(-0.5, len(effect.values) - 0.5)
        if len(effect.values) > 3:
            # Their ends at the ticks: names of several letters would run into each other.
            axes.set_xticks(
                range(len(effect.values)),
                effect.values,
                rotation=45,
                ha="right",
                rotation_mode="anchor",
            )
    else:
        axes.plot(effect.values, effect.losses, **style)
        if effect.name in LOGARITHMIC and min(effect.values) > 0:
            _scale_values(axes, effect.values)
        elif all(float(value).is_integer() for value in effect.values):
            axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        elif power := scale_quantity(axes, "x", *_with_margin(effect.values), most=4):
            axes.set_xlabel(f"{_name(effect)} ({power})")


def _with_margin(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low)
    return low - margin, high + margin


def _scale_values(axes: Axes, values: list[float]) -> None:
    """Set a logarithmic x axis: ticks at the values themselves if they are few."""
    low, high = min(values), max(values)
    margin = (high / low) ** 0.05
    scale_small_panel(axes, low / margin, high * margin)
    if len(values) <= 4:
        axes.set_xticks(values, [f"{value:g}" for value in values])
