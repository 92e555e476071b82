"""What the workflow itself costs with many trials: 1,000, 10,000 and 100,000 of them.

    python benchmarks/scale.py [folder] [trials ...]

Runs the real workflow on tiny data, one epoch of a few updates for each trial, 1,000 trials a job.
Overhead is the processor time of all processes together without that of the training function;
its part by trial is the growth from one size to the next. Planning is a dry run of the fresh study,
"nothing to do" the same command after the run. Needs 2 cores, and 2 GB in `folder` for 100,000.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

REPOSITORY = Path(__file__).parents[1]
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


@dataclass
class Measured:
    """Processor and wall seconds of a command with its children, and the peak of its memory."""

    cpu_seconds: float
    seconds: float
    megabytes: float


def main() -> None:
    folder = sys.argv[1] if sys.argv[1:] else None
    sizes = [int(text) for text in sys.argv[2:]] or [1_000, 10_000, 100_000]
    print(
        "| trials | shards | dry run, CPU s | run, CPU s | of it training, CPU s | "
        "overhead by trial, ms | by further trial, ms | nothing to do, CPU s | "
        "main process, MB | files |"
    )
    print("|" + " ---: |" * 10, flush=True)
    before = None
    for n_trials in sizes:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            before = report(Path(name), n_trials, before)


def report(folder: Path, n_trials: int, before: tuple[int, float] | None) -> tuple[int, float]:
    """Run one study, print its row, and return its number of trials and its overhead."""
    make_study(folder, n_trials)
    planned = snakemake(folder, "--dry-run", "--quiet")
    run = snakemake(folder)
    nothing = snakemake(folder)
    training = training_seconds(folder / "results" / "scale")
    overhead = run.cpu_seconds - training
    further = ""
    if before:
        further = f"{1e3 * (overhead - before[1]) / (n_trials - before[0]):.2f}"
    n_files = sum(len(files) for _, _, files in os.walk(folder / "results"))
    n_files += sum(len(files) for _, _, files in os.walk(folder / ".snakemake"))
    peak = max(planned.megabytes, run.megabytes, nothing.megabytes)
    print(
        f"| {n_trials:,} | {-(-n_trials // SHARD_SIZE)} | {planned.cpu_seconds:.1f} | "
        f"{run.cpu_seconds:.0f} | {training:.0f} | {1e3 * overhead / n_trials:.2f} | {further} | "
        f"{nothing.cpu_seconds:.1f} | {peak:.0f} | {n_files:,} |",
        flush=True,
    )
    return n_trials, overhead


def make_study(folder: Path, n_trials: int) -> None:
    """Write tiny data and the config of a study."""
    inputs = np.random.default_rng(1).uniform(0, 1, (400, 4))
    dataset = {"x": (("sample", "part"), inputs), "y": ("sample", inputs.mean(axis=1))}
    xr.Dataset(dataset).to_netcdf(folder / "data.nc")
    search = {**CONFIG["search"], "n_trials": n_trials}
    (folder / "study.yaml").write_text(yaml.safe_dump({**CONFIG, "search": search}))
    shutil.copytree(REPOSITORY / "profiles", folder / "profiles")


def snakemake(folder: Path, *arguments: str) -> Measured:
    """Run the workflow in a folder; exit if it fails."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "study.yaml"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        peaks: list[int] = []
        watch = threading.Thread(target=watch_memory, args=(process, peaks))
        watch.start()
        process.wait()
        watch.join()
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        sys.exit((folder / "output.txt").read_text()[-5000:])
    cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(cpu_seconds, seconds, max(peaks, default=0) / 1e3)


def watch_memory(process: subprocess.Popen, peaks: list[int]) -> None:
    """Note the peak memory of the main process in kB until it ends."""
    while process.returncode is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return
        peaks += [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        time.sleep(0.05)


def training_seconds(results: Path) -> float:
    """Return the processor seconds inside the training function, of both steps."""
    lines = [
        line
        for path in results.glob("search/*/*.timings.jsonl")
        for line in path.read_text().splitlines()
    ]
    texts = [path.read_text() for path in results.glob("retrain/*.timing.json")]
    return sum(json.loads(text)["cpu_seconds"] for text in lines + texts)


if __name__ == "__main__":
    main()
