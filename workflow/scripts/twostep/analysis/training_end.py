"""Whether trainings were still getting better when their budget ended them.

Which epoch was the best says little, as losses scatter from epoch to epoch. The slope of their
course does: near its end the logarithm of a loss falls about linearly with that of the epochs.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

# The part of a training whose slope counts, its end, and the fewest epochs in it.
LAST_PART, FEWEST_EPOCHS = 1 / 3, 4
FEWEST_MODELS = 3
LIMITS = ("max_epochs", "max_updates")
# One-sided, for the statement that losses were still falling.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class TrainingEnd:
    """How the losses of some models were falling when their budget ended the trainings.

    `exponent` is the mean over `n_models` of d ln(loss) / d ln(epochs), negative while they fall,
    and `highest` the upper end of its one-sided 95 % interval.
    """

    n_models: int
    exponent: float
    highest: float

    def gain(self, factor: float) -> float:
        """Return by which share the loss would fall if the trainings took so many times as long."""
        return 1 - factor**self.exponent

    @property
    def is_falling(self) -> bool:
        """Whether the losses were falling, by more than chance makes of it."""
        return self.highest < 0


def training_end(records: list[dict]) -> TrainingEnd | None:
    """Return how losses were falling at the end, from the records of retrained models.

    Only models count that their budget has ended, and whose learning rate was constant: one that
    falls to 0 ends all progress. None if they are too few, or had too few epochs.
    The interval is that of a mean of independent models (Student's t).
    """
    slopes = [
        slope
        for record in records
        if record["status"] == "ok" and record["stop_reason"] in LIMITS and not is_scheduled(record)
        if (slope := _slope(record["val_loss"])) is not None
    ]
    if len(slopes) < FEWEST_MODELS:
        return None
    error = float(np.std(slopes, ddof=1)) / math.sqrt(len(slopes))
    mean = float(np.mean(slopes))
    return TrainingEnd(len(slopes), mean, mean + error * float(t.ppf(CONFIDENCE, len(slopes) - 1)))


def is_scheduled(record: dict) -> bool:
    """Tell whether the learning rate of a training followed a schedule, and was not constant."""
    return "learning_rate_schedule" in record["configuration"]


def _slope(losses: list[float]) -> float | None:
    """Return the slope of the last part of a course of validation losses, one an epoch."""
    first = math.floor(len(losses) * (1 - LAST_PART))
    last = np.array(losses[first:])
    if len(last) < FEWEST_EPOCHS or (last <= 0).any():
        return None
    epochs = np.log(np.arange(first + 1, len(losses) + 1))
    centred = epochs - epochs.mean()
    return float(centred @ np.log(last) / (centred @ centred))
