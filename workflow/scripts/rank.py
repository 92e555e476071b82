"""Collect the trials of a search and rank them by validation loss."""

import pandas as pd

from twostep.trials.ranking import rank
from twostep.trials.records import read_lines
from twostep.util.files import read_json
from twostep.util.job import job
from twostep.util.tables import write_table


def main(
    *,
    manifest: str,
    records: list[str],
    timings: list[str],
    n_trials: int,
    max_failed: float,
    trials: str,
    times: str,
) -> None:
    """Write the ranked table `trials` and the table of timings `times`."""
    names = [output["name"] for output in read_json(manifest)["outputs"]]
    table = rank(
        read_lines(records), trials=range(n_trials), output_names=names, max_failed=max_failed
    )
    write_table(times, pd.DataFrame(read_lines(timings)))
    write_table(trials, table)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            n_trials=snakemake.params.n_trials,
            max_failed=snakemake.params.max_failed,
            trials=snakemake.output.trials,
            times=snakemake.output.timings,
        )
