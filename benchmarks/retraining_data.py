"""Retraining on data larger than a process may hold: time of an epoch, and memory.

    python benchmarks/retraining_data.py [folder] [million rows]

Trains a small network, for which the data matter most, for two epochs on 50 million rows of 20
columns: once with the rows held in the memory of the process and shuffled all together, once as the
workflow does, from files that are mapped and shuffled in windows, and once with two such processes
at the same time. The checksums of the files are compared first. Private memory is what a process
has beyond pages of files, which all processes share and the system can drop. Needs 5 GB of disk in
`folder`, and as much memory.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from processes import run

from twostep.data.arrays import Rows, write_folder

N_INPUTS, N_OUTPUTS, N_VALIDATION = 16, 4, 100_000
N_EPOCHS = 2
CHUNK = 1_000_000

TRAIN = """
import json, sys, time
from twostep.training import train as training
from twostep.training.configuration import Configuration
from twostep.training.data import load_training_data
from twostep.training.device import use_threads
from twostep.training.warm_up import warm_up
use_threads(1)
warm_up()
started = time.process_time()
data = load_training_data({manifest!r}).tensors
verified = time.process_time() - started
if {held}:
    copies = {{name: tensor.clone() for name, tensor in vars(data).items() if tensor is not None}}
    data = training.Tensors(**copies)
    training.SHUFFLE_WINDOW = len(data.training_inputs)
configuration = Configuration((16, 16), 1e-3, 1024, "relu", "adam", 0.0, 0.0)
started = time.perf_counter()
budget = training.Budget(max_epochs={n_epochs})
result = training.train(configuration, data, budget, output_activation="linear", seed=1)
seconds = time.perf_counter() - started
lines = open("/proc/self/status").read().splitlines()
pages = next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))
figures = dict(seconds=seconds, verified=verified, loss=result.min_val_loss)
print(json.dumps(figures | dict(file_gigabytes=pages / 1e6)))
"""


def main() -> None:
    folder = sys.argv[1] if sys.argv[1:] else None
    millions = int(sys.argv[2]) if sys.argv[2:] else 50
    with tempfile.TemporaryDirectory(dir=folder) as name:
        write_data(Path(name), millions)
        manifest = str(Path(name) / "manifest.json")
        print(f"{millions} million rows of {N_INPUTS + N_OUTPUTS} columns", flush=True)
        held = report(manifest, "held in memory", held=True)
        report(manifest, "mapped", held=False, reference=held)
        report(manifest, "mapped", held=False, n_processes=2, reference=held)


def write_data(folder: Path, millions: int) -> None:
    """Write a folder of prepared data with random values."""
    splits = {
        split: Rows(n_rows, (N_INPUTS, N_OUTPUTS), pieces(n_rows))
        for split, n_rows in (("training", millions * CHUNK), ("validation", N_VALIDATION))
    }
    names = {"inputs": N_INPUTS, "outputs": N_OUTPUTS}
    features = {
        role: [{"name": f"{role}{i}"} for i in range(number)] for role, number in names.items()
    }
    write_folder(folder, splits, features)


def pieces(n_rows: int):
    """Yield standardised inputs and targets that depend on them."""
    random = np.random.default_rng(1)
    for start in range(0, n_rows, CHUNK):
        inputs = random.standard_normal((min(CHUNK, n_rows - start), N_INPUTS), dtype=np.float32)
        yield inputs, np.tanh(inputs[:, :N_OUTPUTS])


def report(manifest: str, name: str, *, held: bool, n_processes=1, reference=None) -> float:
    """Train in some processes at once; print their figures, return the seconds per epoch."""
    script = TRAIN.format(manifest=manifest, held=held, n_epochs=N_EPOCHS)
    for process in run(*[script] * n_processes):
        result = json.loads(process.output)
        epoch = result["seconds"] / N_EPOCHS
        ratio = f" ({epoch / reference:.2f} x held in memory)" if reference else ""
        print(
            f"  {name}, {n_processes} at a time: {epoch:.1f} s per epoch{ratio}, private memory "
            f"{process.private_gigabytes:.2f} GB, pages of files {result['file_gigabytes']:.2f} GB,"
            f" loss {result['loss']:.2e}, checksums compared in {result['verified']:.2f} s "
            f"({100 * result['verified'] / epoch:.1f} % of an epoch)",
            flush=True,
        )
    return epoch


if __name__ == "__main__":
    main()
