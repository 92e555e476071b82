"""Turn the data set into clean, split, shuffled and standardised arrays with a manifest."""

import json
from pathlib import Path

from twostep.arrays import write_folder
from twostep.dataset import check_headers, read_columns
from twostep.logs import reporting
from twostep.prepare import prepare


def main(
    *,
    files: list[str],
    dataset: dict,
    split: dict,
    output_activation: str,
    seed: int,
    manifest: str,
) -> None:
    """Read the files' variables, prepare them and write the folder of `manifest`."""
    inputs = {entry["name"]: entry["transform"] for entry in dataset["inputs"]}
    outputs = {entry["name"]: "none" for entry in dataset["outputs"]}
    dimension = dataset["sample_dimension"]
    check_headers(files, [*inputs, *outputs], dimension)
    input_features, input_columns = read_columns(files, list(inputs), dimension)
    output_features, output_columns = read_columns(files, list(outputs), dimension)
    splits, description = prepare(
        input_columns,
        input_features,
        output_columns,
        output_features,
        transforms={**inputs, **outputs},
        output_activation=output_activation,
        validation=split["validation"],
        test=split["test"],
        seed=seed,
    )
    write_folder(Path(manifest).parent, splits, description)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            files=snakemake.input.data,
            dataset=json.loads(snakemake.params.dataset),
            split=json.loads(snakemake.params.split),
            output_activation=snakemake.params.output_activation,
            seed=snakemake.params.seed,
            manifest=snakemake.output.manifest,
        )
