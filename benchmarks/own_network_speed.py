"""What the training of networks of a user's own costs, beside a loop without anything around it.

    python benchmarks/own_network_speed.py

Trains the examples' networks, and a plain one of three layers, for some updates on 4,000 samples on
one core, with the workflow's trainer and with a bare loop of torch: automatic differentiation, a
fused optimizer, data in one tensor, nothing recorded. Both take turns, fifteen times; the ratio is
the median of those of the turns, in processor time. The last line is what it takes to draw a
configuration, which builds and measures its network.
"""

import os

# Before any library starts its threads.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import statistics
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from twostep.training.configuration import Configuration, Hyperparameter, items
from twostep.training.network_file import plan_network, read_network_file
from twostep.training.optimizers import EPSILON
from twostep.training.own_network import OwnNetworks, count_trainable
from twostep.training.train import Budget, Tensors, train
from twostep.training.warm_up import warm_up
from twostep.trials.own_configurations import draw_own
from twostep.util.processor import processor_name

N_LEVELS, N_OUTPUTS, N_SAMPLES = 16, 4, 4000
N_ROUNDS, N_UPDATES, N_DRAWN = 15, 150, 1000
EXAMPLES = Path(__file__).parents[1] / "examples/networks"
PLAIN = """from torch import nn

def build(hyperparameters, inputs, n_outputs):
    width = hyperparameters["width"]
    return nn.Sequential(
        nn.Linear(inputs[-1].columns.stop, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_outputs),
    )
"""
# Two profiles and two scalars.
MANIFEST = {
    "inputs": [
        *({"variable": name} for name in ("t", "q") for _ in range(N_LEVELS)),
        *({"variable": name} for name in ("p", "s")),
    ],
    "variables": {
        **{name: {"shape": [N_LEVELS]} for name in ("t", "q")},
        **{name: {"shape": []} for name in ("p", "s")},
    },
}
N_INPUTS = len(MANIFEST["inputs"])
RESIDUAL: dict[str, Hyperparameter] = {"expansion": 2, "activation": "gelu", "dropout": 0.1}
CONVOLUTION: dict[str, Hyperparameter] = {"kernel": 3, "n_convolutions": 2, "width": 32}
# File, hyperparameters and batch.
NETWORKS: list[tuple[str, dict[str, Hyperparameter], int]] = [
    ("plain", {"width": 16}, 128),
    ("plain", {"width": 64}, 128),
    ("plain", {"width": 64}, 1024),
    ("residual", RESIDUAL | {"n_blocks": 2, "width": 32}, 128),
    ("residual", RESIDUAL | {"n_blocks": 3, "width": 64}, 1024),
    ("profile_convolution", CONVOLUTION | {"channels": 8}, 128),
    ("profile_convolution", CONVOLUTION | {"channels": 16}, 1024),
]


def main() -> None:
    torch.set_num_threads(1)
    warm_up()
    data = make_data()
    print(f"{processor_name()}, torch {torch.__version__}, one core\n")
    print("| network | batch | parameters | update, ms | bare loop, ms | ratio |")
    print("| --- |" + " ---: |" * 5)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.py"
        plain.write_text(PLAIN)
        for name, hyperparameters, batch_size in NETWORKS:
            path = plain if name == "plain" else EXAMPLES / f"{name}.py"
            report(name, path, hyperparameters, batch_size, data)
    print(f"\nDrawing takes {1e3 * drawing():.2g} ms a configuration.")


def drawing() -> float:
    """Return the processor seconds of drawing a configuration of a residual network."""
    dimensions = {
        "n_blocks": [1, 2, 3],
        "width": {"min": 8, "max": 64, "integer": True},
        "expansion": [1, 2, 4],
        "activation": ["gelu", "relu"],
        "dropout": {"min": 0.0, "max": 0.2},
    }
    training = {"learning_rate": 0.01, "batch_size": 64, "optimizer": "adam", "weight_decay": 0.0}
    features = [{"variable": each["variable"], "name": "x"} for each in MANIFEST["inputs"]]
    started = time.process_time()
    draw_own(
        {"hyperparameters": dimensions, **training},
        N_DRAWN,
        plan_network(str(EXAMPLES / "residual.py")) or {},
        {**MANIFEST, "inputs": features, "outputs": [{}] * N_OUTPUTS},
        seed=1,
        constraints={"max_parameters": None, "max_operations": None},
        n_needed=N_DRAWN,
    )
    return (time.process_time() - started) / N_DRAWN


def report(
    name: str,
    path: Path,
    hyperparameters: dict[str, Hyperparameter],
    batch_size: int,
    data: Tensors,
) -> None:
    """Measure a network and print its row."""
    networks = OwnNetworks.of(read_network_file(path), MANIFEST)
    configuration = Configuration(
        (), 1e-3, batch_size, "", "adam", 0.0, 0.0, hyperparameters=items(hyperparameters)
    )
    pairs = []
    for _ in range(N_ROUNDS):
        pairs.append((ours(configuration, networks, data), bare(configuration, networks, data)))
    mine, loop = (min(times) / N_UPDATES for times in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    network = networks.build(configuration, N_INPUTS, N_OUTPUTS, "sigmoid")
    print(
        f"| {name} | {batch_size} | {count_trainable(network):,} | {1e3 * mine:.3g} | "
        f"{1e3 * loop:.3g} | {ratio:.2f} |",
        flush=True,
    )


def make_data() -> Tensors:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(N_SAMPLES, N_INPUTS, generator=generator)
    targets = torch.rand(N_SAMPLES, N_OUTPUTS, generator=generator)
    return Tensors(inputs, targets, inputs[:1], targets[:1])


def ours(configuration: Configuration, networks: OwnNetworks, data: Tensors) -> float:
    """Return the processor seconds of the workflow's trainer."""
    budget = Budget(max_updates=N_UPDATES)
    result = train(
        configuration, data, budget, output_activation="sigmoid", seed=1, networks=networks
    )
    return result.train_cpu_seconds


def bare(configuration: Configuration, networks: OwnNetworks, data: Tensors) -> float:
    """Return the processor seconds of a plain loop."""
    network = networks.build(configuration, N_INPUTS, N_OUTPUTS, "sigmoid")
    optimizer = torch.optim.Adam(network.parameters(), eps=EPSILON, fused=True)
    step(network, optimizer, data, torch.arange(configuration.batch_size))
    started = time.process_time()
    done = 0
    while done < N_UPDATES:
        for rows in torch.randperm(N_SAMPLES).split(configuration.batch_size):
            step(network, optimizer, data, rows)
            done += 1
            if done == N_UPDATES:
                break
    return time.process_time() - started


def step(
    network: nn.Module, optimizer: torch.optim.Optimizer, data: Tensors, rows: torch.Tensor
) -> None:
    optimizer.zero_grad()
    outputs = network(data.training_inputs[rows])
    nn.functional.mse_loss(outputs, data.training_targets[rows]).backward()
    optimizer.step()


if __name__ == "__main__":
    main()
