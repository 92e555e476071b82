"""Train one trial of the search once more and compare its record with that of the study."""

import json
import logging
import sys

from twostep.configurations import draw_configurations
from twostep.device import choose_device, use_threads
from twostep.files import write_json
from twostep.logs import reporting
from twostep.records import read_lines
from twostep.reproduce import describe_comparison, differing_fields
from twostep.training import Budget, warm_up
from twostep.training_data import load_dataset
from twostep.trials import Trainer, Trial

log = logging.getLogger(__name__)


def main(
    *,
    manifest: str,
    records: str,
    trial: int,
    space: dict,
    budget: dict,
    output_activation: str,
    seed: int,
    gpu: int,
    output: str,
    threads: int,
) -> None:
    """Write both records and the names of the fields that differ; say the outcome on stderr."""
    use_threads(threads)
    device = choose_device(gpu)
    warm_up(device)
    recorded = next(record for record in read_lines([records]) if record["trial"] == trial)
    configuration = draw_configurations(space, range(trial, trial + 1), seed=seed)[0]
    trainer = Trainer(load_dataset(manifest), Budget(**budget), output_activation, seed, device)
    reproduced = trainer.run(Trial(trial, configuration, step="search")).record
    differing = differing_fields(recorded, reproduced)
    write_json(output, {"differing": differing, "recorded": recorded, "reproduced": reproduced})
    sentence = describe_comparison(trial, differing)
    log.info("%s", sentence)
    print(sentence, file=sys.stderr)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            records=snakemake.input.records,
            trial=int(snakemake.wildcards.trial),
            space=json.loads(snakemake.params.space),
            budget=json.loads(snakemake.params.budget),
            output_activation=snakemake.params.output_activation,
            seed=snakemake.params.seed,
            gpu=snakemake.params.gpu,
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
