"""Write what the selected model predicts for the test split."""

from twostep.device import use_threads
from twostep.logs import reporting
from twostep.model import load_model
from twostep.predictions import predict, write_predictions
from twostep.tables import read_table


def main(*, manifest: str, selection: str, output: str, threads: int) -> None:
    """Write the predictions of the model that the table `selection` names."""
    use_threads(threads)
    selected = read_table(selection).set_index("choice").loc["selected"]
    model = {"trial": int(selected["trial"]), "seed": int(selected["seed"])}
    predict_scaled = load_model(selected["model"]).predict_scaled
    write_predictions(output, predict(predict_scaled, manifest), model)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            manifest=snakemake.input.manifest,
            selection=snakemake.input.selection,
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
