"""Train one trial of the search or of a rung once more and compare its record with the study's."""

import json
import logging
from collections.abc import Callable, Sequence

from twostep.trials.configurations import read_networks
from twostep.trials.records import read_lines
from twostep.trials.reproduce import describe_comparison, differing_fields, find_record
from twostep.trials.rungs import rung_name
from twostep.trials.trainer import make_trainer
from twostep.trials.trial import Trial
from twostep.util.files import write_json
from twostep.util.job import job

log = logging.getLogger(__name__)


def main(
    *,
    manifest: str,
    configurations: str,
    records: Sequence[str],
    trial: int,
    step: str,
    budget: dict,
    output_activation: str,
    objective: dict,
    seed: int,
    gpu: int,
    gpu_percent: int,
    network: dict | None,
    precision: str,
    output: str,
    threads: int,
    say: Callable[[str], None],
) -> None:
    """Write both records and the names of the fields that differ; say the outcome."""
    recorded = find_record(read_lines(records), trial, step)
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
        precision=precision,
    )
    [(configuration, size)] = read_networks(configurations, range(trial, trial + 1))
    reproduced = trainer.run(Trial(trial, configuration, step=step, size=size)).record
    differing = differing_fields(recorded, reproduced)
    write_json(output, {"differing": differing, "recorded": recorded, "reproduced": reproduced})
    sentence = describe_comparison(trial, differing)
    log.info("%s", sentence)
    say(sentence)


if __name__ == "__main__":
    with job(snakemake) as note:
        rung = snakemake.wildcards.get("rung")
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            records=snakemake.input.records,
            trial=int(snakemake.wildcards.trial),
            step=rung_name(int(rung)) if rung else "search",
            budget=json.loads(snakemake.params.rung_budget if rung else snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            objective=json.loads(snakemake.params.objective),
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            gpu_percent=snakemake.resources.get("machine_gpu", 100),
            network=json.loads(snakemake.params.network),
            precision=snakemake.params.precision,
            output=snakemake.output[0],
            threads=snakemake.threads,
            say=note.leave,
        )
