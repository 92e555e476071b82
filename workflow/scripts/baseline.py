"""Measure what the networks have to beat: a constant and a linear regression."""

import json

import pandas as pd

from twostep.model.baseline import baselines
from twostep.training.objective import Objective
from twostep.util.job import job
from twostep.util.tables import write_table


def main(*, manifests: dict[str, str], objective: dict, output: str) -> None:
    """Write the baselines' losses on the data of each folder, {name: path of its manifest}."""
    measured = Objective(**objective)
    rows = [
        row for name, manifest in manifests.items() for row in baselines(manifest, name, measured)
    ]
    write_table(output, pd.DataFrame(rows))


if __name__ == "__main__":
    with job(snakemake):
        subsets = zip(snakemake.params.fractions, snakemake.input.subsets, strict=True)
        main(
            manifests={**dict(subsets), "all": snakemake.input.manifest},
            objective=json.loads(snakemake.params.objective),
            output=snakemake.output[0],
        )
