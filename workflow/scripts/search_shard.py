"""Train the trials of one shard on a fraction of the training split."""

import json

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
    trials: range,
    space: dict,
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
    found, measured = search(trainer, trials, space, Journal(journal, watch.job), watch)
    write_lines(timings, measured)
    write_lines(records, found)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            trials=range(*snakemake.params.trials),
            space=json.loads(snakemake.params.space),
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
