"""Judge whether the finalists of a round of retraining are enough."""

from twostep.analysis.rounds import judge_round
from twostep.util.files import read_json, write_json
from twostep.util.job import job
from twostep.util.tables import read_table


def main(
    *,
    rankings: dict[str, str],
    records: list[str],
    finalists: int,
    tolerance: float,
    probability: float,
    output: str,
) -> None:
    """Write the verdict; `rankings` is {fraction: trials.csv}."""
    verdict = judge_round(
        [read_json(path) for path in records],
        {fraction: read_table(path) for fraction, path in rankings.items()},
        finalists=finalists,
        tolerance=tolerance,
        probability=probability,
    )
    write_json(output, verdict)


if __name__ == "__main__":
    with job(snakemake):
        main(
            rankings=dict(zip(snakemake.params.fractions, snakemake.input.trials, strict=True)),
            records=snakemake.input.records,
            finalists=int(snakemake.wildcards.finalists),
            tolerance=snakemake.params.tolerance,
            probability=snakemake.params.probability,
            output=snakemake.output[0],
        )
