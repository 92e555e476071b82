"""Python scripts run as processes of their own, and the memory that they take."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"


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
        subprocess.Popen(
            [sys.executable, "-c", script], cwd=SCRIPTS, stdout=subprocess.PIPE, text=True
        )
        for script in scripts
    ]
    peaks, ends = [0] * len(processes), [started] * len(processes)
    while any(process.poll() is None for process in processes):
        for i, process in enumerate(processes):
            if process.poll() is None:
                peaks[i] = max(peaks[i], _private_kilobytes(process.pid))
                ends[i] = time.perf_counter()
        time.sleep(0.01)
    if any(process.returncode for process in processes):
        sys.exit("a process failed")
    return [
        Finished(end - started, peak / 1e6, process.communicate()[0])
        for process, peak, end in zip(processes, peaks, ends, strict=True)
    ]


def _private_kilobytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
