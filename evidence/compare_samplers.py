"""Search at random and by earlier losses, and retrain the best of both."""

from collections.abc import Mapping

from matrix.columns import Column
from matrix.searches import RANDOM, TPE, Seconds, make_searches, retrain_best
from matrix.tables import read_column, samplers_table, write_compressed
from matrix.training import prepare, take_device, train_trials
from twostep.trials.journal import Journal
from twostep.trials.supervision import Watch, supervise
from twostep.util.files import read_json
from twostep.util.logs import end_process, reporting
from twostep.util.seeds import derive_seed


def main(
    *,
    manifest: str,
    networks: str,
    timings: str,
    study: dict,
    task: dict,
    setting: dict,
    varied: dict,
    columns: tuple[Column, Column],
    sizes: Mapping[str, int],
    n_validation: int,
    n_evaluation: int,
    gpu_percent: int,
    journal: str,
    output: str,
    watch: Watch,
) -> None:
    """Write one row per trial of either search; `columns` are the trainings of the two steps.

    `networks` and `timings` are tables of the same matrix, which tell what a training costs.
    """
    device = take_device(gpu_percent)

    def training_of(column: Column):
        """Return what trains trials as a column says."""
        trainer, evaluation = prepare(
            manifest,
            column,
            n_validation=n_validation,
            n_evaluation=n_evaluation,
            device=device,
            **task,
        )
        finished = Journal(f"{journal}/{column.name}", watch.job)
        return lambda trials: train_trials(trainer, evaluation, column, trials, finished, watch)

    train, retrain = map(training_of, columns)
    searches = make_searches(
        study,
        setting,
        varied,
        data=read_json(manifest),
        step_1=columns[0],
        sizes=sizes,
        train=train,
        by_update=Seconds.fit(read_column(networks), read_column(timings)),
    )
    by_losses = searches.by_losses()
    at_random = searches.at_random(sum(map(searches.seconds_of, by_losses)))
    found = {}
    for sampler, entries in ((RANDOM, at_random), (TPE, by_losses)):
        retrained = retrain_best(
            entries,
            retrain,
            # The random search is judged with as many trials, too.
            sizes=(sizes["n_trials"], len(entries)),
            n_best=sizes["n_retrained"],
            n_controls=sizes["n_controls"],
            seed=derive_seed(searches.seed, "controls", sampler),
        )
        found[sampler] = entries, *retrained
    write_compressed(output, samplers_table(found, searches.seconds_of))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            networks=snakemake.params.networks,
            timings=snakemake.params.timings,
            study=snakemake.params.study,
            task=snakemake.params.task,
            setting=snakemake.params.setting,
            varied=snakemake.params.varied,
            columns=(Column(**snakemake.params.step_1), Column(**snakemake.params.step_2)),
            sizes=snakemake.params.sizes,
            n_validation=snakemake.params.n_validation,
            n_evaluation=snakemake.params.n_evaluation,
            gpu_percent=snakemake.resources.machine_gpu,
            journal=snakemake.params.journal,
            output=snakemake.output[0],
            watch=supervise(),
        )
    end_process()
