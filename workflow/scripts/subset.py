"""Extract a fraction of the training split, and the search's validation sample."""

from pathlib import Path

from twostep.data.arrays import write_folder
from twostep.data.subset import subset
from twostep.util.files import read_json
from twostep.util.job import job


def main(
    *, manifest: str, fraction: float, n_validation: int, batch_size: int, output: str
) -> None:
    """Write the subset of the folder of `manifest` to the folder of `output`, its manifest."""
    splits = subset(manifest, fraction=fraction, n_validation=n_validation, batch_size=batch_size)
    description = read_json(manifest) | {"fraction": fraction}
    # These describe the whole data set and are written anew for the subset, or left out.
    for key in ("splits", "data_hash", "checksums", "test_sample"):
        del description[key]
    write_folder(Path(output).parent, splits, description)


if __name__ == "__main__":
    with job(snakemake):
        main(
            manifest=snakemake.input.manifest,
            fraction=snakemake.params.fraction,
            n_validation=snakemake.params.n_validation,
            batch_size=snakemake.params.batch_size,
            output=snakemake.output.manifest,
        )
