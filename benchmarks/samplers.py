"""What the samplers cost, and how much their configurations differ from each other.

    python benchmarks/samplers.py [earlier trials, 0 100 1000 10000]

In the space of the default study, with a range of learning rates. First, the processor seconds of
choosing a generation of 100 after so many earlier trials, whose losses are made up, beside those of
training it: a trial of the default study takes some 0.6 s. The first generation is drawn.
Then the spread of a batch of 50: the mean distance of two configurations in the unit cube of the
encoding, and how many are equal to an earlier one of the batch. TPE's batch is shown as proposed,
and as it is tried. Takes a few minutes.
"""

import itertools
import math
import random
import sys
import time
from functools import partial
from pathlib import Path

import yaml

from twostep.config.resolve import resolve_config
from twostep.training.configuration import Configuration
from twostep.trials.configurations import draw_configurations, make_draws
from twostep.trials.constraints import make_constraints
from twostep.trials.encoding import Encoding
from twostep.trials.generations import draw_generation
from twostep.trials.quasi_random import sobol_points
from twostep.trials.tpe import propose
from twostep.util.processor import processor_name

DEFAULT = Path(__file__).parents[1] / "config/config.yaml"
N_INPUTS, N_OUTPUTS = 16, 4
GENERATION, BATCH = 100, 50
# Processor seconds of a trial of the default study: see docs/benchmarks.md.
TRIAL_SECONDS = 0.6
# Configurations of networks alone are too few for 10,000 trials.
RATES = {"learning_rate": {"min": 1e-4, "max": 1e-2, "log": True}}


def main() -> None:
    search = resolve_config(yaml.safe_load(DEFAULT.read_text()))["search"]
    constraints = make_constraints(search["constraints"], n_inputs=N_INPUTS, n_outputs=N_OUTPUTS)
    space = {**search["space"], **RATES}
    print(f"{processor_name()}\n")
    print("| earlier trials | processor seconds for 100 | share of their training |")
    print("| ---: | ---: | ---: |")
    for n_trials in map(int, sys.argv[1:] or (0, 100, 1000, 10_000)):
        drawn = draw_configurations(space, range(n_trials), seed=1, constraints=constraints)
        draws, records = make_draws(space, seed=1, constraints=constraints), told(drawn)
        started = time.process_time()
        draw_generation(
            draws,
            range(n_trials, n_trials + GENERATION),
            records,
            partial(propose, space, seed=1, generation=1),
        )
        taken = time.process_time() - started
        share = taken / (GENERATION * TRIAL_SECONDS)
        print(f"| {n_trials:,} | {taken:.1f} | {share:.1%} |", flush=True)
    for name, varied in (("default space", search["space"]), ("with learning rates", space)):
        print(f"\n| batch of 50, {name} | mean distance | repetitions | too large |")
        print("| --- | ---: | ---: | ---: |")
        for kind, batch in batches(varied, constraints).items():
            row = [kind, f"{spread(varied, batch):.2f}", len(batch) - len(set(batch))]
            too_large = sum(not constraints.allow(each.hidden_widths) for each in batch)
            print(f"| {' | '.join(map(str, [*row, too_large]))} |", flush=True)


def told(configurations: list[Configuration]) -> list[dict]:
    """Return records with losses that favour middle sizes, with some scatter."""
    scatter = random.Random(0)
    return [
        {
            "trial": i,
            "status": "ok",
            "min_val_loss": loss(each) * math.exp(scatter.gauss(0, 0.2)),
            "configuration": each.to_dict(),
        }
        for i, each in enumerate(configurations)
    ]


def loss(configuration: Configuration) -> float:
    """Return a made-up loss of a configuration."""
    size = configuration.count_parameters(N_INPUTS, N_OUTPUTS)
    rate = math.log(configuration.learning_rate / 1e-3)
    return math.exp(0.3 * abs(math.log(size / 50_000)) + 0.2 * abs(rate))


def batches(space: dict, constraints) -> dict[str, list[Configuration]]:
    """Return a batch of each kind; those of TPE after 100 random trials."""
    first = draw_configurations(space, range(GENERATION), seed=1, constraints=constraints)
    trials = range(GENERATION, GENERATION + BATCH)
    records = told(first)
    proposed = propose(space, records, BATCH, seed=1, generation=1)
    return {
        "random": draw_configurations(space, trials, seed=1, constraints=constraints),
        "qmc": draw_configurations(
            space, trials, seed=1, constraints=constraints, points=sobol_points(space, 1)
        ),
        "tpe, as proposed": proposed,
        "tpe, as tried": draw_generation(
            make_draws(space, seed=1, constraints=constraints),
            trials,
            records,
            lambda *_: proposed,
        ),
    }


def spread(space: dict, batch: list[Configuration]) -> float:
    """Return the mean distance of two configurations in the unit cube; unused layers are 0."""
    encoding = Encoding(space)
    places = [
        [position(each, place[name]) for name, each in encoding.dimensions.items()]
        for place in map(encoding.encode, batch)
    ]
    pairs = list(itertools.combinations(places, 2))
    return sum(math.dist(*pair) for pair in pairs) / len(pairs)


def position(dimension, place) -> float:
    """Return a place of a numeric dimension within 0 and 1."""
    if place is None:
        return 0.0
    scale = math.log if dimension.log else float
    low, high = scale(dimension.low), scale(dimension.high)
    return (scale(place) - low) / (high - low)


if __name__ == "__main__":
    main()
