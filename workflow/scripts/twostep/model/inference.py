"""The time that trained networks need for a prediction, measured."""

import math
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from twostep.model.model import Model, load_model, read_model_file
from twostep.util.processor import processor_name

# One sample, a block of columns of a climate model, and a large batch.
BATCH_SIZES = (1, 64, 1024)
# Each model is measured as often, in turns with the others: a machine is not always as fast.
N_ROUNDS = 5
# Of each model and batch size in each round; 0.4 s a model in all, for most of them.
SECONDS = 0.02
# Of one reading of the clock, beside which the reading itself, a microsecond, is nothing.
REPEAT_SECONDS = 0.002
BYTES_PER_PARAMETER = 4  # float32


def measure_inference(models: Iterable[str | Path], n_rounds: int = N_ROUNDS) -> pd.DataFrame:
    """Return the time per sample of models at several batch sizes, on one thread.

    What is timed is the network's forward pass on the processor, standardised inputs to outputs
    in the units of the loss; scaling and transforms cost all models the same. Times are processor
    times.

    Parameters
    ----------
    models : paths of saved models; those without weights, whose training failed, are left out
    n_rounds : how often to go through all models

    Returns
    -------
    Table with one row per model and batch size: `trial`, `seed`, `n_parameters`, `n_operations`
    (multiply-adds per sample), `weight_bytes`, `batch_size`, `seconds_per_sample` (median),
    `seconds_per_sample_25` and `_75` (quartiles), `n_repeats`, `processor`, `torch`, `threads`.
    """
    paths = [path for path in models if read_model_file(path)["weights"]]
    times: dict[tuple, list[float]] = {}
    records = {}
    for _ in range(n_rounds):
        for path in paths:
            # Loaded anew in each round: together they may be larger than the memory.
            model = load_model(path, run_code=True)
            records[path] = model.record
            for batch_size in BATCH_SIZES:
                times.setdefault((path, batch_size), []).extend(_time(model, batch_size))
    return pd.DataFrame(
        [_row(records[path], batch_size, found) for (path, batch_size), found in times.items()],
    )


def _time(model: Model, batch_size: int) -> list[float]:
    """Return some times in seconds of one forward pass."""
    # ASSUME: the time does not depend on what the inputs are, only on their number.
    inputs = torch.randn(batch_size, len(model.inputs), generator=torch.Generator().manual_seed(0))
    network = model.network.eval()
    with torch.inference_mode():
        # A first run, in which memory is allocated, is not counted.
        _seconds(network, inputs, 1)
        n_calls = max(1, math.ceil(REPEAT_SECONDS / max(_seconds(network, inputs, 1), 1e-6)))
        times = [_seconds(network, inputs, n_calls)]
        while sum(times) * n_calls < SECONDS:
            times.append(_seconds(network, inputs, n_calls))
    return times


def _seconds(network: nn.Module, inputs: Tensor, n_calls: int) -> float:
    """Return the time of one of `n_calls` forward passes.

    One thread is the default. Its processor time is the time it takes where nothing else runs, and
    other jobs may share the machine.
    """
    start = time.thread_time()
    for _ in range(n_calls):
        network(inputs)
    return (time.thread_time() - start) / n_calls


def _row(record: dict, batch_size: int, times: list[float]) -> dict:
    lower, median, upper = np.quantile(np.array(times) / batch_size, (0.25, 0.5, 0.75))
    return {
        "trial": record["trial"],
        "seed": record["seed"],
        "n_parameters": record["n_parameters"],
        "n_operations": record["n_operations"],
        "weight_bytes": BYTES_PER_PARAMETER * record["n_parameters"],
        "batch_size": batch_size,
        "seconds_per_sample": median,
        "seconds_per_sample_25": lower,
        "seconds_per_sample_75": upper,
        "n_repeats": len(times),
        "processor": processor_name(),
        "torch": torch.__version__,
        "threads": 1,
    }
