"""Train one of the best trials on the full training split, and measure its errors."""

import json
import shutil

from twostep.model.evaluate import evaluate
from twostep.model.model import read_model_file
from twostep.training.objective import Objective
from twostep.trials.configurations import read_networks
from twostep.trials.retrain import retrain
from twostep.trials.supervision import Watch, supervise
from twostep.trials.trainer import make_trainer
from twostep.trials.trial import Trial
from twostep.util.files import atomic_path, read_json, write_json
from twostep.util.job import job
from twostep.util.job_note import Tell, tell_nobody
from twostep.util.logs import end_process


def main(
    *,
    manifest: str,
    configurations: str,
    trial: int,
    repetition: int,
    budget: dict,
    output_activation: str,
    objective: dict,
    seed: int,
    gpu: int,
    gpu_percent: int,
    network: dict | None,
    journal: str,
    model: str,
    record: str,
    timing: str,
    evaluation: str,
    threads: int,
    watch: Watch,
    tell: Tell = tell_nobody,
) -> None:
    """Write the trained model, its record, its timing and its errors on the test split."""
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
    [(configuration, size)] = read_networks(configurations, range(trial, trial + 1))
    finalist = Trial(trial, configuration, "retrain", repetition, size)
    saved = retrain(trainer, finalist, read_json(manifest), journal, watch, tell)
    content = read_model_file(saved)
    errors = evaluate(saved, content["record"], manifest, Objective(**objective))
    write_json(evaluation, errors)
    write_json(timing, content["timing"])
    write_json(record, content["record"])
    with atomic_path(model) as temporary:
        shutil.copyfile(saved, temporary)


if __name__ == "__main__":
    with job(snakemake) as note:
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            trial=int(snakemake.wildcards.trial),
            repetition=int(snakemake.wildcards.repetition),
            budget=json.loads(snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            objective=json.loads(snakemake.params.objective),
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            gpu_percent=snakemake.resources.get("machine_gpu", 100),
            network=json.loads(snakemake.params.network),
            journal=snakemake.params.journal,
            model=snakemake.output.model,
            record=snakemake.output.record,
            timing=snakemake.output.timing,
            evaluation=snakemake.output.evaluation,
            threads=snakemake.threads,
            watch=supervise(),
            tell=note.tell,
        )
    end_process()
