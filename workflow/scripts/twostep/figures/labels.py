"""Texts in figures: as they stand, cut to the room that there is, and numbers beside ticks."""

import functools
import math

import numpy as np
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextPath

FONT = "DejaVu Sans"  # comes with matplotlib: the same everywhere
# Drawn for a letter that the font lacks; the same box that matplotlib draws, without its warning.
UNKNOWN = "\N{WHITE SQUARE}"
# Letters of a text that are looked at.
LONGEST = 80
# Numbers in this range need no power of ten.
SMALLEST, LARGEST = 1e-2, 1e4
LEAST = 1e-300  # Smaller ones are as good as 0, and have no power of ten.
MOST_DIGITS = 15  # of a number of double precision
DIMENSIONLESS = ("1", "-", "dimensionless", "none", "unitless")


def literal(text: str) -> str:
    """Return a text as matplotlib draws it unchanged, which takes what is between $ for math."""
    known = "".join(letter if ord(letter) in _letters() else UNKNOWN for letter in text)
    return known.replace("$", r"\$")


@functools.cache
def _letters() -> frozenset[int]:
    return frozenset(get_font(findfont(FONT)).get_charmap())


@functools.lru_cache(10_000)
def text_width(text: str, size: float) -> float:
    """Return how wide a line of text is drawn in letters of a size, both in points."""
    if not text.strip():
        return 0.0
    path = TextPath((0, 0), text, size=size, prop=FontProperties(family=FONT))
    return float(path.get_extents().x1)


def fit(text: str, width: float, size: float) -> str:
    """Return a text for a figure, cut in its middle to a width and a size in points.

    In the middle, since names of many features often differ in their ends: `temperature[59]`.
    """
    shown = literal(text)
    if len(text) <= LONGEST and text_width(shown, size) <= width:
        return shown
    for n_kept in range(min(len(text), LONGEST) - 1, 1, -1):
        end = n_kept // 2
        shown = literal(f"{text[: n_kept - end]}...{text[-end:]}")
        if text_width(shown, size) <= width:
            break
    return shown


def power_of(low: float, high: float) -> int:
    """Return the power of ten that numbers from `low` to `high` are told in; 0 for handy ones."""
    largest = max(abs(low), abs(high))
    if largest < LEAST or SMALLEST <= largest < LARGEST:
        return 0
    return math.floor(math.log10(largest))


def number_texts(numbers: np.ndarray, power: int = 0) -> list[str]:
    """Return numbers over a power of ten, with as many decimals as tell them all."""
    scaled = np.asarray(numbers, float) / 10.0**power
    step = np.diff(scaled).min() if len(scaled) > 1 else abs(scaled).max()
    for decimals in range(MOST_DIGITS):
        if np.abs(np.round(scaled, decimals) - scaled).max(initial=0) <= 1e-3 * step:
            break
    # Not -0.
    texts = [f"{number + 0.0:.{decimals}f}" for number in np.round(scaled, decimals)]
    return [text.replace("-", "\N{MINUS SIGN}") for text in texts]


def power_text(power: int) -> str:
    """Return ten to a power."""
    return rf"$10^{{{power}}}$"


def unit_label(feature: dict, width: float, size: float) -> str:
    """Return a feature's unit after a blank, cut to a width; nothing for a number without one."""
    unit = feature["units"].strip()
    return "" if not unit or unit.lower() in DIMENSIONLESS else f" {fit(unit, width, size)}"


def feature_label(text: str, feature: dict, power: str, width: float, size: float) -> str:
    """Return an axis label of one or, where that is too long, two lines: quantity and unit.

    `power` is the power of ten that the numbers beside the axis are told in, or nothing.
    """
    unit = unit_label(feature, width - text_width(f"({power} )", size), size)
    if not power and not unit:
        return text
    inside = f"({power}{unit if power else unit.strip()})"
    separator = " " if text_width(f"{text} {inside}", size) <= width else "\n"
    return f"{text}{separator}{inside}"
