"""Recommend a plan of two steps, from a pilot on some small sizes of the data."""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from twostep.analysis.advice import Pilot, extrapolate_seconds
from twostep.running.advice_report import Piloted, Wanted, describe_advice
from twostep.running.resources import updates_and_epochs
from twostep.training.configuration import Configuration
from twostep.trials.records import read_lines
from twostep.util.files import read_json, write_text
from twostep.util.job import job


def main(
    *,
    manifest: str,
    records: list[str],
    timings: list[str],
    pilots: list[dict],
    budget: dict,
    wanted: dict,
    study: str,
    output: str,
) -> None:
    """Write the advice and say it; a pilot's folder has the name of its number and its fraction.

    `budget` is that of a training on all data.
    """
    found = [
        pd.DataFrame(read_lines(of_pilot)).merge(pd.DataFrame(read_lines(timed)), on="trial")
        for of_pilot, timed in zip(_by_pilot(records), _by_pilot(timings), strict=True)
    ]
    piloted = join_pilots(found, pilots, budget, read_json(manifest)["splits"])
    text = describe_advice(study, piloted, Wanted(**wanted))
    write_text(output, text)
    print(text, file=sys.stderr)


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


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            pilots=json.loads(snakemake.params.pilots),
            budget=json.loads(snakemake.params.budget),
            wanted=json.loads(snakemake.params.wanted),
            study=snakemake.params.study,
            output=snakemake.output[0],
        )
