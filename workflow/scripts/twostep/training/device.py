"""What networks are trained on: threads of the processor, or a GPU that no other job uses."""

import fcntl
import itertools
import os
import tempfile
from pathlib import Path
from typing import IO

import torch
from threadpoolctl import threadpool_limits

from twostep.util.errors import UserError

# Kept open, and thus locked, until the process ends, however it ends.
_locks: list[IO] = []


def use_threads(n_threads: int) -> None:
    """Let torch, and the library of numpy's matrix products, compute with this many threads."""
    torch.set_num_threads(n_threads)
    threadpool_limits(n_threads)


def choose_device(n_gpus: int, percent: int = 100) -> torch.device:
    """Return the processor for 0 GPUs, and for 1 a GPU of this machine that is free.

    A GPU is free if other jobs have left this `percent` of it. On a cluster the scheduler shows a
    job only its own GPU. Raises UserError if there is none, or if none is free. Operations on the
    GPU are made deterministic.
    """
    if not n_gpus:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UserError(
            "training.gpu is 1, but this job finds no GPU. Set it to 0, or run on a machine or "
            "partition that has a GPU, with a driver and a build of torch for it"
        )
    # Read by the matrix library when it starts; without it, its sums may differ from run to run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    names = [
        str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())
    ]
    return torch.device("cuda", take_first(names, jobs_each=100 // max(1, percent)))


def take_first(names: list[str], folder: str | Path | None = None, *, jobs_each: int = 1) -> int:
    """Return the index of a device that the fewest processes hold, and hold it, too.

    Up to `jobs_each` processes may hold the same one. `folder` is where the locks are, by default
    that of the system's temporary files. Raises UserError if all of them are held.
    """
    locks = Path(folder or tempfile.gettempdir())
    for place, (index, name) in itertools.product(range(jobs_each), enumerate(names)):
        path = locks / f"twostep-{os.getuid()}-{name}-{place}.lock"
        file = path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        _locks.append(file)
        return index
    raise UserError(
        f"all {len(names)} GPUs are in use by other jobs of yours: wait for them, or allow fewer "
        f"jobs at a time (snakemake --resources machine_gpu={100 * len(names)} machine_mb=...). "
        "These take the place of both limits in profiles/default"
    )
