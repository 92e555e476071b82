"""Train one trial of the search once more and compare its record with that of the study."""

import json
import logging
import sys

from twostep.trials.configurations import read_networks
from twostep.trials.records import read_lines
from twostep.trials.reproduce import describe_comparison, differing_fields
from twostep.trials.trainer import make_trainer
from twostep.trials.trial import Trial
from twostep.util.files import write_json
from twostep.util.job import job

log = logging.getLogger(__name__)


def main(
    *,
    manifest: str,
    configurations: str,
    records: str,
    trial: int,
    budget: dict,
    output_activation: str,
    objective: dict,
    seed: int,
    gpu: int,
    gpu_percent: int,
    network: dict | None,
    output: str,
    threads: int,
) -> None:
    """Write both records and the names of the fields that differ; say the outcome on stderr."""
    trainer = make_trainer(
        manifest,
        budget=budget,
        output_activation=output_activation,
        objective=objective,
        study_seed=seed,
        n_gpus=gpu,
        gpu_percent=gpu_percent,
        threads=threads,
        network=network,
    )
    recorded = next(record for record in read_lines([records]) if record["trial"] == trial)
    [(configuration, size)] = read_networks(configurations, range(trial, trial + 1))
    reproduced = trainer.run(Trial(trial, configuration, step="search", size=size)).record
    differing = differing_fields(recorded, reproduced)
    write_json(output, {"differing": differing, "recorded": recorded, "reproduced": reproduced})
    sentence = describe_comparison(trial, differing)
    log.info("%s", sentence)
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            records=snakemake.input.records,
            trial=int(snakemake.wildcards.trial),
            budget=json.loads(snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            objective=json.loads(snakemake.params.objective),
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            gpu_percent=snakemake.resources.get("machine_gpu", 100),
            network=json.loads(snakemake.params.network),
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
