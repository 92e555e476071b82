"""Every figure of studies that are hard to draw: no warning, no axis turned over, no collision."""

import itertools
import warnings
from collections.abc import Iterable

import hard_studies
import pytest
from findings import numbers
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text

from twostep.analysis.cost import step_costs
from twostep.analysis.fractions import compare_outcomes
from twostep.figures.all_figures import (
    draw_figures,
    errors_by_output,
    probability_figures,
)
from twostep.figures.cost import draw_cost
from twostep.figures.errors import draw_errors_by_input
from twostep.figures.fractions import draw_fractions
from twostep.figures.predicted import draw_predicted


def colliding_labels(axis: Axis) -> list[str]:
    """Return the labels of ticks that lie on the next one, in the figure as it was laid out."""
    low, high = sorted(axis.get_view_interval())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    labels = [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]
    # Lines of slanting text run beside each other although the boxes around them overlap.
    shown = [
        label
        for label in labels
        if label.get_visible() and label.get_text() and label.get_rotation() % 90 == 0
    ]
    side = "x" if axis.axis_name == "x" else "y"
    ends = [
        (getattr(box, f"{side}0"), getattr(box, f"{side}1"))
        for box in (label.get_window_extent() for label in shown)
    ]
    order = sorted(range(len(shown)), key=ends.__getitem__)
    return [
        shown[one].get_text()
        for one, other in itertools.pairwise(order)
        if ends[one][1] > ends[other][0]
    ]


def colliding_texts(figure: Figure) -> list[str]:
    """Return titles, labels of axes and texts within axes that lie on another one."""
    texts = [
        text
        for axes in figure.axes
        for text in (*axes.get_children(), axes.xaxis.label, axes.yaxis.label)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip()
    ]
    # Boxes have some room around the letters.
    boxes = [text.get_window_extent().padded(-2) for text in texts]
    return [
        texts[one].get_text()
        for one, other in itertools.combinations(range(len(texts)), 2)
        if boxes[one].overlaps(boxes[other])
    ]


def faults(figure: Figure) -> list[str]:
    """Return what is wrong with the axes of a figure."""
    figure.draw_without_rendering()
    found = [f"{text!r} lies on another text" for text in colliding_texts(figure)]
    for axes in figure.axes:
        if not axes.axison:
            continue
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        # Rows of a table of numbers count downwards.
        if left >= right or ("oss" in axes.get_ylabel() and bottom >= top):
            found.append(f"{axes.get_ylabel()} is turned over")
        for axis in (axes.xaxis, axes.yaxis):
            found += [f"{label} lies on the next label" for label in colliding_labels(axis)]
    return found


def check(figures: Iterable[tuple[str, Figure]]) -> dict[str, list[str]]:
    """Return {figure: what is wrong with it}; a warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = {name: faults(figure) for name, figure in figures}
    return {name: wrong for name, wrong in found.items() if wrong}


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    # They give the same kinds of numbers, and are sooner grown.
    monkeypatch.setattr("twostep.analysis.importance.N_TREES", 3)


def test_labels_on_each_other_are_found():
    figure = Figure(figsize=(3, 2))
    axes = figure.add_subplot()
    axes.set_xticks([0, 0.45, 0.55, 1], ["a", "long label", "another one", "b"])
    assert faults(figure) == ["long label lies on the next label"]


def test_an_axis_that_is_turned_over_is_found():
    figure = Figure()
    figure.add_subplot().set(ylabel="Loss", ylim=(2, 1))
    assert faults(figure) == ["Loss is turned over"]


@pytest.mark.parametrize("make", hard_studies.OF_FEATURES, ids=lambda make: make.__name__)
def test_figures_of_hard_features_are_readable(make):
    study, predictions = make()
    figures = {
        "predicted": draw_predicted(predictions, model="a model"),
        "errors_by_output": errors_by_output(study, "a model"),
        "errors_by_input": draw_errors_by_input(predictions, model="a model"),
    }
    assert check(figures.items()) == {}


@pytest.mark.parametrize("make", hard_studies.OF_CLASSES, ids=lambda make: make.__name__)
def test_figures_of_probabilities_are_readable(make):
    study, predictions = make()
    figures = dict(probability_figures(study, predictions, "a model"))
    assert set(figures) == {
        "reliability",
        "predicted" if make is hard_studies.events else "confusion",
    }
    figures["errors_by_output"] = errors_by_output(study, "a model")
    assert check(figures.items()) == {}


# All others have figures of the same kinds, many of them or slowly drawn.
SHORT = [
    make
    for make in hard_studies.OF_LOSSES
    if make not in (hard_studies.twenty_fractions, hard_studies.many_trials, hard_studies.huge)
]


@pytest.mark.parametrize("make", SHORT, ids=lambda make: make.__name__)
def test_figures_of_hard_losses_are_readable(make):
    # The figures of the predictions come last; they do not depend on the losses.
    figures = itertools.takewhile(lambda item: item[0] != "predicted", draw_figures(*make()))
    assert check(figures) == {}


def test_twenty_fractions_are_readable_and_what_is_not_shown_is_counted():
    study, _ = hard_studies.twenty_fractions()
    rankings = {search.fraction: search.trials for search in study.searches}
    costs = {search.fraction: step_costs(study, search) for search in study.searches}
    fractions = draw_fractions(rankings, compare_outcomes(study), top_k=4, loss_label="MSE")
    assert check({"fractions": fractions, "cost": draw_cost(costs)}.items()) == {}
    correlation, common, _, by_cost = fractions.axes[:4]
    assert not correlation.texts
    assert numbers(common.get_title("left")) == [5, 19]
    (n_hidden,) = numbers(by_cost.get_title("left"))
    assert n_hidden == 20 - len(by_cost.texts)
    boxes = [text.get_window_extent() for text in by_cost.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
