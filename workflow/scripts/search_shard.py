"""Train the trials of one shard on a fraction of the training split."""

import json

from twostep.configurations import read_configurations
from twostep.device import choose_device, use_threads
from twostep.journal import Journal
from twostep.logs import end_process, reporting
from twostep.records import write_lines
from twostep.search import search
from twostep.supervision import Watch, supervise
from twostep.training import Budget, warm_up
from twostep.training_data import load_dataset
from twostep.trials import Trainer


def main(
    *,
    manifest: str,
    configurations: str,
    trials: range,
    budget: dict,
    output_activation: str,
    seed: int,
    gpu: int,
    journal: str,
    records: str,
    timings: str,
    threads: int,
    watch: Watch,
) -> None:
    """Write one record and one timing per trial, in the order of their ids."""
    use_threads(threads)
    device = choose_device(gpu)
    warm_up(device)
    trainer = Trainer(load_dataset(manifest), Budget(**budget), output_activation, seed, device)
    drawn = read_configurations(configurations, trials)
    found, measured = search(trainer, trials, drawn, Journal(journal, watch.job), watch)
    write_lines(timings, measured)
    write_lines(records, found)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            trials=range(*snakemake.params.trials),
            budget=json.loads(snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            journal=snakemake.params.journal,
            records=snakemake.output.records,
            timings=snakemake.output.timings,
            threads=snakemake.threads,
            watch=supervise(),
        )
    end_process()
