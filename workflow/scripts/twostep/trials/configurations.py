"""The configurations of a study's trials: drawn, and kept in a file that every job reads."""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from twostep.training.configuration import Configuration, NetworkSize
from twostep.trials.constraints import Constraints, why_impossible
from twostep.trials.networks import smallest_network
from twostep.trials.records import write_lines
from twostep.trials.space import MOST_ATTEMPTS, Draws, Points, draws_of_networks
from twostep.util.errors import UserError
from twostep.util.files import damaged


def draw_configurations(
    space: dict,
    trials: range,
    *,
    seed: int,
    constraints: Constraints | None = None,
    n_needed: int | None = None,
    enqueued: Sequence[Configuration] = (),
    points: Points | None = None,
) -> list[Configuration]:
    """Return the configurations of a range of trials, of which the first have those `enqueued`.

    All earlier ones are drawn, too, as no two trials are the same: some 20 us a draw, and more
    than one draw a trial where the space is so small that many are repetitions, or where
    constraints allow few networks. With `points`, the trials are quasi-random.

    Raises UserError if the constraints leave fewer than `n_needed` configurations, all by default.
    With more than that and fewer than all, the list is shorter.
    """
    draws = make_draws(space, seed=seed, constraints=constraints, enqueued=enqueued, points=points)
    found = list(itertools.islice(draws.configurations(), trials.stop))
    check_enough(len(found), trials.stop if n_needed is None else n_needed)
    return found[trials.start :]


def make_draws(
    space: dict,
    *,
    seed: int,
    constraints: Constraints | None,
    enqueued: Sequence[Configuration] = (),
    points: Points | None = None,
) -> Draws:
    """Return the draws of fully connected networks; UserError if the constraints allow none."""
    impossible = why_impossible(smallest_network(space), constraints) if constraints else None
    if impossible:
        raise UserError(impossible)
    draws = draws_of_networks(
        space, seed=seed, constraints=constraints, enqueued=enqueued, points=points
    )
    check_enqueued(draws)
    return draws


def check_enqueued(draws: Draws) -> None:
    """Raise UserError if the constraints do not allow one of the user's own configurations."""
    for i, configuration in enumerate(draws.enqueued):
        if not draws.allows(configuration):
            raise UserError(
                f"search.enqueue, entry {i + 1}: its network is larger than search.constraints "
                "allows: take the entry out, or allow larger networks"
            )


def check_enough(n_found: int, n_needed: int) -> None:
    """Raise UserError if the constraints leave fewer configurations than are needed."""
    if n_found < n_needed:
        raise UserError(
            f"search.constraints leaves too few configurations of search.space: {n_found:,} "
            f"were found, then none in {MOST_ATTEMPTS:,} attempts, and search.n_trials is "
            f"{n_needed}. Take fewer trials, allow larger networks or change the space"
        )


def write_configurations(
    path: str | Path,
    configurations: Iterable[Configuration],
    sizes: Sequence[NetworkSize] | None = None,
    *,
    first: int = 0,
) -> None:
    """Write the configurations of trials `first`, `first` + 1, ..., one per line.

    `sizes` are those of networks of the user's own, in the same order: nothing else tells them.
    """
    write_lines(
        path,
        (
            {
                "trial": first + i,
                "configuration": configuration.to_dict(),
                **(sizes[i]._asdict() if sizes else {}),
            }
            for i, configuration in enumerate(configurations)
        ),
    )


# The list that holds trials: one file, or several in the order of their trials.
Lists = str | Path | Sequence[str]


def read_configurations(lists: Lists, trials: Sequence[int]) -> list[Configuration]:
    """Read the configurations of trials, their ids in ascending order.

    Raises UserError if a file is damaged or too short. Other lines are not parsed, so that many
    jobs may share a long list.
    """
    return [configuration for configuration, _ in read_networks(lists, trials)]


def read_networks(
    lists: Lists, trials: Sequence[int]
) -> list[tuple[Configuration, NetworkSize | None]]:
    """Return the same with the size of each network of the user's own, None for others."""
    paths = [lists] if isinstance(lists, str | Path) else lists
    found: list[tuple[Configuration, NetworkSize | None]] = []
    for path in paths:
        found += _read_list(path, trials[len(found) :])
    if len(found) < len(trials):
        # As many as there were for fewer trials, or cut off.
        raise UserError(
            f"{paths[-1]} ends before trial {trials[len(found)]}: delete it and run the "
            "same command again"
        )
    return found


def _read_list(
    path: str | Path, trials: Sequence[int]
) -> list[tuple[Configuration, NetworkSize | None]]:
    """Return the first ones of some trials, as many as a file has."""
    try:
        with Path(path).open(encoding="utf-8") as lines:
            start = next(lines, None)
            if start is None:
                return []
            # The lists of later generations do not begin with trial 0.
            wanted = {trial - json.loads(start)["trial"] for trial in trials}
            needed = itertools.islice(itertools.chain([start], lines), max(wanted, default=-1) + 1)
            found = [json.loads(line) for i, line in enumerate(needed) if i in wanted]
        if [entry["trial"] for entry in found] != list(trials)[: len(found)]:
            raise damaged(path)
        return [(Configuration.from_dict(entry["configuration"]), _size(entry)) for entry in found]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path) from error


def _size(entry: dict) -> NetworkSize | None:
    if "hyperparameters" not in entry["configuration"]:
        return None
    return NetworkSize(entry["n_parameters"], entry["n_operations"])
