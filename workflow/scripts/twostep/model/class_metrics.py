"""Error measures of predicted probabilities, of classes or of events."""

from collections.abc import Callable

import numpy as np

from twostep.data.arrays import chunks
from twostep.model.metrics import CHUNK, finite
from twostep.model.split_loss import Split, SplitLoss

# Names of table columns follow. The log loss is the cross-entropy, in nats.
CLASS_METRICS = ("accuracy", "log_loss", "brier")
# Of each class: of its samples, the share that is recognised; of those that are said to be of it,
# the share that is.
EACH_CLASS = ("recall", "precision")


def measure_class_errors(
    predict: Callable[[np.ndarray], np.ndarray], split: Split, loss: SplitLoss
) -> dict[str, float | None]:
    """Return the accuracy, the log loss and the Brier score of probabilities on a split.

    Of classes that exclude each other, the accuracy is the share of samples whose class has the
    highest probability, and the Brier score the sum of the squared errors over the classes (Brier
    1950, doi 10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2). Of events, each output by itself,
    it is the share of samples that are on the same side of one half as the probability, and the
    mean squared error; these, too, are means over the outputs. Samples count by their weights, and
    a target that is missing does not count.

    Parameters
    ----------
    predict : maps standardised inputs to probabilities
    split, loss : the samples, and the loss of the study, which is a cross-entropy
    """
    found = np.zeros((len(CLASS_METRICS), len(loss.shares)))
    weight = np.zeros(len(loss.shares))
    for rows in chunks(len(split), CHUNK):
        predicted, targets = predict(split.inputs[rows]), split.targets[rows]
        losses, weights = loss.weighed(predicted, split, rows)
        squares = (predicted - np.nan_to_num(targets)) ** 2
        if loss.by_output:
            is_right = (predicted >= 0.5) == (targets >= 0.5)
        else:
            is_right = (predicted.argmax(axis=1) == targets.argmax(axis=1))[:, None]
            squares = squares.sum(axis=1, keepdims=True)
        parts = (weights * is_right, losses, weights * squares)
        found += np.stack([part.sum(axis=0) for part in parts])
        weight += weights.sum(axis=0)
    means = (found / weight).mean(axis=1)
    return {name: finite(mean) for name, mean in zip(CLASS_METRICS, means, strict=True)}


def measure_each_class(
    predict: Callable[[np.ndarray], np.ndarray], split: Split, names: list[str]
) -> dict[str, dict[str, float | None]]:
    """Return the recall and the precision of each class that excludes the others.

    Samples count by their weights. A class that no sample is said to be of has no precision.

    Parameters
    ----------
    predict : maps standardised inputs to probabilities
    split : the samples
    names : those of the classes
    """
    n_classes = len(names)
    true, said, right = np.zeros((3, n_classes))
    for rows in chunks(len(split), CHUNK):
        weights = split.weigh(rows)[:, 0]
        is_true = split.targets[rows].argmax(axis=1)
        is_said = predict(split.inputs[rows]).argmax(axis=1)
        true += np.bincount(is_true, weights, n_classes)
        said += np.bincount(is_said, weights, n_classes)
        right += np.bincount(is_true, weights * (is_true == is_said), n_classes)
    with np.errstate(invalid="ignore"):
        shares = zip(names, right / true, right / said, strict=True)
    return {
        name: dict(zip(EACH_CLASS, (finite(recall), finite(precision)), strict=True))
        for name, recall, precision in shares
    }
