"""Generate one part of the embedded data set with the cloud-parcel model."""

import errno

from twostep.parcel.generate import generate
from twostep.util.files import atomic_path
from twostep.util.job import job


def main(*, first: int, last: int, modes: list[str], seed: int, output: str) -> None:
    """Write the samples first ... last - 1 as NetCDF."""
    data = generate(first, last - first, seed=seed, modes=modes)
    with atomic_path(output) as temporary:
        try:
            data.to_netcdf(temporary, engine="netcdf4")
        except RuntimeError as error:  # the NetCDF library's own word for a full disk
            reason = f"the file cannot be written, as on a full disk ({error})"
            raise OSError(errno.EIO, reason, output) from error


if __name__ == "__main__":
    with job(snakemake):
        main(
            first=snakemake.params.samples[0],
            last=snakemake.params.samples[1],
            modes=snakemake.params.modes,
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
