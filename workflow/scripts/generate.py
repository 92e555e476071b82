"""Generate one part of the embedded data set with the cloud-parcel model."""

from twostep.parcel.generate import generate
from twostep.util.job import job
from twostep.util.netcdf import write_netcdf


def main(*, first: int, last: int, modes: list[str], seed: int, output: str) -> None:
    """Write the samples first ... last - 1 as NetCDF."""
    data = generate(first, last - first, seed=seed, modes=modes)
    write_netcdf(output, data)


if __name__ == "__main__":
    with job(snakemake):
        main(
            first=snakemake.params.samples[0],
            last=snakemake.params.samples[1],
            modes=snakemake.params.modes,
            seed=snakemake.params.seed,
            output=snakemake.output[0],
        )
