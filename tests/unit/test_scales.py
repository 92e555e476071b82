"""Scales and labels of axes: limits, ticks that differ and have room, texts cut to their room."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from twostep.figures import scales
from twostep.figures.labels import UNKNOWN, fit, literal, number_texts, power_of, text_width
from twostep.figures.scales import scale_losses, scale_quantity, thin_out, widen
from twostep.figures.style import draw_nothing, say


def tick_texts(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize(
    ("losses", "top"),
    [([3.0, 4.0], 1.0), ([3.0, 400.0], 1.0), ([-2.0, 3.0], -5.0), ([2.0, 2.0], 1.0)],
)
def test_a_cap_below_all_losses_turns_no_axis_over(losses, top):
    axes = Figure().add_subplot()
    scale_losses(axes, "y", losses, top=top)
    bottom, end = axes.get_ylim()
    assert bottom < min(losses) and max(losses) < end


def test_a_cap_among_the_losses_ends_the_axis():
    axes = Figure().add_subplot()
    scale_losses(axes, "y", [1.0, 2.0, 1000.0], top=3.0)
    assert axes.get_ylim()[1] == pytest.approx(3.0, rel=0.1)


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 7e5, 1e30])
def test_a_small_difference_of_losses_does_not_fill_an_axis(size):
    axes = Figure().add_subplot()
    scale_losses(axes, "y", [size, 1.003 * size])
    bottom, top = axes.get_ylim()
    assert top - bottom > 0.02 * size
    assert bottom < size < 1.003 * size < top


@pytest.mark.parametrize("size", [1e-30, 1e-4, 0.25, 1.0, 7e5, 1e30])
@pytest.mark.parametrize("spread", [0, 1e-7, 0.003, 0.1, 1, 10])
@pytest.mark.parametrize("which", ["x", "y"])
def test_ticks_of_losses_have_different_labels(size, spread, which):
    figure = Figure(figsize=(3.5, 3.5))
    axes = figure.add_subplot()
    scale_losses(axes, which, [size, size * (1 + spread)])
    figure.draw_without_rendering()
    shown = [text for text in tick_texts(axes.xaxis if which == "x" else axes.yaxis) if text]
    assert len(shown) >= 2
    assert len(set(shown)) == len(shown)


def test_the_losses_of_all_zeros_have_an_axis():
    axes = Figure().add_subplot()
    scale_losses(axes, "y", [0.0, 0.0])
    bottom, top = axes.get_ylim()
    assert bottom < 0 < top


@pytest.mark.parametrize(
    ("low", "high", "power"),
    [(0, 1, 0), (-2e-9, 2e-9, -9), (0, 4e30, 30), (100_000, 100_010, 5), (950, 1050, 0)],
)
def test_numbers_of_a_small_panel_are_told_in_a_power_of_ten(low, high, power):
    axes = Figure().add_subplot()
    assert scale_quantity(axes, "y", low, high, most=3) == (f"$10^{{{power}}}$" if power else "")
    assert axes.get_ylim() == (low, high)
    texts = [text.replace("\N{MINUS SIGN}", "-") for text in tick_texts(axes.yaxis)]
    numbers = np.array(texts, float) * 10.0**power
    assert numbers == pytest.approx(axes.get_yticks(), rel=1e-9)
    assert len(set(texts)) == len(texts) >= 2


def test_fewer_ticks_where_their_labels_have_no_room():
    axes = Figure().add_subplot()
    scale_quantity(axes, "x", 100_000, 100_010, most=3)
    widths = [text_width(text, scales.SIZE) for text in tick_texts(axes.xaxis)]
    assert sum(widths) + scales.GAP * len(widths) <= scales.SMALL_PANEL


@pytest.mark.parametrize("value", [0.0, 7.0, -3e-20, 1e30, 1e-310])
def test_equal_ends_are_widened(value):
    low, high = widen(value, value)
    assert low < value < high


def test_different_ends_stay():
    assert widen(1.0, 1.1) == (1.0, 1.1)


def test_numbers_have_as_many_decimals_as_tell_them():
    assert number_texts(np.array([0, 0.25, 0.5])) == ["0.00", "0.25", "0.50"]
    assert number_texts(np.array([0.2500001, 0.2500002])) == ["0.2500001", "0.2500002"]
    assert number_texts(np.array([-0.0, 5])) == ["0", "5"]
    assert number_texts(np.array([1e-30, 2e-30]), -30) == ["1", "2"]


@pytest.mark.parametrize(
    ("high", "power"),
    [(0, 0), (0.5, 0), (9_999, 0), (1e4, 4), (2e-3, -3), (-3e30, 30), (1e-320, 0)],
)
def test_only_unhandy_numbers_are_told_in_a_power_of_ten(high, power):
    assert power_of(0, high) == power


def test_a_long_name_is_cut_in_its_middle():
    names = [f"tendency_of_temperature_by_all_physics[{level}]" for level in range(60)]
    shown = [fit(name, 86, 7) for name in names]
    assert all(text_width(text, 7) <= 86 for text in shown)
    assert len(set(shown)) == 60
    assert shown[59].startswith("tend") and shown[59].endswith("[59]")
    assert fit("short", 86, 7) == "short"


@pytest.mark.parametrize("text", ["W" * 100, "l" * 100, "$" * 50, "ab", "\N{SNOWMAN}" * 40])
def test_any_name_fits(text):
    assert text_width(fit(text, 40, 7), 7) <= 40


def test_letters_that_the_font_lacks_are_boxes():
    assert literal("a\N{CJK UNIFIED IDEOGRAPH-6E29}é") == f"a{UNKNOWN}é"
    assert literal("a$b$") == r"a\$b\$"


def test_labels_that_would_collide_are_left_out_from_the_last_one_on():
    assert thin_out([0, 0.5, 1], ["0.05", "0.1", "0.2"], 175) == [0, 1, 2]
    assert thin_out([0, 0.9, 0.95, 1], ["0.05", "0.1", "0.15", "0.2"], 175) == [0, 3]


def test_a_panel_without_anything_has_a_sentence():
    axes = Figure().add_subplot()
    say(axes, "There is nothing.")
    assert not axes.axison
    assert [text.get_text() for text in axes.texts] == ["There is nothing."]
    assert [text.get_text() for text in draw_nothing("Nothing.").texts] == ["Nothing."]
