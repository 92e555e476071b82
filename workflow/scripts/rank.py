"""Collect the trials of a search and rank them by validation loss."""

import pandas as pd

from twostep.trials.ranking import rank
from twostep.trials.records import read_lines
from twostep.util.files import atomic_path, read_json
from twostep.util.logs import reporting


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
    table = rank(read_lines(records), n_trials=n_trials, output_names=names, max_failed=max_failed)
    for path, content in ((times, pd.DataFrame(read_lines(timings))), (trials, table)):
        with atomic_path(path) as temporary:
            content.to_csv(temporary, index=False)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            n_trials=snakemake.params.n_trials,
            max_failed=snakemake.params.max_failed,
            trials=snakemake.output.trials,
            times=snakemake.output.timings,
        )
