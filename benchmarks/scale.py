"""What the workflow itself costs with many trials: 1,000, 10,000 and 100,000 of them.

    python benchmarks/scale.py [folder] [trials ...]

Runs the real workflow on tiny data, one epoch of two updates for each trial, 1,000 trials a job.
Overhead is the processor time of all processes of `snakemake search` without that of the training
function: planning, the start of jobs, records and journal. The rest is ranking, step 2 with 15
models, tables, figures and export. Planning is a dry run of the fresh study, "nothing to do" the
full command after the run. Needs 2 cores, and 2 GB in `folder` for 100,000.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr
from processes import make_study, snakemake

from twostep.trials.records import read_lines

SHARD_SIZE = 1000
CONFIG = {
    "study": "scale",
    "dataset": {
        "files": "data.nc",
        "sample_dimension": "sample",
        "inputs": [{"name": "x"}],
        "outputs": [{"name": "y"}],
    },
    "search": {
        "fractions": [0.5],
        "n_validation": 50,
        "shard_size": SHARD_SIZE,
        "budget": {"max_epochs": 1},
        "space": {
            "n_hidden_layers": {"min": 1, "max": 8},
            "width": [4, 8, 12, 16, 20],
            "batch_size": 128,
        },
    },
    "retrain": {"top_k": 10, "budget": {"max_epochs": 1}},
}


def main() -> None:
    folder = sys.argv[1] if sys.argv[1:] else None
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    sizes = [int(text) for text in sys.argv[2:]] or [1_000, 10_000, 100_000]
    print(
        "| trials | shards | dry run, CPU s | step 1, CPU s | of it training, CPU s | "
        "overhead by trial, ms | the rest, CPU s | nothing to do, CPU s | main process, MB | "
        "files |"
    )
    print("|" + " ---: |" * 10, flush=True)
    for n_trials in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            report(Path(name), n_trials)


def report(folder: Path, n_trials: int) -> None:
    """Run one study and print its row."""
    write_data(folder / "data.nc")
    search = {**CONFIG["search"], "n_trials": n_trials}
    make_study(folder, {**CONFIG, "search": search})
    planned = snakemake(folder, "--dry-run", "--quiet")
    search = snakemake(folder, "search")
    training = training_seconds(folder / "results" / "scale")
    rest = snakemake(folder)
    nothing = snakemake(folder)
    n_files = sum(len(files) for _, _, files in os.walk(folder / "results"))
    n_files += sum(len(files) for _, _, files in os.walk(folder / ".snakemake"))
    peak = max(run.megabytes for run in (planned, search, rest, nothing))
    print(
        f"| {n_trials:,} | {-(-n_trials // SHARD_SIZE)} | {planned.cpu_seconds:.1f} | "
        f"{search.cpu_seconds:.0f} | {training:.0f} | "
        f"{1e3 * (search.cpu_seconds - training) / n_trials:.2f} | {rest.cpu_seconds:.0f} | "
        f"{nothing.cpu_seconds:.1f} | {peak:.0f} | {n_files:,} |",
        flush=True,
    )


def write_data(path: Path) -> None:
    """Write tiny data."""
    inputs = np.random.default_rng(1).uniform(0, 1, (400, 4))
    dataset = {"x": (("sample", "part"), inputs), "y": ("sample", inputs.mean(axis=1))}
    xr.Dataset(dataset).to_netcdf(path)


def training_seconds(results: Path) -> float:
    """Return the processor seconds inside the training function of step 1."""
    lines = read_lines(results.glob("search/*/*.timings.jsonl"))
    return sum(line["cpu_seconds"] for line in lines)


if __name__ == "__main__":
    main()
