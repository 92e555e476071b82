"""Collect the retrained models and select the cheapest one that is good enough."""

from twostep.files import atomic_path, read_json
from twostep.logs import reporting
from twostep.selection import retrained_table, select
from twostep.tables import read_table


def main(
    *,
    rankings: dict[str, str],
    models: list[str],
    records: list[str],
    timings: list[str],
    evaluations: list[str],
    tolerance: float,
    cost: str,
    retrained: str,
    selection: str,
) -> None:
    """Write the tables `retrained` and `selection`; `rankings` is {fraction: trials.csv}."""
    outcomes = [read_json(path) for path in records]
    table = retrained_table(
        outcomes,
        [read_json(path) for path in timings],
        [read_json(path) for path in evaluations],
        {fraction: read_table(path) for fraction, path in rankings.items()},
    )
    with atomic_path(retrained) as temporary:
        table.to_csv(temporary, index=False)
    paths = {
        (outcome["trial"], outcome["seed"]): path
        for outcome, path in zip(outcomes, models, strict=True)
    }
    chosen = select(table, paths, tolerance=tolerance, cost=cost)
    with atomic_path(selection) as temporary:
        chosen.to_csv(temporary, index=False)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            rankings=dict(zip(snakemake.params.fractions, snakemake.input.trials, strict=True)),
            models=snakemake.input.models,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            evaluations=snakemake.input.evaluations,
            tolerance=snakemake.params.tolerance,
            cost=snakemake.params.cost,
            retrained=snakemake.output.retrained,
            selection=snakemake.output.selection,
        )
