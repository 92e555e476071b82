"""Measure one retrained model's errors on the test split."""

import json

from twostep.model.evaluate import evaluate
from twostep.training.device import use_threads
from twostep.training.objective import Objective
from twostep.util.files import read_json, write_json
from twostep.util.job import job
from twostep.util.logs import end_process


def main(
    *, manifest: str, model: str, record: str, objective: dict, output: str, threads: int
) -> None:
    """Write the model's errors as JSON."""
    use_threads(threads)
    errors = evaluate(model, read_json(record), manifest, Objective(**objective))
    write_json(output, errors)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            model=snakemake.input.model,
            record=snakemake.input.record,
            objective=json.loads(snakemake.params.objective),
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
    end_process()
