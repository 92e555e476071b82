"""Train a share of the trials of a rung on its fraction of the training split."""

import json

from twostep.trials.configurations import read_networks
from twostep.trials.journal import Journal
from twostep.trials.records import write_lines
from twostep.trials.rungs import rung_name, share_of, survivors
from twostep.trials.search import search
from twostep.trials.supervision import Watch, supervise
from twostep.trials.trainer import make_trainer
from twostep.util.files import read_json
from twostep.util.job import job
from twostep.util.job_note import Tell, tell_nobody
from twostep.util.logs import end_process


def main(
    *,
    manifest: str,
    configurations: str,
    cut: str,
    rung: int,
    shard: int,
    n_shards: int,
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
    trials = share_of(survivors(read_json(cut)), shard, n_shards)
    networks = read_networks(configurations, trials)
    found, measured = search(
        trainer,
        trials,
        [drawn for drawn, _ in networks],
        Journal(journal, watch.job),
        watch,
        [size for _, size in networks],
        step=rung_name(rung),
        tell=tell,
    )
    write_lines(timings, measured)
    write_lines(records, found)


if __name__ == "__main__":
    with job(snakemake) as note:
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            cut=snakemake.input.cut,
            rung=int(snakemake.wildcards.rung),
            shard=int(snakemake.wildcards.shard),
            n_shards=snakemake.params.n_shards,
            budget=json.loads(snakemake.params.rung_budget),
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
