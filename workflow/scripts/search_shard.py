"""Train the trials of one shard on a fraction of the training split."""

import json

from twostep.trials.configurations import read_networks
from twostep.trials.journal import Journal
from twostep.trials.records import write_lines
from twostep.trials.search import search
from twostep.trials.supervision import Watch, supervise
from twostep.trials.trainer import make_trainer
from twostep.util.job import job
from twostep.util.job_note import Tell, tell_nobody
from twostep.util.logs import end_process


def main(
    *,
    manifest: str,
    configurations: str,
    trials: range,
    budget: dict,
    output_activation: str,
    objective: dict,
    seed: int,
    gpu: int,
    gpu_percent: int,
    network: dict | None,
    precision: str,
    journal: str,
    records: str,
    timings: str,
    threads: int,
    watch: Watch,
    tell: Tell = tell_nobody,
) -> None:
    """Write one record and one timing per trial, in the order of their ids."""
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
    drawn, sizes = zip(*read_networks(configurations, trials), strict=True)
    found, measured = search(
        trainer, trials, drawn, Journal(journal, watch.job), watch, sizes, tell=tell
    )
    write_lines(timings, measured)
    write_lines(records, found)


if __name__ == "__main__":
    with job(snakemake) as note:
        # A pilot of `snakemake advise` has a budget of its own.
        own_budget = snakemake.params.get("pilot_budget")
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            trials=range(*snakemake.params.trials),
            budget=json.loads(own_budget or snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            objective=json.loads(snakemake.params.objective),
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            gpu_percent=snakemake.resources.get("machine_gpu", 100),
            network=json.loads(snakemake.params.network),
            precision=snakemake.params.precision,
            journal=snakemake.params.journal,
            records=snakemake.output.records,
            timings=snakemake.output.timings,
            threads=snakemake.threads,
            watch=supervise(),
            tell=note.tell,
        )
    end_process()
