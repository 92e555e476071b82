"""Measure what the networks have to beat: a constant and a linear regression."""

import pandas as pd

from twostep.model.baseline import baselines
from twostep.util.job import job
from twostep.util.tables import write_table


def main(*, manifests: dict[str, str], output: str) -> None:
    """Write the baselines' losses on the data of each folder, {name: path of its manifest}."""
    rows = [row for name, manifest in manifests.items() for row in baselines(manifest, name)]
    write_table(output, pd.DataFrame(rows))


if __name__ == "__main__":
    with job(snakemake):
        subsets = zip(snakemake.params.fractions, snakemake.input.subsets, strict=True)
        main(
            manifests={**dict(subsets), "all": snakemake.input.manifest},
            output=snakemake.output[0],
        )
