"""Python scripts and the workflow, run as processes of their own, and what these take."""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[1]


@dataclass
class Finished:
    """A finished process: wall time in seconds, peak private memory in GB, standard output.

    Private memory is what a process has beyond pages of files, which the system can drop.
    """

    seconds: float
    private_gigabytes: float
    output: str


def run(*scripts: str) -> list[Finished]:
    """Run scripts at the same time, each in a process; exit if one of them fails."""
    # What was written before must not go to the disk at the expense of these.
    os.sync()
    started = time.perf_counter()
    processes = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for script in scripts
    ]
    peaks, ends = [0] * len(processes), [started] * len(processes)
    while any(process.poll() is None for process in processes):
        for i, process in enumerate(processes):
            if process.poll() is None:
                peaks[i] = max(peaks[i], _kilobytes(process.pid, "RssAnon"))
                ends[i] = time.perf_counter()
        time.sleep(0.01)
    if any(process.returncode for process in processes):
        sys.exit("a process failed")
    return [
        Finished(end - started, peak / 1e6, process.communicate()[0])
        for process, peak, end in zip(processes, peaks, ends, strict=True)
    ]


@dataclass
class Measured:
    """Processor and wall seconds of a command with its children, and the peak of its memory."""

    cpu_seconds: float
    seconds: float
    megabytes: float


def make_study(folder: Path, config: dict) -> None:
    """Make a folder, if there is none yet, in which `snakemake` runs the study of a config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(config))
    shutil.copytree(REPOSITORY / "profiles", folder / "profiles", dirs_exist_ok=True)


def snakemake(
    folder: Path,
    *arguments: str,
    cores: int = 2,
    look: Callable[[int], object] | None = None,
    interval: float = 0.05,
) -> Measured:
    """Run the workflow in the folder of a study; exit if it fails.

    Every `interval` seconds the peak memory of the main process is noted, and `look` is called with
    its id. What Snakemake says is in the folder's output.txt.
    """
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    command += ["--configfile", "study.yaml", "--snakefile", str(REPOSITORY / "Snakefile")]
    before, started = children_seconds(), time.perf_counter()
    peak = 0
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(
            [*command, *arguments], cwd=folder, stdout=output, stderr=subprocess.STDOUT
        )
        while not _ended(process, interval):
            peak = max(peak, _kilobytes(process.pid, "VmHWM"))
            if look:
                look(process.pid)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit((folder / "output.txt").read_text()[-5000:])
    return Measured(children_seconds() - before, seconds, peak / 1e3)


def _ended(process: subprocess.Popen, seconds: float) -> bool:
    """Wait for a process, but not longer than this, and tell whether it has come to its end."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def children_seconds() -> float:
    """Return the processor seconds of all ended children, their own children included."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _kilobytes(pid: int, kind: str) -> int:
    """Return a kind of memory as the system names it; 0 if the process is not there any more."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(kind))
