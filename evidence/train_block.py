"""Train some trials of one column of a matrix."""

from dataclasses import replace

from matrix.columns import Column
from matrix.tables import read_column
from matrix.training import prepare, take_device, train_trials
from twostep.trials.configurations import read_networks
from twostep.trials.journal import Journal
from twostep.trials.records import write_lines
from twostep.trials.supervision import Watch, supervise
from twostep.util.logs import end_process, reporting


def main(
    *,
    manifest: str,
    configurations: str,
    reference: str | None,
    column: Column,
    setting: dict,
    trials: range,
    n_validation: int,
    n_evaluation: int,
    task: dict,
    gpu_percent: int,
    journal: str,
    output: str,
    watch: Watch,
) -> None:
    """Write one line per trial; `trials` are ids, or places in the order of the reference."""
    trainer, evaluation = prepare(
        manifest,
        column,
        n_validation=n_validation,
        n_evaluation=n_evaluation,
        device=take_device(gpu_percent),
        **task,
    )
    chosen = list(trials)
    if reference:
        losses = read_column(reference)["val_loss_all"].sort_values(kind="stable")
        chosen = losses.index[trials.start : trials.stop].tolist()
    known, sizes = zip(*read_networks(configurations, range(max(chosen) + 1)), strict=True)
    networks = [(trial, replace(known[trial], **setting)) for trial in chosen]
    entries = train_trials(
        trainer, evaluation, column, networks, Journal(journal, watch.job), watch, sizes
    )
    write_lines(output, ({"trial": entry["record"]["trial"], **entry} for entry in entries))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            configurations=snakemake.input.configurations,
            reference=snakemake.input.get("reference"),
            column=Column(**snakemake.params.column),
            setting=snakemake.params.setting,
            trials=range(*snakemake.params.trials),
            n_validation=snakemake.params.n_validation,
            n_evaluation=snakemake.params.n_evaluation,
            task=snakemake.params.task,
            gpu_percent=snakemake.resources.machine_gpu,
            journal=snakemake.params.journal,
            output=snakemake.output[0],
            watch=supervise(),
        )
    end_process()
