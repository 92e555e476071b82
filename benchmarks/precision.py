"""Step 1 in bfloat16 (`search.precision`) beside step 1 in float32: its ranking and its time.

    python benchmarks/precision.py shapes
    python benchmarks/precision.py FOLDER [--space laptop|paper] [--configurations N] [--epochs N]

`shapes` trains networks whose hidden layers have one shape, in float32, and with all products of
these layers in bfloat16: what decides from which shape on bfloat16 is used.

Otherwise, the first configurations that a study with config/config.yaml (laptop) or
config/paper.yaml (paper) draws are trained on 4,000 of its samples: in float32 and in bfloat16,
each with two seeds, with the budget of step 1, or for `--epochs` without patience. All take turns.
Printed are how the rankings by validation loss agree, how losses differ, and the processor time. In
the laptop's space, the best four are then trained on all data with step 2's budget, in both
precisions. The data are prepared by the workflow, and kept in FOLDER. The laptop's space takes some
minutes, the paper's an hour.
"""

import os

# Before any library starts its threads.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import argparse
import itertools
import logging
import statistics
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import yaml
from processes import REPOSITORY, make_study, snakemake
from scipy.stats import spearmanr
from training_speed import count_updates, make_data

from twostep.config.resolve import resolve_config
from twostep.training import bfloat16
from twostep.training.configuration import Configuration
from twostep.training.precision import BFLOAT16, FLOAT32, fully_connected
from twostep.training.train import Budget, train
from twostep.training.warm_up import warm_up
from twostep.trials.configurations import draw_configurations
from twostep.trials.constraints import make_constraints
from twostep.trials.trainer import Trainer, make_trainer
from twostep.trials.trial import Trial
from twostep.util.processor import processor_name
from twostep.util.wording import table

SPACES = {"laptop": "config.yaml", "paper": "paper.yaml"}
# Some of the samples are dropped: of the rest, a twentieth is what step 1 trains on.
N_SAMPLES, FRACTION = 100_000, 0.05
PRECISIONS, SEEDS = (FLOAT32, BFLOAT16), (0, 1)
PAIRS = {
    "float32, one seed and another": ((FLOAT32, 0), (FLOAT32, 1)),
    "float32 and bfloat16, first seed": ((FLOAT32, 0), (BFLOAT16, 0)),
    "float32 and bfloat16, second seed": ((FLOAT32, 1), (BFLOAT16, 1)),
}
N_ON_ALL_DATA = 4
# Rows and units of neighbouring layers, by their product.
SHAPES = [
    *((256, 64, 128), (64, 128, 256), (1024, 32, 64), (1024, 8, 256), (32, 256, 256)),
    *((256, 128, 128), (64, 256, 256), (1024, 64, 64), (1024, 16, 256), (1024, 8, 512)),
    *((512, 128, 128), (128, 256, 256), (32, 512, 512), (1024, 32, 256), (1024, 8, 1024)),
    *((1024, 128, 128), (256, 256, 256), (64, 512, 512), (1024, 32, 512), (1024, 8, 2048)),
    *((1024, 128, 256), (128, 512, 512), (1024, 64, 512), (1024, 16, 2048)),
    *((1024, 512, 512), (128, 2048, 1024)),
]
N_TURNS = 7


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="or the word shapes")
    parser.add_argument("--space", choices=SPACES, default="laptop")
    parser.add_argument("--configurations", type=int, default=60)
    parser.add_argument("--epochs", type=int)
    arguments = parser.parse_args()
    logging.disable(logging.INFO)
    warm_up()
    print(f"{processor_name()}, torch {torch.__version__}, numpy {np.__version__}, one core\n")
    if arguments.folder == "shapes":
        compare_shapes()
    else:
        config = make_config(arguments.space, arguments.epochs)
        compare_rankings(Path(arguments.folder), config, arguments.configurations)


def compare_shapes() -> None:
    """Print the time of an update in bfloat16 over that in float32, by the shape of layers."""
    data = make_data()
    print("| rows | units | multiplications, 2^20 | update, float32, ms | bfloat16 / float32 |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for n_rows, first, second in SHAPES:
        widths = (first, second, first, second, first)
        configuration = Configuration(widths, 1e-3, n_rows, "relu", "adam", 0.0, 0.0)
        n_updates = count_updates(configuration)
        # The layers between hidden ones, but not what comes before them unless it is as large.
        size = bfloat16.FEWEST_MULTIPLICATIONS = n_rows * first * second
        seconds: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
        for _, precision in itertools.product(range(N_TURNS), PRECISIONS):
            result = train(
                configuration,
                data,
                Budget(max_updates=n_updates),
                output_activation="sigmoid",
                seed=1,
                networks=fully_connected(precision),
            )
            seconds[precision].append(result.train_cpu_seconds / n_updates)
        ratios = [b / a for a, b in zip(*seconds.values(), strict=True)]
        update = 1e3 * min(seconds[FLOAT32])
        print(
            f"| {n_rows:,} | {first} and {second} | {size / 2**20:g} | {update:.3g} | "
            f"{statistics.median(ratios):.2f} |",
            flush=True,
        )


def compare_rankings(folder: Path, config: dict, n_configurations: int) -> None:
    """Train the configurations in all ways, and print what comes of it after each tenth of them."""
    space = config["study"]
    make_study(folder, config)
    manifest = f"results/{config['study']}/subset/{FRACTION}/manifest.json"
    snakemake(folder, manifest)
    trainer = make_float32_trainer(folder / manifest, config, "search")
    trainers = {each: replace(trainer, precision=each) for each in PRECISIONS}
    losses: dict[tuple[str, int], list[float]] = {}
    seconds: dict[tuple[str, int], list[float]] = {}
    configurations = draw(config, n_configurations, trainer)
    for trial, configuration in enumerate(configurations):
        for seed, precision in itertools.product(SEEDS, PRECISIONS):
            way = precision, seed
            finished = trainers[precision].run(Trial(trial, configuration, "search", seed))
            loss = finished.record["min_val_loss"]
            losses.setdefault(way, []).append(np.nan if loss is None else loss)
            seconds.setdefault(way, []).append(finished.timing["cpu_seconds"])
        done = trial + 1
        if done == n_configurations or done % max(5, n_configurations // 10) == 0:
            print(
                f"{space}, {done} configurations\n\n{report(losses, seconds, configurations)}\n",
                flush=True,
            )
    if space == "laptop":
        best = np.argsort(losses[FLOAT32, 0])[:N_ON_ALL_DATA].tolist()
        compare_on_all_data(folder, config, configurations, best)


def make_config(space: str, epochs: int | None) -> dict:
    """Return the resolved config of a study with the samples that are needed."""
    config = yaml.safe_load((REPOSITORY / "config" / SPACES[space]).read_text(encoding="utf-8"))
    config["study"] = space
    config["generate"]["n_samples"] = N_SAMPLES
    config["search"]["fractions"] = [FRACTION]
    if epochs:
        config["search"]["budget"] = {
            "max_epochs": epochs,
            "patience_epochs": None,
            "patience_updates": None,
        }
    return resolve_config(config)


def make_float32_trainer(manifest: Path, config: dict, step: str) -> Trainer:
    """Return the trainer of a step, for data that are prepared."""
    return make_trainer(
        manifest,
        budget=config[step]["budget"],
        output_activation=config["training"]["output_activation"],
        objective={},
        study_seed=config["seed"],
        n_gpus=0,
        threads=1,
    )


def draw(config: dict, n_configurations: int, trainer: Trainer) -> list[Configuration]:
    """Return the first configurations of the study."""
    search = config["search"]
    constraints = make_constraints(
        search["constraints"],
        n_inputs=len(trainer.data.input_names),
        n_outputs=len(trainer.data.output_names),
    )
    return draw_configurations(
        search["space"], range(n_configurations), seed=config["seed"], constraints=constraints
    )


def report(losses: dict, seconds: dict, configurations: list[Configuration]) -> str:
    """Return the table of agreement and time, and that of groups of networks."""
    rows = [["", "Spearman", "median ratio of losses", "standard deviation of ln", "time"]]
    for name, ways in PAIRS.items():
        logarithms, correlation = compare(*(losses[way] for way in ways))
        before, after = (sum(seconds[way]) for way in ways)
        ratio = np.exp(np.nanmedian(logarithms))
        spread = np.nanstd(logarithms)
        rows.append([name, f"{correlation:.3f}", f"{ratio:.3f}", f"{spread:.3f}"])
        rows[-1].append(f"{after / before:.2f}")
    return table(rows) + "\n\n" + report_groups(losses, seconds, configurations)


def compare(first: list[float], second: list[float]) -> tuple[np.ndarray, float]:
    """Return the logarithms of the ratios of losses, and Spearman's correlation."""
    logarithms = np.log(np.array(second) / np.array(first))
    return logarithms, spearmanr(first, second, nan_policy="omit").statistic


def report_groups(losses: dict, seconds: dict, configurations: list[Configuration]) -> str:
    """Return the table of standard deviations of ln, and of times, by groups of networks."""
    of_float32 = np.array(losses[FLOAT32, 0])
    depths = np.array([len(each.hidden_widths) for each in configurations[: len(of_float32)]])
    widths = np.array([np.mean(each.hidden_widths) for each in configurations[: len(of_float32)]])
    groups = {
        "best quarter": of_float32 <= np.nanquantile(of_float32, 0.25),
        "mean width of at most 128": widths <= 128,
        "mean width above 128": widths > 128,
        "more than 10 hidden layers": depths > 10,
    }
    rows = [["networks", "number", *(f"{name}: standard deviation of ln" for name in PAIRS)]]
    rows[0].append("time, bfloat16 / float32")
    for name, group in groups.items():
        spreads = [
            np.nanstd(compare(*(losses[way] for way in ways))[0][group]) if group.any() else np.nan
            for ways in PAIRS.values()
        ]
        exact, rounded = (np.array(seconds[each, 0])[group].sum() for each in PRECISIONS)
        time = f"{rounded / exact:.2f}" if group.any() else ""
        rows.append([name, str(group.sum()), *(f"{spread:.3f}" for spread in spreads), time])
    return table(rows)


def compare_on_all_data(
    folder: Path, config: dict, configurations: list[Configuration], best: list[int]
) -> None:
    """Print the losses of some trials as step 2 trains them, which it does in float32 alone."""
    manifest = folder / f"results/{config['study']}/prepare/manifest.json"
    trainer = make_float32_trainer(manifest, config, "retrain")
    rows = [["trial", "float32, one seed", "another", "bfloat16, one seed", "another"]]
    for trial in best:
        found = [
            replace(trainer, precision=precision)
            .run(Trial(trial, configurations[trial], "retrain", seed))
            .record["min_val_loss"]
            for precision, seed in itertools.product(PRECISIONS, SEEDS)
        ]
        rows.append([str(trial), *(f"{loss:.2e}" for loss in found)])
    print(f"trained on all data\n\n{table(rows)}")


if __name__ == "__main__":
    main()
