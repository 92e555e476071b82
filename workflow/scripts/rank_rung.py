"""Collect the trials of a rung and rank them by validation loss."""

import pandas as pd

from twostep.trials.ranking import rank_rung
from twostep.trials.records import read_lines
from twostep.util.files import read_json
from twostep.util.job import job
from twostep.util.tables import write_table


def main(
    *,
    manifest: str,
    cut: str,
    records: list[str],
    timings: list[str],
    max_failed: float,
    trials: str,
    times: str,
) -> None:
    """Write the ranked table `trials` and the table of timings `times`."""
    names = [output["name"] for output in read_json(manifest)["outputs"]]
    table = rank_rung(
        read_lines(records), read_json(cut), output_names=names, max_failed=max_failed
    )
    write_table(times, pd.DataFrame(read_lines(timings)))
    write_table(trials, table)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            cut=snakemake.input.cut,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            max_failed=snakemake.params.max_failed,
            trials=snakemake.output.trials,
            times=snakemake.output.timings,
        )
