"""Write what the selected model predicts for the test split."""

from twostep.model.model import load_model
from twostep.model.predictions import predict, write_predictions
from twostep.training.device import use_threads
from twostep.trials.selection import find_choice, find_selected
from twostep.util.job import job
from twostep.util.tables import read_table


def main(*, models: list[str], manifest: str, selection: str, output: str, threads: int) -> None:
    """Write the predictions of the one of the models that the table `selection` names."""
    use_threads(threads)
    table = read_table(selection)
    selected = find_choice(table, "selected")
    names = {"trial": int(selected["trial"]), "seed": int(selected["seed"])}
    model = load_model(models[find_selected(models, table)], run_code=True)
    write_predictions(output, predict(model.predict_scaled, manifest), names)


if __name__ == "__main__":
    with job(snakemake):
        main(
            models=snakemake.input.models,
            manifest=snakemake.input.manifest,
            selection=snakemake.input.selection,
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
