"""What training on a GPU takes, beside one core of the same machine, and what sharing it gives.

    python benchmarks/gpu.py

Each network is trained for some updates by the workflow's trainer: on one core, on the GPU with
each operation asked for by itself, and on the GPU as the workflow does it (`training/recorded.py`).
Then several processes train the same network on the one GPU at a time. Start NVIDIA's MPS before
(`nvidia-cuda-mps-control -d`), or they only take turns.
"""

import os

# Before any library starts its threads.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import subprocess
import sys
import time
from unittest.mock import patch

import torch

from twostep.training.configuration import Configuration
from twostep.training.device import choose_device
from twostep.training.recorded import Recorded
from twostep.training.train import CPU, Budget, Tensors, train
from twostep.training.warm_up import warm_up
from twostep.util.processor import processor_name

N_INPUTS, N_OUTPUTS, N_TRAINING, N_VALIDATION = 16, 4, 80_000, 2000
N_UPDATES, N_UPDATES_ONE_BY_ONE = 3000, 1000
CORE_OPERATIONS = 3e10
# Hidden layers and batch.
NETWORKS = [
    ((8,), 128),
    ((64, 64, 64), 128),
    ((512, 256), 128),
    ((256, 512, 128, 64), 128),
    ((64, 64, 64), 1024),
    ((1024, 512, 1024), 1024),
    ((2048, 1024, 2048, 512, 256), 1024),
]
SHARED = [((64, 64, 64), 128), ((512, 256), 128)]
N_PROCESSES = (1, 2, 4, 8, 14)
SHARED_SECONDS = 4.0


def main() -> None:
    torch.set_num_threads(1)
    device = choose_device(1)
    warm_up(device)
    data = make_data()
    print(f"{torch.cuda.get_device_name(device)} and one core of {processor_name()}, ", end="")
    print(f"torch {torch.__version__}\n")
    print("| hidden layers | batch | core, us | one by one, us | recorded, us | core / recorded |")
    print("| --- |" + " ---: |" * 5)
    for widths, batch_size in NETWORKS:
        configuration = make_configuration(widths, batch_size)
        update_seconds(configuration, data, 50, device)
        recorded = update_seconds(configuration, data, N_UPDATES, device)
        with patch.object(Recorded, "__call__", lambda self: self._operation()):
            one_by_one = update_seconds(configuration, data, N_UPDATES_ONE_BY_ONE, device)
        core = update_seconds(configuration, data, core_updates(configuration), CPU)
        print(
            f"| {'-'.join(map(str, widths))} | {batch_size:,} | {1e6 * core:.0f} | "
            f"{1e6 * one_by_one:.0f} | {1e6 * recorded:.0f} | {core / recorded:.1f} |",
            flush=True,
        )
    print("\n| hidden layers | batch | processes | updates a second |\n| --- |" + " ---: |" * 3)
    for widths, batch_size in SHARED:
        for n_processes in N_PROCESSES:
            rate = shared_rate(widths, batch_size, n_processes)
            layers = "-".join(map(str, widths))
            print(f"| {layers} | {batch_size:,} | {n_processes} | {rate:,.0f} |", flush=True)


def make_data() -> Tensors:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(N_TRAINING + N_VALIDATION, N_INPUTS, generator=generator)
    mixture = torch.randn(N_INPUTS, N_OUTPUTS, generator=generator)
    targets = torch.sigmoid(torch.tanh(inputs) @ mixture)
    return Tensors(
        inputs[:N_TRAINING], targets[:N_TRAINING], inputs[N_TRAINING:], targets[N_TRAINING:]
    )


def make_configuration(widths: tuple[int, ...], batch_size: int) -> Configuration:
    return Configuration(
        widths, 1e-3, batch_size, "relu", "adam", 0.0, 0.0, learning_rate_schedule="one_cycle"
    )


def core_updates(configuration: Configuration) -> int:
    n_parameters = configuration.count_parameters(N_INPUTS, N_OUTPUTS)
    operations = 6 * n_parameters * configuration.batch_size
    return int(max(5, min(500, CORE_OPERATIONS / operations)))


def update_seconds(
    configuration: Configuration, data: Tensors, n_updates: int, device: torch.device
) -> float:
    """Return the wall-clock seconds of an update, data and validation included."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    budget = Budget(max_updates=n_updates)
    train(configuration, data, budget, output_activation="sigmoid", seed=3, device=device)
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / n_updates


def shared_rate(widths: tuple[int, ...], batch_size: int, n_processes: int) -> float:
    """Return the updates a second of some processes on one GPU, all together."""
    command = [sys.executable, __file__, *map(str, (batch_size, *widths))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(n_processes)]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0]) for process in processes)


def train_until_time_is_up(batch_size: int, *widths: int) -> None:
    """Say when everything is loaded, wait for a line, train, and print the updates a second."""
    torch.set_num_threads(1)
    device, data = torch.device("cuda", 0), make_data()
    configuration = make_configuration(widths, batch_size)
    warm_up(device)
    update_seconds(configuration, data, 100, device)
    print("ready", flush=True)
    sys.stdin.readline()
    start, n_updates = time.perf_counter(), 0
    while time.perf_counter() - start < SHARED_SECONDS:
        update_seconds(configuration, data, 2000, device)
        n_updates += 2000
    print(n_updates / (time.perf_counter() - start))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        train_until_time_is_up(*map(int, sys.argv[1:]))
    else:
        main()
