"""The configurations of a study's trials: drawn, and kept in a file that every job reads."""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from twostep.training.configuration import Configuration, NetworkSize
from twostep.trials.constraints import Constraints, why_impossible
from twostep.trials.networks import smallest_network
from twostep.trials.records import write_lines
from twostep.trials.space import MOST_ATTEMPTS, random_configurations
from twostep.util.errors import UserError
from twostep.util.files import damaged


def draw_configurations(
    space: dict,
    trials: range,
    *,
    seed: int,
    constraints: Constraints | None = None,
    n_needed: int | None = None,
) -> list[Configuration]:
    """Return the configurations of a range of trials.

    All earlier ones are drawn, too, as no two trials are the same: some 20 us a draw, and more
    than one draw a trial where the space is so small that many are repetitions, or where
    constraints allow few networks.

    Raises UserError if the constraints leave fewer than `n_needed` configurations, all by default.
    With more than that and fewer than all, the list is shorter.
    """
    impossible = why_impossible(smallest_network(space), constraints) if constraints else None
    if impossible:
        raise UserError(impossible)
    drawn = random_configurations(space, seed=seed, constraints=constraints)
    found = list(itertools.islice(drawn, trials.stop))
    n_needed = trials.stop if n_needed is None else n_needed
    if len(found) < n_needed:
        raise UserError(
            f"search.constraints leaves too few configurations of search.space: {len(found):,} "
            f"were found, then none in {MOST_ATTEMPTS:,} attempts, and search.n_trials is "
            f"{n_needed}: take fewer trials, allow larger networks or change the space"
        )
    return found[trials.start :]


def write_configurations(
    path: str | Path,
    configurations: Iterable[Configuration],
    sizes: Sequence[NetworkSize] | None = None,
) -> None:
    """Write the configurations of trials 0, 1, 2, ..., one per line.

    `sizes` are those of networks of the user's own, in the same order: nothing else tells them.
    """
    write_lines(
        path,
        (
            {
                "trial": trial,
                "configuration": configuration.to_dict(),
                **(sizes[trial]._asdict() if sizes else {}),
            }
            for trial, configuration in enumerate(configurations)
        ),
    )


def read_configurations(path: str | Path, trials: Sequence[int]) -> list[Configuration]:
    """Read the configurations of trials, their ids in ascending order.

    Raises UserError if the file is damaged or too short. Other lines are not parsed, so that many
    jobs may share a long list.
    """
    return [configuration for configuration, _ in read_networks(path, trials)]


def read_networks(
    path: str | Path, trials: Sequence[int]
) -> list[tuple[Configuration, NetworkSize | None]]:
    """Return the same with the size of each network of the user's own, None for others."""
    wanted = set(trials)
    try:
        with Path(path).open(encoding="utf-8") as lines:
            needed = itertools.islice(lines, max(wanted, default=-1) + 1)
            found = [json.loads(line) for i, line in enumerate(needed) if i in wanted]
        if [entry["trial"] for entry in found] != list(trials)[: len(found)]:
            raise damaged(path)
        configurations = [
            (Configuration.from_dict(entry["configuration"]), _size(entry)) for entry in found
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path) from error
    if len(configurations) < len(trials):
        # As many as there were for fewer trials, or cut off.
        raise UserError(
            f"{path} ends before trial {trials[len(configurations)]}: delete it and run the "
            "same command again"
        )
    return configurations


def _size(entry: dict) -> NetworkSize | None:
    if "hyperparameters" not in entry["configuration"]:
        return None
    return NetworkSize(entry["n_parameters"], entry["n_operations"])
