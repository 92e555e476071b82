"""Scales of axes: their limits and their ticks, whose labels differ and do not collide."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)
from numpy.typing import ArrayLike

from twostep.figures.labels import LEAST, number_texts, power_of, power_text, text_width

SIZE = 8  # of the labels of ticks, in points
# Room between labels beside each other, and for those along half a page or a small panel, in
# points.
GAP = 6
HALF_PAGE, SMALL_PANEL = 175, 75
# Losses that differ by less do not fill an axis, as if they were far apart: a part of the loss.
SMALLEST_SPAN = 0.02
# Values that differ by less are equal but for rounding: a part of them.
ROUNDING = 1e-9


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
    missing = SMALLEST_SPAN * max(abs(low), abs(high)) - (high - low)
    if missing > 0:
        low, high = low - missing / 2, high + missing / 2
    margin = 0.07 * (high - low) or 1.0
    low, high = low - margin, high + margin
    axes.set(**{f"{which}lim": (low, high)})
    power = power_of(low, high)
    most, room = (5, np.inf) if which == "y" else (4, HALF_PAGE)
    _set_ticks(_axis(axes, which), low, high, most, room, lambda ticks: _powers(ticks, power))


def scale_quantity(axes: Axes, which: str, low: float, high: float, most: int) -> str:
    """Set a linear axis, "x" or "y", of a small panel; return the power of ten for its label.

    Parameters
    ----------
    low, high : its ends; if they are equal, it is wider
    most : intervals between ticks at most

    Returns
    -------
    What belongs before the unit, e.g. ten to the power of -5; nothing if the ticks tell all.
    """
    low, high = widen(low, high)
    axes.set(**{f"{which}lim": (low, high)})
    power = power_of(low, high)
    room = np.inf if which == "y" else SMALL_PANEL
    _set_ticks(_axis(axes, which), low, high, most, room, lambda x: number_texts(x, power))
    return power_text(power) if power else ""


def widen(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis; wider ones if they are equal but for rounding."""
    largest = max(abs(low), abs(high))
    if high - low > max(ROUNDING * largest, LEAST):
        return low, high
    margin = 0.05 * largest if largest >= LEAST else 1.0
    return low - margin, high + margin


def scale_counts(axes: Axes, first: float, last: float) -> None:
    """Set a linear x axis of whole numbers, which may all be equal."""
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def scale_sizes(axes: Axes, sizes: ArrayLike) -> None:
    """Set the x axis for numbers of learnable parameters: logarithmic, wide enough for ticks."""
    low, high = float(np.min(sizes)), float(np.max(sizes))
    widening = max(1.0, 2 / np.sqrt(high / low))
    scale_logarithmically(axes, "x", low / widening, high * widening)
    axes.set_xlabel("Learnable parameters")


def scale_logarithmically(axes: Axes, which: str, low: float, high: float) -> None:
    """Set a logarithmic axis, "x" or "y", from `low` to `high`, with a narrow margin."""
    margin = (high / low) ** 0.04
    low, high = low / margin, high * margin
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = _axis(axes, which)
    axis.set_minor_formatter(NullFormatter())
    # Few powers of ten are in sight of a short axis, so that some between them get labels, too.
    n_powers = np.floor(np.log10(high)) - np.ceil(np.log10(low)) + 1
    if high < 40 * low or n_powers < 2:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 40 * low else (1, 3)))
        plain = low >= 1e-3 and high < 1e4
        axis.set_major_formatter(FuncFormatter(_plain_tick if plain else _power_tick))


def scale_small_panel(axes: Axes, low: float, high: float, which: str = "x", most: int = 4) -> None:
    """Set a logarithmic axis with at most so many ticks, as there is room in a small panel for."""
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    steps = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 5], [1, 3], [1]]
    choices = [np.multiply.outer(10.0**decades, digits).ravel() for digits in steps]
    choices += [10.0 ** decades[::stride] for stride in range(2, len(decades) + 1)]
    seen = [ticks[(ticks >= low) & (ticks <= high)] for ticks in choices]
    # The densest that are few enough; a very narrow range may have a single one.
    ticks = next((ticks for ticks in seen if 0 < len(ticks) <= most), np.array([low, high]))
    axis = _axis(axes, which)
    axis.set_major_locator(FixedLocator(ticks.tolist()))
    axis.set_minor_locator(NullLocator())
    write = _short_power if low < 1e-4 or high > 1e5 else _plain_tick
    texts = [write(tick, 0) for tick in ticks]
    if which == "x":
        # Within a decade they may stand closer than they are wide.
        places = np.log10(ticks / low) / np.log10(high / low)
        kept = thin_out(places, texts, SMALL_PANEL)
        texts = [text if i in kept else "" for i, text in enumerate(texts)]
    axis.set_major_formatter(FixedFormatter(texts))


def thin_out(places: ArrayLike, texts: list[str], room: float) -> list[int]:
    """Return which labels along an axis do not collide, the last one first of all.

    `places` are those of the texts, ascending, as parts of an axis of `room` points.
    """
    kept: list[int] = []
    left = np.inf
    for i in reversed(range(len(texts))):
        centre, half = room * float(np.asarray(places)[i]), text_width(texts[i], SIZE) / 2
        if centre + half + GAP <= left:
            kept.insert(0, i)
            left = centre - half
    return kept


def _axis(axes: Axes, which: str) -> Axis:
    return axes.xaxis if which == "x" else axes.yaxis


def _set_ticks(
    axis: Axis,
    low: float,
    high: float,
    most: int,
    room: float,
    texts: Callable[[np.ndarray], list[str]],
) -> None:
    """Set ticks in at most so many intervals, fewer where their labels had no room."""
    for n_intervals in range(most, 0, -1):
        ticks = np.array(MaxNLocator(n_intervals).tick_values(low, high))
        # Sums of steps come near 0 only.
        ticks[np.abs(ticks) < ROUNDING * (high - low)] = 0
        ticks = ticks[(ticks >= low) & (ticks <= high)]
        labels = texts(ticks)
        if sum(text_width(label, SIZE) + GAP for label in labels) <= room:
            break
    axis.set_major_locator(FixedLocator(ticks.tolist()))
    axis.set_major_formatter(FixedFormatter(labels))
    axis.set_minor_locator(NullLocator())


def _powers(ticks: np.ndarray, power: int) -> list[str]:
    """Return labels with the power of ten that matplotlib would put beside the axis."""
    texts = number_texts(ticks, power)
    if not power:
        return texts
    factor = rf"\times10^{{{power}}}"
    return [
        "0" if tick == 0 else f"${text}{factor}$" for tick, text in zip(ticks, texts, strict=True)
    ]


def _plain_tick(value: float, _position: int) -> str:
    return f"{value:.5g}"


def _short_power(value: float, _position: int) -> str:
    mantissa, exponent = f"{value:.3e}".split("e")
    factor = "" if float(mantissa) == 1 else rf"{float(mantissa):g}\times"
    return f"${factor}10^{{{int(exponent)}}}$"


def _power_tick(value: float, _position: int) -> str:
    mantissa, exponent = f"{value:.3e}".split("e")
    return rf"${float(mantissa):g}\times10^{{{int(exponent)}}}$"
