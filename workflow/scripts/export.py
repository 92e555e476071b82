"""Write a retrained model for other programs, with a model card and reference values."""

import json
import sys
from functools import partial

import torch

from twostep.export import FORMATS, export_model
from twostep.files import read_json
from twostep.logs import reporting
from twostep.model_card import Background, choice_text, model_card
from twostep.tables import read_table


def main(
    *,
    model: str,
    manifest: str,
    evaluation: str,
    baseline: str,
    study: str,
    budget: dict,
    chosen: dict | None,
    files: dict[str, str],
    threads: int,
) -> None:
    """Write `files`; print how far each format is from the trained network on test rows.

    `chosen` are the settings that led to the selected model, None for one by request.
    """
    torch.set_num_threads(threads)
    background = Background(
        study=study,
        manifest=read_json(manifest),
        evaluation=read_json(evaluation),
        baseline=read_table(baseline),
        budget=budget,
        chosen=choice_text(chosen),
    )
    card = partial(model_card, background=background)
    for name, difference in export_model(model, manifest, study, files, card).items():
        text = f"{FORMATS[name]}: {difference:.1e}"
        print(f"Largest difference from the trained network, {text}", file=sys.stderr)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            model=snakemake.input.model,
            manifest=snakemake.input.manifest,
            evaluation=snakemake.input.evaluation,
            baseline=snakemake.input.baseline,
            study=snakemake.params.study,
            budget=json.loads(snakemake.params.budget),
            chosen=json.loads(snakemake.params.chosen),
            files=dict(snakemake.output.items()),
            threads=snakemake.threads,
        )
