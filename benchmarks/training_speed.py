"""How close training comes to what the processor can do, and to a loop without anything around it.

    python benchmarks/training_speed.py

Trains networks of all sizes for some updates on 4,000 samples on one core, with the workflow's
trainer and with a bare loop of torch: automatic differentiation, a fused optimizer, data in one
tensor, nothing recorded. Rates count the operations of the matrix products, two for each
multiplication. They stand beside the fastest product of float32 matrices, 1,024 x 1,024, of any
library at hand that has float32's accuracy, and beside a bound for networks of these shapes: the
matrix products of an update alone, each by the library that is fastest for it, on matrices that
are in the cache. All take turns, five times; the best time of each counts.
"""

import os

# Before any library starts its threads.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from twostep.training.configuration import Configuration
from twostep.training.network import build_network
from twostep.training.optimizers import EPSILON
from twostep.training.train import Budget, Tensors, train
from twostep.training.warm_up import warm_up
from twostep.util.processor import processor_name

N_INPUTS, N_OUTPUTS, N_SAMPLES = 16, 4, 4000
N_ROUNDS = 5
OPERATIONS_PER_TIMING = 4e10
MAX_UPDATES = 200
SIZE = 1024
# The largest relative error of a product that counts as one of float32.
ACCURACY = 1e-5
# Hidden layers and batch.
NETWORKS = [
    ((8,), 128),
    ((32, 32), 128),
    ((64, 64, 64), 128),
    ((512, 256), 128),
    ((256, 512, 128, 64), 128),
    ((64, 64, 64), 1024),
    ((128,) * 10, 1024),
    ((8, 2048, 16, 512, 64, 1024, 8), 1024),
    ((1024, 512, 1024), 1024),
    ((512, 2048, 64, 1024, 2048, 8, 1024, 256), 1024),
    ((2048, 1024, 2048, 512, 256), 1024),
]


def main() -> None:
    torch.set_num_threads(1)
    warm_up()
    data = make_data()
    products = make_products()
    rates: dict[str, list[float]] = {name: [] for name in products}
    seconds = {network: ([], []) for network in NETWORKS}
    bounds = {network: make_bound(*network, products) for network in NETWORKS}
    for _ in range(N_ROUNDS):
        for network in NETWORKS:
            for name, (multiply, _) in products.items():
                rates[name].append(2 * SIZE**3 / cpu_seconds(multiply))
            configuration = Configuration(network[0], 1e-3, network[1], "relu", "adam", 0.0, 0.0)
            n_updates = count_updates(configuration)
            for times, loop in zip(seconds[network], (ours, bare), strict=True):
                times.append(loop(configuration, data, n_updates) / n_updates)
            bounds[network].measure()
    print(f"{processor_name()}, torch {torch.__version__}, numpy {np.__version__}, one core\n")
    fastest = report_products(products, rates)
    report_networks(seconds, bounds, fastest)


def make_data() -> Tensors:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(N_SAMPLES, N_INPUTS, generator=generator)
    targets = torch.rand(N_SAMPLES, N_OUTPUTS, generator=generator)
    return Tensors(inputs, targets, inputs[:1], targets[:1])


def through_onednn(first: torch.Tensor, second: torch.Tensor, result: torch.Tensor) -> None:
    # On processors without instructions for it, this only changes the library.
    torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    torch.mm(first, second, out=result)
    torch.backends.mkldnn.matmul.fp32_precision = "ieee"


def through_torch(first: torch.Tensor, second: torch.Tensor, result: torch.Tensor) -> None:
    torch.mm(first, second, out=result)


def through_numpy(first: torch.Tensor, second: torch.Tensor, result: torch.Tensor) -> None:
    np.dot(first.numpy(), second.numpy(), result.numpy())


ROUTES = {
    "numpy": through_numpy,
    "torch": through_torch,
    "torch through oneDNN": through_onednn,
}


def make_products() -> dict[str, tuple[Callable[[], object], float]]:
    """Return by library's name its product of two matrices and the relative error of that."""
    generator = torch.Generator().manual_seed(1)
    first, second = torch.randn(2, SIZE, SIZE, generator=generator)
    result, exact = torch.empty(SIZE, SIZE), first.double() @ second.double()
    products = {}
    for name, route in ROUTES.items():
        multiply = partial(route, first, second, result)
        multiply()
        error = ((result - exact).norm() / exact.norm()).item()
        products[name] = multiply, error
    return products


class Bound:
    """The matrix products of an update, each by the library that is fastest for it.

    Parameters
    ----------
    operands
        The factors of each product, and where it is written.
    names
        The libraries to choose from.
    """

    def __init__(self, operands: list[tuple[torch.Tensor, ...]], names: list[str]):
        self._calls = [[partial(ROUTES[name], *each) for name in names] for each in operands]
        self._best = [[np.inf] * len(names) for _ in operands]

    def measure(self) -> None:
        """Time each product by each library once more."""
        for calls, best in zip(self._calls, self._best, strict=True):
            for i, call in enumerate(calls):
                n_calls = int(max(3, min(1000, 2e-3 / max(cpu_seconds(call), 1e-7))))
                best[i] = min(best[i], cpu_seconds(partial(repeat, call, n_calls)) / n_calls)

    def seconds(self) -> float:
        """Return the processor seconds of an update."""
        return sum(map(min, self._best))


def repeat(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def make_bound(widths: tuple[int, ...], batch_size: int, products) -> Bound:
    """Return the bound of a network, with the libraries that have float32's accuracy."""
    configuration = Configuration(widths, 1e-3, batch_size, "relu", "adam", 0.0, 0.0)
    generator = torch.Generator().manual_seed(1)
    operands = []
    for i, (n_inputs, n_units) in enumerate(configuration.layer_shapes(N_INPUTS, N_OUTPUTS)):
        inputs = torch.randn(batch_size, n_inputs, generator=generator)
        slopes = torch.randn(batch_size, n_units, generator=generator)
        weights = torch.randn(n_units, n_inputs, generator=generator)
        operands += [
            (inputs, weights.T, torch.empty(batch_size, n_units)),
            (slopes.T, inputs, torch.empty(n_units, n_inputs)),
        ]
        # The gradient by the inputs, which the first layer does not need.
        operands += [(slopes, weights, torch.empty(batch_size, n_inputs))] if i else []
    return Bound(operands, [name for name, (_, error) in products.items() if error < ACCURACY])


def cpu_seconds(call: Callable[[], object]) -> float:
    started = time.process_time()
    call()
    return time.process_time() - started


def count_operations(configuration: Configuration) -> int:
    """Return the operations of the matrix products of an update."""
    shapes = configuration.layer_shapes(N_INPUTS, N_OUTPUTS)
    multiplications = [n_inputs * n_units for n_inputs, n_units in shapes]
    # Outputs, gradients by weights and gradients by inputs, which the first layer does not need.
    return 2 * configuration.batch_size * (3 * sum(multiplications) - multiplications[0])


def count_updates(configuration: Configuration) -> int:
    return int(min(MAX_UPDATES, max(2, OPERATIONS_PER_TIMING / count_operations(configuration))))


def ours(configuration: Configuration, data: Tensors, n_updates: int) -> float:
    """Return the processor seconds of the workflow's trainer."""
    budget = Budget(max_updates=n_updates)
    result = train(configuration, data, budget, output_activation="sigmoid", seed=1)
    return result.train_cpu_seconds


def bare(configuration: Configuration, data: Tensors, n_updates: int) -> float:
    """Return the processor seconds of a plain loop."""
    network = build_network(configuration, N_INPUTS, N_OUTPUTS, "sigmoid")
    optimizer = torch.optim.Adam(network.parameters(), eps=EPSILON, fused=True)
    step(network, optimizer, data, torch.arange(configuration.batch_size))
    started = time.process_time()
    done = 0
    while done < n_updates:
        for rows in torch.randperm(N_SAMPLES).split(configuration.batch_size):
            step(network, optimizer, data, rows)
            done += 1
            if done == n_updates:
                break
    return time.process_time() - started


def step(network: nn.Module, optimizer, data: Tensors, rows: torch.Tensor) -> None:
    optimizer.zero_grad()
    outputs = network(data.training_inputs[rows])
    nn.functional.mse_loss(outputs, data.training_targets[rows]).backward()
    optimizer.step()


def report_products(products, rates: dict[str, list[float]]) -> float:
    """Print the table of libraries; return the fastest rate with float32's accuracy."""
    print("| matrix product by | GFLOP/s, best | median | relative error |")
    print("| --- | ---: | ---: | ---: |")
    accurate = []
    for name, (_, error) in products.items():
        best, median = max(rates[name]) / 1e9, statistics.median(rates[name]) / 1e9
        print(f"| {name} | {best:.0f} | {median:.0f} | {error:.0e} |")
        accurate += [max(rates[name])] if error < ACCURACY else []
    print()
    return max(accurate)


def report_networks(seconds, bounds: dict[tuple, Bound], fastest: float) -> None:
    print(
        "| hidden layers | batch | parameters | update, ms | bare loop, ms | ratio | GFLOP/s | "
        "of the fastest product | products alone, ms | of this bound |"
    )
    print("| --- |" + " ---: |" * 9)
    for (widths, batch_size), times in seconds.items():
        bound = bounds[widths, batch_size].seconds()
        configuration = Configuration(widths, 1e-3, batch_size, "relu", "adam", 0.0, 0.0)
        mine, bare_loop = map(min, times)
        rate = count_operations(configuration) / mine
        print(
            f"| {'-'.join(map(str, widths))} | {batch_size} | "
            f"{configuration.count_parameters(N_INPUTS, N_OUTPUTS):,} | {1e3 * mine:.3g} | "
            f"{1e3 * bare_loop:.3g} | {mine / bare_loop:.2f} | {rate / 1e9:.1f} | "
            f"{rate / fastest:.0%} | {1e3 * bound:.3g} | {bound / mine:.0%} |"
        )


if __name__ == "__main__":
    main()
