"""Measure how long the retrained models take for a prediction."""

from twostep.model.inference import measure_inference
from twostep.util.files import atomic_path
from twostep.util.logs import reporting


def main(*, models: list[str], output: str) -> None:
    """Write the table of the times of `models`, one of each trial."""
    table = measure_inference(models)
    with atomic_path(output) as temporary:
        table.to_csv(temporary, index=False)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(models=list(snakemake.input.models), output=snakemake.output[0])
