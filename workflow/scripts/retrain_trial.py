"""Train one of the best trials on the full training split."""

import json
import shutil

from twostep.device import choose_device, use_threads
from twostep.files import atomic_path, read_json, write_json
from twostep.logs import end_process, reporting
from twostep.model import load_content
from twostep.retrain import retrain
from twostep.space import Configuration
from twostep.supervision import Watch, supervise
from twostep.training import Budget, warm_up
from twostep.training_data import load_dataset
from twostep.trials import Trainer, Trial


def main(
    *,
    manifest: str,
    trial: int,
    repetition: int,
    configuration: dict,
    budget: dict,
    output_activation: str,
    seed: int,
    gpu: int,
    journal: str,
    model: str,
    record: str,
    timing: str,
    threads: int,
    watch: Watch,
) -> None:
    """Write the trained model, its record and its timing."""
    use_threads(threads)
    device = choose_device(gpu)
    warm_up(device)
    trainer = Trainer(load_dataset(manifest), Budget(**budget), output_activation, seed, device)
    point = Trial(trial, Configuration.from_dict(configuration), "retrain", repetition)
    saved = retrain(trainer, point, read_json(manifest), journal, watch)
    content = load_content(saved)
    write_json(timing, content["timing"])
    write_json(record, content["record"])
    with atomic_path(model) as temporary:
        shutil.copyfile(saved, temporary)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            trial=int(snakemake.wildcards.trial),
            repetition=int(snakemake.wildcards.seed),
            configuration=json.loads(snakemake.params.configuration),
            budget=json.loads(snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            journal=snakemake.params.journal,
            model=snakemake.output.model,
            record=snakemake.output.record,
            timing=snakemake.output.timing,
            threads=snakemake.threads,
            watch=supervise(),
        )
    end_process()
