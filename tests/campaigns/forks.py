"""Snakemake, started thousands of times by a process that has loaded its libraries once.

Imports take most of the time of a dry run. Each start is a fork of its own, in a session of its
own, and knows nothing of the others. The jobs that it starts are processes as always.
"""

import atexit
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# What Snakemake and the workflow load while they plan; the workflow's library is the study's own.
PRELOADED = (
    "snakemake.cli",
    "snakemake.api",
    "snakemake.dag",
    "snakemake.scheduling.job_scheduler",
    "snakemake.report",
    "jsonschema",
    "numpy",
    "pandas",
    "xarray",
    "netCDF4",
    "zarr",
)
POLL_SECONDS = 0.01


class Starter:
    """Starts Snakemake; to be used by one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def run(
        self, arguments: list[str], folder: Path, limit: float
    ) -> subprocess.CompletedProcess | None:
        """Run Snakemake in a folder; None if it had to be stopped after `limit` seconds."""
        with tempfile.TemporaryDirectory() as place:
            request = {"arguments": arguments, "folder": str(folder), "limit": limit}
            print(json.dumps({**request, "place": place}), file=self._process.stdin, flush=True)
            status = json.loads(self._process.stdout.readline())
            texts = [(Path(place) / name).read_bytes() for name in ("stdout", "stderr")]
        if status is None:
            return None
        said = (text.decode(errors="replace") for text in texts)
        return subprocess.CompletedProcess(arguments, status, *said)

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def _serve() -> None:
    """Answer each request, a line of JSON, by the status of its run; null if it was stopped."""
    sys.path.pop(0)
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request)
        print(json.dumps(_wait(child, request["limit"])), flush=True)


def _wait(child: int, limit: float) -> int | None:
    """Wait for a run to end and return its status; stop it, with all its jobs, if it does not."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(POLL_SECONDS)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _run(request: dict) -> None:
    """Be Snakemake; never return."""
    os.setsid()
    os.chdir(request["folder"])
    place = Path(request["place"])
    for number, path in enumerate((Path(os.devnull), place / "stdout", place / "stderr")):
        mode = os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY
        os.dup2(os.open(path, mode, 0o600), number)
    sys.argv = ["snakemake", *request["arguments"]]
    status = 1
    # What the run itself asks for, and not what the modules did that were loaded before.
    atexit._clear()
    try:
        sys.modules["snakemake.cli"].main()
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
