"""How long it takes to draw the list of configurations, with and without constraints.

    python benchmarks/drawing.py [trials, 10000]

Draws the paper's space as it is, then variants of it with a `max_parameters` that allows 1 % of the
networks: the one at that quantile of 20,000 random networks. Prints processor seconds. Takes
less than a minute.
"""

import random
import sys
import time
from pathlib import Path

import yaml

from twostep.config.resolve import resolve_config
from twostep.trials.configurations import draw_configurations
from twostep.trials.constraints import Constraints
from twostep.trials.networks import Networks
from twostep.util.processor import processor_name

PAPER = Path(__file__).parents[1] / "config/paper.yaml"
N_INPUTS, N_OUTPUTS = 16, 4
N_NETWORKS = 20_000
SHARE = 0.01
# So that a space of few networks has enough configurations.
RATES = {"learning_rate": {"min": 1e-4, "max": 1e-2, "log": True}}
VARIANTS = {
    "1 to 20 layers": {},
    "the same, widths from a range": {"width": {"min": 8, "max": 2048, "log": True}},
    "8 to 20 layers": {"n_hidden_layers": {"min": 8, "max": 20}},
    "8 to 20 layers, equal or tapering": {
        "n_hidden_layers": {"min": 8, "max": 20},
        "width_pattern": ["equal", "tapering"],
    },
}


def main() -> None:
    n_trials = int(sys.argv[1]) if sys.argv[1:] else 10_000
    paper = resolve_config(yaml.safe_load(PAPER.read_text()))["search"]["space"]
    print(f"{n_trials:,} trials. {processor_name()}\n")
    print("| space | most parameters | networks allowed | processor seconds |")
    print("| --- | ---: | ---: | ---: |")
    print(f"| the paper's | | 100 % | {seconds(paper, n_trials, None):.2f} |", flush=True)
    for name, change in VARIANTS.items():
        space = {**paper, **RATES, **change}
        sizes = network_sizes(space)
        most = sizes[int(SHARE * len(sizes))]
        allowed = sum(size <= most for size in sizes) / len(sizes)
        taken = seconds(space, n_trials, Constraints(N_INPUTS, N_OUTPUTS, most, None))
        print(f"| {name} | {most:,} | {allowed:.1%} | {taken:.2f} |", flush=True)


def network_sizes(space: dict) -> list[int]:
    """Return the numbers of parameters of random networks of a space, in ascending order."""
    networks, uniform = Networks(space, None), random.Random(0).random
    free = Constraints(N_INPUTS, N_OUTPUTS, None, None)
    return sorted(free.count(networks.draw(uniform))[0] for _ in range(N_NETWORKS))


def seconds(space: dict, n_trials: int, constraints: Constraints | None) -> float:
    """Return the processor time of drawing a list."""
    started = time.process_time()
    draw_configurations(space, range(n_trials), seed=1, constraints=constraints)
    return time.process_time() - started


if __name__ == "__main__":
    main()
