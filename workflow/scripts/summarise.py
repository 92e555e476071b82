"""Write the summary of a study."""

import json
from pathlib import Path

from twostep.files import read_json, write_text
from twostep.logs import reporting
from twostep.study import Search, Study
from twostep.summary import summarise
from twostep.tables import read_table


def main(
    *,
    trials: list[str],
    timings: list[str],
    subsets: list[str],
    retrained: str,
    retrain_timings: str,
    selection: str,
    baseline: str,
    manifest: str,
    config: str,
    output: str,
) -> None:
    """Write the summary; a table of trials lies in the folder named after its fraction."""
    searches = [
        Search(
            fraction=Path(table).parent.name,
            trials=read_table(table),
            timings=read_table(times),
            subset=read_json(subset),
        )
        for table, times, subset in zip(trials, timings, subsets, strict=True)
    ]
    study = Study(
        config=json.loads(config),
        manifest=read_json(manifest),
        searches=searches,
        retrained=read_table(retrained),
        retrain_timings=read_table(retrain_timings),
        selection=read_table(selection),
        baseline=read_table(baseline),
    )
    write_text(output, summarise(study))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            trials=snakemake.input.trials,
            timings=snakemake.input.timings,
            subsets=snakemake.input.subsets,
            retrained=snakemake.input.retrained,
            retrain_timings=snakemake.input.retrain_timings,
            selection=snakemake.input.selection,
            baseline=snakemake.input.baseline,
            manifest=snakemake.input.manifest,
            config=snakemake.params.config,
            output=snakemake.output[0],
        )
