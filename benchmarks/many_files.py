"""What planning costs with many data files: the first time, and once their headers are known.

    python benchmarks/many_files.py [folder] [files ...]

Makes tiny NetCDF files, 10,000 of them by default, and runs `snakemake --dry-run`: on the fresh
study, where each file is opened; again, where none is; and on the study once its data are prepared,
where sizes and times are also compared with those that it was prepared from. Prepares them between
the two. Times are of the processor, with the wall in brackets.
"""

import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
from processes import Measured, make_study, snakemake

N_SAMPLES = 4
CONFIG = {
    "study": "many_files",
    "dataset": {"files": "data/*.nc", "inputs": [{"name": "x"}], "outputs": [{"name": "y"}]},
    "training": {"output_activation": "linear"},
    "search": {"n_trials": 10, "fractions": [0.5], "space": {"batch_size": 8}},
    "retrain": {"top_k": 2},
}


def main() -> None:
    folder = sys.argv[1] if sys.argv[1:] else None
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    print("| files | first dry run | second | prepare | dry run after it |")
    print("|" + " ---: |" * 5, flush=True)
    for n_files in [int(text) for text in sys.argv[2:]] or [10, 10_000]:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            report(Path(name), n_files)


def report(folder: Path, n_files: int) -> None:
    """Print the row of a number of files."""
    write_files(folder / "data", n_files)
    make_study(folder, CONFIG)
    plan = ("--dry-run", "--quiet")
    runs = [snakemake(folder, *arguments) for arguments in (plan, plan, ("prepare",), plan)]
    print(f"| {n_files:,} | {' | '.join(map(describe, runs))} |", flush=True)


def describe(run: Measured) -> str:
    """Return the times of a run."""
    return f"{run.cpu_seconds:.1f} s ({run.seconds:.1f} s)"


def write_files(folder: Path, n_files: int) -> None:
    """Write files of which each has samples of its own."""
    folder.mkdir()
    random = np.random.default_rng(1)
    for number in range(n_files):
        with netCDF4.Dataset(folder / f"part_{number}.nc", "w", format="NETCDF3_CLASSIC") as data:
            data.createDimension("sample", N_SAMPLES)
            for name in ("x", "y"):
                data.createVariable(name, "f8", ("sample",))[:] = random.random(N_SAMPLES)


if __name__ == "__main__":
    main()
