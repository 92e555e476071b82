"""Turn the data set into clean, split, shuffled and standardised arrays with a manifest."""

import json
from pathlib import Path

from twostep.data.file_versions import describe_files, record_files
from twostep.data.prepare import prepare
from twostep.data.source import read_headers, units_of
from twostep.util.job import job


def main(
    *,
    files: list[str],
    dataset: dict,
    split: dict,
    output_activation: str,
    seed: int,
    manifest: str,
    data_record: str,
    version: str,
) -> None:
    """Prepare the variables of the files into the folder of `manifest`.

    `data_record` notes which files these were, and the `version` that they went by.
    """
    described = describe_files(files)
    variables = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    source = read_headers(
        files,
        variables,
        dataset["sample_dimension"],
        split["variable"],
        dataset["group"],
        dataset["sample_weight"],
        units_of(dataset),
        dataset["outputs"][0]["name"] if output_activation == "softmax" else None,
    )
    prepare(
        source,
        dataset,
        split,
        output_activation=output_activation,
        seed=seed,
        folder=Path(manifest).parent,
    )
    record_files(data_record, version, described)


if __name__ == "__main__":
    with job(snakemake):
        main(
            files=snakemake.input.data,
            dataset=json.loads(snakemake.params.dataset),
            split=json.loads(snakemake.params.split),
            output_activation=snakemake.params.output_activation,
            seed=snakemake.params.seed,
            manifest=snakemake.output.manifest,
            data_record=snakemake.params.data_record,
            version=snakemake.params.version,
        )
