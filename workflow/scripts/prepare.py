"""Turn the data set into clean, split, shuffled and standardised arrays with a manifest."""

import json
from pathlib import Path

from twostep.dataset import read_headers
from twostep.logs import reporting
from twostep.prepare import prepare
from twostep.sources import describe_sources, record_sources


def main(
    *,
    files: list[str],
    dataset: dict,
    split: dict,
    output_activation: str,
    seed: int,
    manifest: str,
    sources: str,
    version: str,
) -> None:
    """Prepare the variables of the files, write the folder of `manifest`, record the `sources`."""
    described = describe_sources(files)
    variables = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    data_set = read_headers(files, variables, dataset["sample_dimension"], split["variable"])
    prepare(
        data_set,
        dataset,
        split,
        output_activation=output_activation,
        seed=seed,
        folder=Path(manifest).parent,
    )
    record_sources(sources, version, described)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            files=snakemake.input.data,
            dataset=json.loads(snakemake.params.dataset),
            split=json.loads(snakemake.params.split),
            output_activation=snakemake.params.output_activation,
            seed=snakemake.params.seed,
            manifest=snakemake.output.manifest,
            sources=snakemake.params.sources,
            version=snakemake.params.version,
        )
