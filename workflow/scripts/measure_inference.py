"""Measure how long the retrained models take for a prediction."""

from twostep.model.inference import measure_inference
from twostep.util.job import job
from twostep.util.tables import write_table


def main(*, models: list[str], output: str) -> None:
    """Write the table of the times of `models`, one of each trial."""
    write_table(output, measure_inference(models))


if __name__ == "__main__":
    with job(snakemake):
        main(models=list(snakemake.input.models), output=snakemake.output[0])
