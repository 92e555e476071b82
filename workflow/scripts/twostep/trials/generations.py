"""The configurations of one generation of an adaptive search."""

import itertools
import logging
from collections.abc import Callable, Sequence

from twostep.training.configuration import Configuration
from twostep.trials.space import Draws

log = logging.getLogger(__name__)

# Returns so many configurations that are proposed because of the records of earlier trials.
Propose = Callable[[Sequence[dict], int], list[Configuration]]


def draw_generation(
    draws: Draws, trials: range, records: Sequence[dict], propose: Propose
) -> list[Configuration]:
    """Return the configurations of the trials of a generation, fewer if the space is used up.

    Those of the first generation are those of a random search. Later ones are proposed because of
    the `records` of all earlier trials, in any order. In the place of a proposal that is a
    repetition, or larger than the constraints allow, a trial has a random configuration, which
    depends on its id.
    """
    if trials.start == 0:
        return list(itertools.islice(draws.configurations(), trials.stop))
    earlier = sorted(records, key=lambda record: record["trial"])
    seen = {Configuration.from_dict(record["configuration"]) for record in earlier}
    found: list[Configuration] = []
    n_replaced = 0
    for trial, proposed in zip(trials, propose(earlier, len(trials)), strict=True):
        chosen: Configuration | None = proposed
        if proposed in seen or not draws.allows(proposed):
            chosen = draws.draw(trial, seen)
            n_replaced += 1
        if chosen is None:
            break
        seen.add(chosen)
        found.append(chosen)
    log.info(
        "%d configurations, %d of them random: these proposals were repetitions or too large",
        len(found),
        n_replaced,
    )
    return found


def trials_of_generation(generation: int, size: int, n_distinct: float) -> range:
    """Return the trials of a whole generation, as many as the space has configurations for.

    It is whole whatever the study's number of trials, so that more trials change no earlier one.
    """
    first, stop = (int(min(n * size, n_distinct)) for n in (generation, generation + 1))
    return range(first, stop)
