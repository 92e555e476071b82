"""Write the page to explore the trials of a study."""

from pathlib import Path

from twostep.report.explore import explore_page
from twostep.report.explore_data import STEP_2
from twostep.trials.records import read_lines
from twostep.trials.rungs import rung_name
from twostep.util.files import read_json, write_text
from twostep.util.job import job


def main(
    *,
    searches: list[str],
    rungs: list[str],
    retrained: list[str],
    study: str,
    loss: str,
    n_trials: int,
    output: str,
) -> None:
    """Write the page.

    `searches` and `rungs` are the paths of their records, in folders named after the fraction or
    the number of the rung; `retrained` are those of the records of step 2, one each.
    """
    records: dict[str, list[dict]] = {}
    for path in searches:
        records.setdefault(Path(path).parent.name, []).extend(read_lines([path]))
    for path in rungs:
        name = rung_name(int(Path(path).parent.name))
        records.setdefault(name, []).extend(read_lines([path]))
    records[STEP_2] = [read_json(path) for path in retrained]
    write_text(output, explore_page(records, study=study, loss=loss, n_trials=n_trials))


if __name__ == "__main__":
    with job(snakemake):
        main(
            searches=snakemake.input.searches,
            rungs=snakemake.input.rungs,
            retrained=snakemake.input.retrained,
            study=snakemake.params.study,
            loss=snakemake.params.loss,
            n_trials=snakemake.params.n_trials,
            output=snakemake.output[0],
        )
