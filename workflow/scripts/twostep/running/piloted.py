"""What the pilots of `snakemake advise` have measured."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from twostep.analysis.advice import Pilot, extrapolate_seconds
from twostep.running.resources import updates_and_epochs
from twostep.training.configuration import Configuration
from twostep.trials.records import read_lines


@dataclass(frozen=True)
class Piloted:
    """What was piloted: `settings` are fraction and budget of each of the `pilots`.

    `full_seconds` are what each of their trials would take on all data, (n_trials,). `n_failed`
    trials are not among them, as they failed in a pilot.
    """

    settings: Sequence[dict]
    samples: Sequence[int]
    pilots: Sequence[Pilot]
    full_seconds: np.ndarray
    n_failed: int


def read_pilots(records: list[str], timings: list[str]) -> list[pd.DataFrame]:
    """Return the trials of each pilot, one row per trial with its record and its timing.

    The folder of a pilot has the name of its number and its fraction.
    """
    return [
        pd.DataFrame(read_lines(of_pilot)).merge(pd.DataFrame(read_lines(timed)), on="trial")
        for of_pilot, timed in zip(_by_pilot(records), _by_pilot(timings), strict=True)
    ]


def _by_pilot(paths: list[str]) -> list[list[str]]:
    """Return the files of each pilot, in the order of their numbers."""
    found = defaultdict(list)
    for path in paths:
        found[int(Path(path).parent.name.partition("-")[0])].append(path)
    return [found[pilot] for pilot in sorted(found)]


def join_pilots(
    found: list[pd.DataFrame], settings: list[dict], budget: dict, splits: dict[str, int]
) -> Piloted:
    """Return the pilots of the trials that succeeded in all of them.

    Each table has one row per trial, with its record and its timing. `splits` are the sizes of the
    splits of all data.
    """
    # A loss of 0 has no logarithm.
    succeeded = [
        set(table.loc[(table["status"] == "ok") & (table["min_val_loss"] > 0), "trial"])
        for table in found
    ]
    trials = sorted(set.intersection(*succeeded))
    tables = [table.set_index("trial").loc[trials] for table in found]
    return Piloted(
        settings,
        [int(table["n_train"].iloc[0]) for table in found],
        [
            Pilot(table["min_val_loss"].to_numpy(float), table["cpu_seconds"].to_numpy(float))
            for table in tables
        ],
        _full_seconds(tables[-1], budget, splits),
        len(found[0]) - len(trials),
    )


def _full_seconds(table: pd.DataFrame, budget: dict, splits: dict[str, int]) -> np.ndarray:
    """Return what each trial would take on all data, by its updates and validations in a pilot."""
    planned = [
        updates_and_epochs(Configuration.from_dict(each), budget, splits["training"])
        for each in table["configuration"]
    ]
    updates, epochs = np.array(planned, float).reshape(-1, 2).T
    return extrapolate_seconds(
        table["train_cpu_seconds"].to_numpy(float),
        table["validation_cpu_seconds"].to_numpy(float),
        updates=updates / table["updates"].to_numpy(float),
        validations=epochs
        * splits["validation"]
        / (table["epochs"] * table["n_validation"]).to_numpy(float),
    )
