"""Collect the retrained models and select the cheapest one that is good enough."""

import pandas as pd

from twostep.trials.failures import check_failures
from twostep.trials.rounds import count_finalists
from twostep.trials.rungs import rung_name
from twostep.trials.selection import retrained_table, select
from twostep.util.files import read_json
from twostep.util.job import job
from twostep.util.tables import read_table, write_table


def main(
    *,
    rankings: dict[str, str],
    rungs: list[str],
    models: list[str],
    records: list[str],
    timings: list[str],
    evaluations: list[str],
    rounds: list[str],
    top_k: int,
    tolerance: float,
    cost: str,
    max_failed: float,
    retrained: str,
    times: str,
    selection: str,
) -> None:
    """Write the tables, `times` those of the retraining; `rankings` is {fraction: trials.csv}.

    `rungs` are those of the rungs, in their order.
    """
    outcomes = [read_json(path) for path in records]
    check_failures(outcomes, max_failed, key="retrain.max_failed")
    table = retrained_table(
        outcomes,
        [read_json(path) for path in evaluations],
        {fraction: read_table(path) for fraction, path in rankings.items()},
        count_finalists(map(read_json, rounds), top_k),
        rungs={rung_name(i): read_table(path) for i, path in enumerate(rungs, start=1)},
    )
    paths = {
        (outcome["trial"], outcome["seed"]): path
        for outcome, path in zip(outcomes, models, strict=True)
    }
    chosen = select(table, paths, tolerance=tolerance, cost=cost)
    measured = pd.DataFrame([read_json(path) for path in timings])
    write_table(times, measured)
    write_table(retrained, table)
    write_table(selection, chosen)


if __name__ == "__main__":
    with job(snakemake):
        main(
            rankings=dict(zip(snakemake.params.fractions, snakemake.input.trials, strict=True)),
            rungs=snakemake.input.rungs,
            models=snakemake.input.models,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            evaluations=snakemake.input.evaluations,
            rounds=snakemake.input.rounds,
            top_k=snakemake.params.top_k,
            tolerance=snakemake.params.tolerance,
            cost=snakemake.params.cost,
            max_failed=snakemake.params.max_failed,
            retrained=snakemake.output.retrained,
            times=snakemake.output.timings,
            selection=snakemake.output.selection,
        )
