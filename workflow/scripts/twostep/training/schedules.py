"""The learning rate's course: a pure function of the updates that are done and of their total.

A constant rate needs nothing of this, and its trials do not depend on this module: `trials.key`
knows that.
"""

import math
from collections.abc import Callable
from functools import partial

from twostep.training.configuration import Configuration
from twostep.training.updates import count_updates


def factor(schedule: str, done: int, total: int, *, warmup: float) -> float:
    """Return the share of the highest learning rate that the update after `done` others uses.

    Update n of N comes after n - 1 others. Its share is

    * linear: 1 - (n - 1) / N, from 1 at the first to 1 / N at the last update;
    * cosine: (1 + cos(pi (n - 1) / N)) / 2, from 1 to about (pi / 2N)²;
    * one_cycle: with W = `warmup` N, rounded down, n / (W + 1) in the first W updates, and then
      1 - (n - 1 - W) / (N - W), from 1 at update W + 1 to 1 / (N - W) at the last one.

    So the rate would be 0 before the first update of one_cycle, and after the last update of all,
    but no update is wasted with a rate of 0.
    """
    if schedule == "linear":
        return 1 - done / total
    if schedule == "cosine":
        # The same as the formula above, without the cancellation near the end.
        return math.cos(math.pi * done / (2 * total)) ** 2
    if schedule == "one_cycle":
        rising = int(warmup * total)
        if done < rising:
            return (done + 1) / (rising + 1)
        return 1 - (done - rising) / (total - rising)
    raise ValueError(f"{schedule!r} is not a schedule")


def scheduled_rate(
    configuration: Configuration,
    n_train: int,
    *,
    max_epochs: int | None,
    max_updates: int | None,
) -> Callable[[int], float]:
    """Return the learning rate of a training's next update as a function of the updates done.

    The limits are those of the budget, which is used up: a patience would end the training at a
    high rate.
    """
    total = count_updates(
        n_train, configuration.batch_size, max_epochs=max_epochs, max_updates=max_updates
    )
    return partial(_rate, configuration, total)


def _rate(configuration: Configuration, total: int, done: int) -> float:
    share = factor(configuration.learning_rate_schedule, done, total, warmup=configuration.warmup)
    return configuration.learning_rate * share
