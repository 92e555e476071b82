"""The search space: the number of its configurations, and the list of a study's random ones."""

import itertools
import math
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from twostep.training.configuration import DEFAULTS, OF_OTHERS, Configuration
from twostep.trials import networks
from twostep.trials.constraints import Constraints
from twostep.trials.hyperparameters import KEY, count_hyperparameters
from twostep.trials.networks import Networks
from twostep.trials.ranges import bounds, choose, count_values, integer, listed, number
from twostep.trials.settings import FURTHER, is_used
from twostep.util.seeds import derive_seed

# The dimensions of the training that are integers.
INTEGERS = ("batch_size",)
# Networks that are drawn for one trial before the space counts as used up, with constraints.
MOST_ATTEMPTS = 100_000


def count_configurations(space: dict) -> float:
    """Return how many distinct configurations a space holds; infinity if a range is continuous.

    Constraints may leave fewer of them.
    """
    counts = [
        count_values(values, is_integer=name in INTEGERS)
        for name, values in space.items()
        if name not in (*networks.DIMENSIONS, KEY, "optimizer", *FURTHER)
    ]
    counts.append(_count_optimizations(space))
    if math.inf in counts:
        return math.inf
    n_networks = (
        count_hyperparameters(space[KEY]) if KEY in space else networks.count_networks(space)
    )
    # An integer that may be too large for a float.
    return n_networks * math.prod(counts)


def _count_optimizations(space: dict) -> float:
    """Return how many combinations of an optimizer and the further settings a space holds.

    A setting multiplies only those that use it.
    """
    combinations = itertools.product(
        listed(space["optimizer"]), listed(space.get("learning_rate_schedule", "constant"))
    )
    return sum(
        math.prod(
            count_values(space.get(name), is_integer=False)
            for name in FURTHER[1:]
            if is_used(name, {"optimizer": optimizer, "learning_rate_schedule": schedule})
        )
        for optimizer, schedule in combinations
    )


def largest_batch(space: dict) -> int:
    """Return the largest batch that a configuration of a space may have."""
    return int(bounds(space["batch_size"])[1])


# Returns another number in [0, 1) each time.
Uniform = Callable[[], float]
# Draws the fields of a configuration that describe its network; None if the one that it has drawn
# is not allowed.
DrawNetwork = Callable[[Uniform], dict[str, Any] | None]
# Returns the numbers that a trial's network and its training are first drawn from.
Points = Callable[[int], tuple[Uniform, Uniform]]


def fully_connected(space: dict, constraints: Constraints | None) -> DrawNetwork:
    """Return what draws the fully connected networks of a space."""
    allowed = Networks(space, constraints)

    def draw_network(uniform: Uniform) -> dict[str, Any] | None:
        widths = allowed.draw(uniform)
        return {"hidden_widths": widths} if widths else None

    return draw_network


def random_configurations(
    space: dict, *, seed: int, constraints: Constraints | None = None
) -> Iterator[Configuration]:
    """Yield the random configurations of fully connected networks: see `Draws`."""
    return draws_of_networks(space, seed=seed, constraints=constraints).configurations()


def draws_of_networks(
    space: dict,
    *,
    seed: int,
    constraints: Constraints | None = None,
    enqueued: Sequence[Configuration] = (),
    points: Points | None = None,
) -> "Draws":
    """Return the draws of configurations with fully connected networks."""
    return Draws(
        space,
        fully_connected(space, constraints),
        seed,
        MOST_ATTEMPTS if constraints else None,
        lambda drawn: constraints is None or constraints.allow(drawn.hidden_widths),
        enqueued,
        points,
    )


@dataclass(frozen=True)
class Draws:
    """How the configurations of a study are drawn.

    `allows` tells whether the constraints allow the network of a configuration. `enqueued` are the
    user's own, which the first trials have. With `points`, each trial is first drawn from the
    numbers that these return, and at random only if that is not allowed or a repetition.
    With constraints, `most_attempts` networks are drawn in vain before a space counts as used up.
    Without any, that is None, and the caller must not ask for more than `count_configurations`.
    """

    space: dict
    draw_network: DrawNetwork
    seed: int
    most_attempts: int | None
    allows: Callable[[Configuration], bool]
    enqueued: Sequence[Configuration] = ()
    points: Points | None = None

    def configurations(self) -> Iterator[Configuration]:
        """Yield the configurations of trials 0, 1, 2, ... of a study.

        Trial `i` depends on the seed, the space, the constraints and `i` alone, and the list is
        prefix-stable: asking for more trials never changes an earlier one. A configuration that an
        earlier trial already has is drawn again, so that no two trials are the same (as in Keras
        Tuner's random search). The list ends where `draw` finds none.
        """
        seen: set[Configuration] = set()
        for trial in itertools.count():
            is_enqueued = trial < len(self.enqueued)
            found = self.enqueued[trial] if is_enqueued else self.draw(trial, seen)
            if found is None:
                return
            seen.add(found)
            yield found

    def draw(self, trial: int, seen: Collection[Configuration]) -> Configuration | None:
        """Return a configuration for a trial that is not among those `seen`; None if none is left.

        It depends on no other trial, but for repetitions.
        """
        most = self.most_attempts
        attempts = itertools.count() if most is None else iter(range(most))
        for repetition in itertools.count():
            uniform = random.Random(derive_seed(self.seed, "trial", trial, repetition)).random
            points = self.points(trial) if self.points and repetition == 0 else (uniform, uniform)
            found = draw(self.space, self.draw_network, uniform, attempts, points)
            if found not in seen:
                break
        return found


def draw(
    space: dict,
    draw_network: DrawNetwork,
    uniform: Uniform,
    attempts: Iterator[int],
    points: tuple[Uniform, Uniform],
) -> Configuration | None:
    """Draw one configuration: networks until one is allowed, then how it is trained.

    Each network takes one of `attempts`; None if they come to an end. The first network and the
    training are drawn from the `points`, further networks from `uniform`.
    Of a random trial, all three are `random.Random.random`, whose sequence Python guarantees for a
    seed, so that a study's list of configurations does not move with the version of a library. It
    is called once for each dimension, whether there is a choice or not.
    """
    numbers = itertools.chain(points[:1], itertools.repeat(uniform))
    drawn_networks = (draw_network(next(numbers)) for _ in attempts)
    network = next((found for found in drawn_networks if found is not None), None)
    if network is None:
        return None
    uniform = points[1]
    # A network of the user's own has other dimensions than these.
    drawn = {
        "learning_rate": number(space["learning_rate"], uniform()),
        "batch_size": integer(space["batch_size"], uniform()),
        "activation": choose(space.get("activation", ""), uniform()),
        "optimizer": choose(space["optimizer"], uniform()),
        "weight_decay": number(space["weight_decay"], uniform()),
        "dropout": number(space.get("dropout", 0.0), uniform()),
    }
    configuration = Configuration(**OF_OTHERS | drawn | network)
    return _with_further_settings(configuration, space, uniform)


def _with_further_settings(
    configuration: Configuration, space: dict, uniform: Uniform
) -> Configuration:
    """Draw the further settings that the configuration uses; others stay at their defaults.

    So no two configurations differ in a setting that changes nothing.
    """
    drawn: dict[str, Any] = {}
    for name in FURTHER:
        # Drawn in any case, so that the next one does not depend on it.
        u = uniform()
        values = space.get(name, DEFAULTS[name])
        if values != DEFAULTS[name] and is_used(name, vars(configuration) | drawn):
            drawn[name] = FURTHER_DRAWS[name](values, u)
    return replace(configuration, **drawn) if drawn else configuration


FURTHER_DRAWS: dict[str, Callable[[Any, float], Any]] = {
    "learning_rate_schedule": choose,
    "warmup": number,
    "momentum": number,
    "beta1": number,
    "beta2": number,
    "max_gradient_norm": number,
}
