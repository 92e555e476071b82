"""The configurations of a study's trials: drawn, and kept in a file that every shard reads."""

import itertools
import json
from collections.abc import Iterable
from pathlib import Path

from twostep.training.configuration import Configuration
from twostep.trials.records import write_lines
from twostep.trials.space import random_configurations
from twostep.util.files import damaged


def draw_configurations(space: dict, trials: range, *, seed: int) -> list[Configuration]:
    """Return the configurations of a range of trials.

    All earlier ones are drawn, too, as no two trials are the same: some 15 us a draw, and more
    than one draw a trial where the space is so small that many are repetitions.
    """
    drawn = random_configurations(space, seed=seed)
    return list(itertools.islice(drawn, trials.start, trials.stop))


def write_configurations(path: str | Path, configurations: Iterable[Configuration]) -> None:
    """Write the configurations of trials 0, 1, 2, ..., one per line."""
    write_lines(
        path,
        (
            {"trial": trial, "configuration": configuration.to_dict()}
            for trial, configuration in enumerate(configurations)
        ),
    )


def read_configurations(path: str | Path, trials: range) -> list[Configuration]:
    """Read the configurations of a range of trials; UserError if the file is damaged.

    Other lines are not parsed, so that many shards may share a long list.
    """
    try:
        with Path(path).open(encoding="utf-8") as lines:
            found = [
                json.loads(line) for line in itertools.islice(lines, trials.start, trials.stop)
            ]
        if [entry["trial"] for entry in found] != list(trials):
            raise damaged(path)
        return [Configuration.from_dict(entry["configuration"]) for entry in found]
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path) from error
