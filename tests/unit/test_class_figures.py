"""The figures of classes and of probabilities, and what is measured of each class."""

import numpy as np
import pytest

from twostep.figures.confusion import confusion, draw_confusion
from twostep.figures.reliability import draw_reliability, mean_difference, reliability
from twostep.model.class_metrics import measure_each_class
from twostep.model.predictions import Predictions
from twostep.model.split_loss import Split


def predictions(true: np.ndarray, predicted: np.ndarray, names: list[str]) -> Predictions:
    outputs = [
        {"name": f"kind[{name}]", "units": "1", "long_name": name, "transform": "none"}
        for name in names
    ]
    return Predictions([], outputs, np.zeros((len(true), 1)), true, predicted, len(true))


def of_classes(true: list[int], said: list[int], n_classes: int) -> Predictions:
    """Return predictions that are certain of a class of each sample."""
    one_hot = np.eye(n_classes)
    names = [f"class {i}" for i in range(n_classes)]
    return predictions(one_hot[true], one_hot[said], names)


def texts(figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts}


def test_each_row_of_the_confusion_is_a_true_class():
    found = confusion(of_classes([0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 1, 0], 3))
    np.testing.assert_array_equal(found, [[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 0]])


def test_the_cells_of_few_classes_have_their_numbers_in_per_cent():
    figure = draw_confusion(of_classes([0] * 200 + [1] * 4, [0] * 199 + [1] * 5, 2), model="M")
    # Half a per cent is not nothing.
    assert texts(figure) == {"100", "< 1", "0"}
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels == ["class 0", "class 1"]


def test_many_classes_have_their_places_on_the_axes():
    figure = draw_confusion(of_classes(list(range(40)), list(range(40)), 40), model="M")
    assert not texts(figure)
    assert "in the order of the tables" in figure.axes[0].get_xlabel()


@pytest.mark.parametrize("draw", [draw_confusion, draw_reliability])
def test_without_a_finite_prediction_a_sentence_takes_the_place_of_a_figure(draw):
    figure = draw(predictions(np.eye(2), np.full((2, 2), np.nan), ["a", "b"]), model="M")
    assert "No prediction is finite" in figure.texts[0].get_text()


def test_probabilities_that_come_true_are_reliable():
    random = np.random.default_rng(0)
    probability = random.uniform(size=50_000)
    table = reliability(probability, (random.uniform(size=50_000) < probability).astype(float))
    assert len(table) == 10 and table["n"].sum() == 50_000
    # 90 % of the intervals hold the truth.
    assert ((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"])).sum() >= 7
    assert mean_difference(table) < 0.01


def test_the_reliability_of_a_few_samples():
    table = reliability(np.array([0.1, 0.15, 0.9, 1.0, 0.5]), np.array([0, 1, 1, 1, np.nan]))
    # A true value that is missing does not count.
    assert table["n"].tolist() == [2, 2]
    np.testing.assert_allclose(table["predicted"], [0.125, 0.95])
    np.testing.assert_allclose(table["observed"], [0.5, 1.0])
    assert mean_difference(table) == pytest.approx((0.375 + 0.05) / 2)
    # Two of two are no proof: by Wilson, 2 / (2 + z²).
    assert table["low"].iloc[1] == pytest.approx(2 / (2 + 1.6449**2), abs=1e-4)
    assert table["high"].iloc[1] == pytest.approx(1)


def test_of_many_outputs_the_least_reliable_are_drawn():
    random = np.random.default_rng(0)
    probability = random.uniform(size=(500, 12))
    true = (random.uniform(size=(500, 12)) < probability).astype(float)
    # The last is predicted the other way round.
    true[:, 11] = (random.uniform(size=500) > probability[:, 11]).astype(float)
    names = [str(i) for i in range(12)]
    figure = draw_reliability(predictions(true, probability, names), model="M")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert len(titles) == 8 and titles[0] == "kind[11]"
    assert "8 of 12 outputs" in figure.get_suptitle()


def test_recall_and_precision_of_each_class_follow_the_weights():
    true, said = [0, 0, 1, 1, 1], [0, 1, 1, 1, 0]
    weights = np.array([[3.0], [1.0], [1.0], [1.0], [2.0]])
    one_hot = np.eye(3)
    split = Split(np.arange(5.0)[:, None], one_hot[true], weights)
    each = measure_each_class(lambda inputs: one_hot[said], split, ["a", "b", "c"])
    assert each["a"] == {"recall": 3 / 4, "precision": 3 / 5}
    assert each["b"] == {"recall": 2 / 4, "precision": 2 / 3}
    # Nothing is of the third class, or is said to be.
    assert each["c"] == {"recall": None, "precision": None}
