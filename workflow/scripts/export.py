"""Write a retrained model for other programs, with a model card and reference values."""

import json
from collections.abc import Callable
from functools import partial

from twostep.export.export import FORMATS, export_model
from twostep.export.model_card import CardFacts, choice_text, model_card
from twostep.training.device import use_threads
from twostep.training.objective import Objective
from twostep.trials.rounds import count_finalists
from twostep.trials.selection import find_selected
from twostep.util.files import read_json
from twostep.util.job import job
from twostep.util.tables import read_table


def main(
    *,
    models: list[str],
    evaluations: list[str],
    selection: str | None,
    rounds: list[str],
    manifest: str,
    baseline: str,
    study: str,
    budget: dict,
    objective: dict,
    chosen: dict | None,
    files: dict[str, str],
    threads: int,
    say: Callable[[str], None],
) -> None:
    """Write `files`; say how far each format is from the trained network on test rows.

    Exported is the model that the table `selection` names, by the settings `chosen`; without one,
    by request, the only one of the models. `evaluations` are in the order of the models.
    """
    use_threads(threads)
    index = 0 if selection is None else find_selected(models, read_table(selection))
    if chosen is not None:
        chosen["top_k"] = count_finalists(map(read_json, rounds), chosen["top_k"])
    facts = CardFacts(
        study=study,
        manifest=read_json(manifest),
        evaluation=read_json(evaluations[index]),
        baseline=read_table(baseline),
        budget=budget,
        objective=Objective(**objective),
        chosen=choice_text(chosen),
    )
    card = partial(model_card, facts=facts)
    differences = export_model(models[index], manifest, study, files, card)
    for name, difference in differences.items():
        text = f"{FORMATS[name]}: {difference:.1e}"
        say(f"Largest difference from the trained network, {text}")


if __name__ == "__main__":
    with job(snakemake) as note:
        main(
            models=snakemake.input.models,
            evaluations=snakemake.input.evaluations,
            selection=snakemake.input.get("selection"),
            rounds=snakemake.input.get("rounds", []),
            manifest=snakemake.input.manifest,
            baseline=snakemake.input.baseline,
            study=snakemake.params.study,
            budget=json.loads(snakemake.params.budget),
            objective=json.loads(snakemake.params.objective),
            chosen=json.loads(snakemake.params.chosen),
            files=dict(snakemake.output.items()),
            threads=snakemake.threads,
            say=note.leave,
        )
