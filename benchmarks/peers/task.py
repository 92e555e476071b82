"""What the systems' scripts have in common: the task that they are given, the result they leave.

A task is a JSON file, whose path is the argument of a script: `folder` to work in, `manifest` of
the prepared data, `configurations`, `epochs` and `seed`, and for ours the path of the
`list` that they are from, the number of the `first`, and the `precision`.
"""

import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

# Trained for one epoch beforehand, so that what happens only once is no trial's cost.
WARM_UP = {"hidden_widths": [1], "learning_rate": 0.001, "batch_size": 4000}


def read_task() -> dict:
    """Return the task that the command line names."""
    return json.loads(Path(sys.argv[1]).read_text())


def load_arrays(task: dict, split: str) -> tuple[np.ndarray, ...]:
    """Return the inputs (n_samples, n_inputs) and targets (n_samples, n_outputs) of a split."""
    folder = Path(task["manifest"]).parent
    return tuple(np.load(folder / f"{split}_{part}.npy") for part in ("inputs", "targets"))


def write_result(task: dict, began: float, trials: list[dict], packages: list[str]) -> None:
    """Write `result.json` after the last trial.

    `began` are the processor seconds of the process before the first one; each has its own
    `cpu_seconds` and the `val_loss` of its last epoch.
    """
    seconds = time.process_time() - began
    versions = {name: version(name) for name in packages} | {"Python": platform.python_version()}
    result = {"search_seconds": seconds, "trials": trials, "versions": versions}
    (Path(task["folder"]) / "result.json").write_text(json.dumps(result))
