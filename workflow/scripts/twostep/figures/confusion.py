"""The figure of the classes that the selected model takes for each other."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from twostep.figures.labels import fit, text_width
from twostep.figures.predicted import TITLE, count_rows
from twostep.figures.scales import GAP
from twostep.figures.style import COLUMN_WIDTH, INK, PAGE_WIDTH, STYLE, draw_nothing
from twostep.model.predictions import Predictions
from twostep.util.text import MOST_FEATURES

# Classes whose cells have room for a number, and the width of the figure where they are few.
MOST_NUMBERS, FEW = 12, 6
# Room for the name of a class, and along the axis of few and of many classes, in points.
NAME, ROOM, PAGE_ROOM = 70, 100, 280
# A share that is darker than that has its number in white.
DARK = 0.6


@matplotlib.rc_context(STYLE)
def draw_confusion(predictions: Predictions, *, model: str) -> Figure:
    """Draw which share of the samples of each class is taken for which class.

    A sample is taken for the class with the highest probability. The samples of a class add up to
    100 %, whatever their weights. `model` says which it is.
    """
    shares = confusion(predictions)
    if shares is None:
        return draw_nothing("No prediction is finite: look at the test data.")
    width = COLUMN_WIDTH if len(shares) <= FEW else PAGE_WIDTH
    figure = Figure(figsize=(width, 0.75 * width + 0.8))
    axes = figure.subplots()
    scale = Normalize(0, 1)
    ends = (0.5, len(shares) + 0.5)
    extent = (*ends, *ends[::-1])
    axes.imshow(shares, cmap="Blues", norm=scale, extent=extent, gid="confusion")
    if len(shares) <= MOST_NUMBERS:
        _write_shares(axes, shares)
    axes.set(xlabel="Predicted class", ylabel="True class")
    _name_classes(axes, predictions.outputs)
    for spine in axes.spines.values():
        spine.set_visible(True)
    figure.colorbar(
        ScalarMappable(scale, "Blues"),
        ax=axes,
        label="Share of the samples of the true class",
        format=lambda share, _: f"{100 * share:.0f} %",
        aspect=30,
        pad=0.02,
    )
    figure.suptitle(f"{model}\n{count_rows(predictions)}", x=0.01, ha="left", fontsize=8)
    return figure


def confusion(predictions: Predictions) -> np.ndarray | None:
    """Return the share of each true class (rows) that is taken for each class (columns).

    Classes without a sample have zeros. None if no prediction is finite.
    """
    finite = np.isfinite(predictions.predicted).all(axis=1)
    if not finite.any():
        return None
    n_classes = len(predictions.outputs)
    true = predictions.true[finite].argmax(axis=1)
    said = predictions.predicted[finite].argmax(axis=1)
    cells = np.bincount(true * n_classes + said, minlength=n_classes**2)
    counts = cells.reshape(n_classes, n_classes).astype(float)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _write_shares(axes: Axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        text = "0" if share == 0 else "< 1" if share < 0.01 else f"{100 * share:.0f}"
        color = "white" if share > DARK else INK
        axes.text(column + 1, row + 1, text, ha="center", va="center", color=color, fontsize=TITLE)


def _name_classes(axes: Axes, outputs: list[dict]) -> None:
    """Put the names of the classes on both axes; their places where they are many."""
    if len(outputs) > MOST_FEATURES:
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Predicted class, in the order of the tables")
        return
    names = [fit(output["long_name"] or output["name"], NAME, TITLE) for output in outputs]
    places = range(1, len(names) + 1)
    axes.set_yticks(places, names, fontsize=TITLE)
    room = (ROOM if len(names) <= FEW else PAGE_ROOM) / len(names)
    is_narrow = max(text_width(name, TITLE) for name in names) > room - GAP
    style: dict = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"} if is_narrow else {}
    axes.set_xticks(places, names, fontsize=TITLE, **style)
