"""Speed beside the tools that users would pick instead: Keras Tuner, and Optuna with PyTorch.

    python benchmarks/peers.py FOLDER [--space laptop|paper]
        [--seeds N] [--configurations N] [--epochs N] [--peer-python PATH]

All three train the same list of 40 configurations, the first that a study with config/config.yaml
(laptop) or config/paper.yaml (paper) draws, for 20 epochs on the same 4,000 training samples, and
validate on the same 1,000 after each epoch: ReLU, sigmoid output, mean squared error, Adam with
Keras's epsilon, Glorot's initialisation. Ours runs the script of the rule `search_shard`, the peers
the programs in benchmarks/peers/, in an environment of their own: that of PATH, or one that is made
in FOLDER from benchmarks/peers/requirements.txt (3 GB).

One process at a time, on one core, with one thread. The list is cut into 4 chunks, which the
systems train in turn. What is compared are processor seconds, of user and system, of a process with
its children. Start-up is what comes before the first trial (imports, data, and a first trial of a
tiny network, which takes upon itself what happens only once) and the end of the process. It is
counted once, as the mean over the processes, for a user would run one; of Keras Tuner's, that tiny
network itself is about a second. With `--seeds` the whole list is trained several times. The
laptop's space takes about 9 minutes a seed, the paper's longer. All results are kept in FOLDER, as
laptop.json or paper.json.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import subset
import yaml
from processes import REPOSITORY, make_study, snakemake

from twostep.config.resolve import resolve_config
from twostep.training.configuration import Configuration
from twostep.training.precision import BFLOAT16, FLOAT32
from twostep.trials.configurations import draw_configurations, write_configurations
from twostep.util.files import read_json
from twostep.util.processor import processor_name

PROGRAMS = Path(__file__).with_suffix("")
OWN = "ours"
# With search.precision; the peers compute in float32.
PRECISIONS = {OWN: FLOAT32, "ours, bfloat16": BFLOAT16}
SYSTEMS = dict.fromkeys(PRECISIONS, "own_search.py") | {
    "Keras Tuner": "keras_tuner_search.py",
    "Optuna + PyTorch": "optuna_search.py",
}
PEERS = [system for system in SYSTEMS if system not in PRECISIONS]
SPACES = {"laptop": "config.yaml", "paper": "paper.yaml"}
# What all three do alike: a constant rate, and networks of at most 512 units a layer.
LAPTOP = {
    "width": [8, 16, 32, 64, 128, 256, 512],
    "learning_rate": 0.001,
    "learning_rate_schedule": "constant",
}
# Some of the generated samples are dropped: of the rest, more than are needed are for training.
N_GENERATED, N_TRAINING, N_VALIDATION = 6250, 4000, 1000
N_CHUNKS = 4
# Learnable parameters.
SIZES = [0, 10_000, 100_000, 1_000_000, np.inf]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def main() -> None:
    arguments = read_arguments()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    peer_python = arguments.peer_python or make_environment(folder / "environment")
    config = make_config(arguments.space)
    manifest = prepare(folder, config)
    configurations = draw_configurations(
        config["search"]["space"], range(arguments.configurations), seed=config["seed"]
    )
    listed = folder / "configurations.jsonl"
    write_configurations(listed, configurations)
    # One core for all processes that this one starts.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    task = {
        "manifest": str(manifest),
        "epochs": arguments.epochs,
        "list": str(listed),
    }
    runs = []
    for system, chunk in chunks(configurations, task, arguments.seeds):
        python = sys.executable if system in PRECISIONS else peer_python
        runs.append({"system": system} | run(python, system, chunk, folder))
        (folder / f"{arguments.space}.json").write_text(json.dumps(runs))
        print(".", end="", file=sys.stderr, flush=True)
    n_parameters = count_parameters(configurations, manifest)
    print(f"\n{arguments.space}: {processor_name()}; {', '.join(versions(runs))}")
    print_costs(runs, arguments.seeds)
    print_sizes(runs, np.tile(n_parameters, arguments.seeds))
    print_losses(runs, arguments.seeds)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--space", choices=SPACES, default="laptop")
    parser.add_argument("--seeds", type=int, help="default: 3 (laptop) or 1 (paper)")
    parser.add_argument("--configurations", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--peer-python", help="of an environment that has the peers")
    arguments = parser.parse_args()
    arguments.seeds = arguments.seeds or {"laptop": 3, "paper": 1}[arguments.space]
    return arguments


def make_environment(environment: Path) -> str:
    """Return the Python of the peers' environment, which is made if it is not there."""
    python, installed = environment / "bin" / "python", environment / "installed"
    if not installed.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        requirements = PROGRAMS / "requirements.txt"
        subprocess.run([python, "-m", "pip", "install", "-r", requirements], check=True)
        installed.touch()
    return str(python)


def make_config(space: str) -> dict:
    """Return the resolved config of a study with the samples that are needed."""
    config = yaml.safe_load((REPOSITORY / "config" / SPACES[space]).read_text())
    config["study"] = space
    config["generate"] |= {"n_samples": N_GENERATED, "samples_per_file": N_GENERATED}
    config["split"] |= {"validation": 0.2}
    config["search"].pop("constraints", None)
    if space == "laptop":
        config["search"]["space"] |= LAPTOP
    # Not used, but those of a study with more samples would be too small for a batch.
    config["search"]["fractions"] = [1]
    return resolve_config(config)


def prepare(folder: Path, config: dict) -> Path:
    """Generate and prepare the data with the workflow; return the manifest of the subset."""
    study = config["study"]
    prepared = folder / "results" / study / "prepare" / "manifest.json"
    make_study(folder, config)
    snakemake(folder, str(prepared.relative_to(folder)))
    manifest = folder / "data" / study / "manifest.json"
    subset.main(
        manifest=str(prepared),
        fraction=N_TRAINING / read_json(prepared)["splits"]["training"],
        n_validation=N_VALIDATION,
        batch_size=1,
        output=str(manifest),
    )
    if read_json(manifest)["splits"] != {"training": N_TRAINING, "validation": N_VALIDATION}:
        sys.exit("the data have another number of samples")
    return manifest


def chunks(
    configurations: list[Configuration], task: dict, n_seeds: int
) -> Iterator[tuple[str, dict]]:
    """Yield what each process has to do: its system and its task."""
    listed = [configuration.to_dict() for configuration in configurations]
    n_chunks = min(N_CHUNKS, len(listed))
    edges = np.linspace(0, len(listed), n_chunks + 1).round().astype(int).tolist()
    for seed, (first, last) in itertools.product(range(n_seeds), itertools.pairwise(edges)):
        for system in SYSTEMS:
            chunk = {"seed": seed, "first": first, "configurations": listed[first:last]}
            yield system, task | chunk | {"precision": PRECISIONS.get(system, FLOAT32)}


def run(python: str, system: str, task: dict, folder: Path) -> dict:
    """Run a system's process; return its result with the seconds of its start-up."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        work = Path(name)
        (work / "task.json").write_text(json.dumps(task | {"folder": name}))
        command = [python, str(PROGRAMS / SYSTEMS[system]), str(work / "task.json")]
        with (work / "output.txt").open("w") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | ONE_THREAD
            )
            # Of this process and its children alone.
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{system} failed:\n{(work / 'output.txt').read_text()[-5000:]}")
        result = read_json(work / "result.json")
    start_up = usage.ru_utime + usage.ru_stime - result["search_seconds"]
    return {"seed": task["seed"], "first": task["first"], "start_up_seconds": start_up} | result


def count_parameters(configurations: list[Configuration], manifest: Path) -> np.ndarray:
    """Return the learnable parameters of each configuration's network."""
    description = read_json(manifest)
    n_inputs, n_outputs = len(description["inputs"]), len(description["outputs"])
    return np.array([each.count_parameters(n_inputs, n_outputs) for each in configurations])


def versions(runs: list[dict]) -> list[str]:
    """Return the versions of all packages, ours and the peers', each once."""
    used = {(name, number) for each in runs for name, number in each["versions"].items()}
    return [f"{name} {number}" for name, number in sorted(used, key=lambda pair: pair[0].lower())]


def of_trials(runs: list[dict], system: str, name: str) -> np.ndarray:
    """Return a value of each trial of a system, seed by seed, in the order of the list."""
    return np.array(
        [trial[name] for each in runs if each["system"] == system for trial in each["trials"]]
    )


def print_costs(runs: list[dict], n_seeds: int) -> None:
    """Print the processor seconds of the whole list, a mean over the seeds."""
    costs = {}
    for system in SYSTEMS:
        own = [each for each in runs if each["system"] == system]
        search = sum(each["search_seconds"] for each in own) / n_seeds
        costs[system] = (np.mean([each["start_up_seconds"] for each in own]), search)
    ratios = " | ".join(f"{own} / this | without start-up" for own in PRECISIONS)
    print(f"\n| processor seconds | start-up | trials | together | {ratios} |")
    print("|---|" + " ---: |" * (3 + 2 * len(PRECISIONS)))
    for system, (start_up, search) in costs.items():
        cells = [f"{start_up:.1f}", f"{search:.1f}", f"{start_up + search:.1f}"]
        for own in PRECISIONS:
            cells += [f"{sum(costs[own]) / (start_up + search):.2f}"]
            cells += [f"{costs[own][1] / search:.2f}"]
        print(f"| {system} | {' | '.join(cells)} |")


def print_sizes(runs: list[dict], n_parameters: np.ndarray) -> None:
    """Print the processor seconds of a trial by the size of its network."""
    seconds = {system: of_trials(runs, system, "cpu_seconds") for system in SYSTEMS}
    pairs = list(itertools.product(PRECISIONS, PEERS))
    ratios = " | ".join(f"{own} / {peer}" for own, peer in pairs)
    print(f"\n| parameters, up to | trials | {', s | '.join(SYSTEMS)}, s | {ratios} |")
    print("|" + " ---: |" * (2 + len(SYSTEMS) + len(pairs)))
    for low, high in itertools.pairwise(SIZES):
        within = (n_parameters > low) & (n_parameters <= high)
        if within.any():
            means = {system: values[within].mean() for system, values in seconds.items()}
            cells = [f"{value:.2f}" for value in means.values()]
            cells += [f"{means[own] / means[peer]:.2f}" for own, peer in pairs]
            limit = "any" if high == np.inf else f"{high:,}"
            print(f"| {limit} | {within.sum()} | {' | '.join(cells)} |")


def print_losses(runs: list[dict], n_seeds: int) -> None:
    """Print how the validation losses of the last epoch agree.

    The ratio of a trial's losses, ours to the peer's, is given as its median over configurations
    and seeds, with a 95 % bootstrap interval over configurations. A difference is the median factor
    between the losses of one configuration, from two trainings with different seeds.
    """
    logs = {
        system: np.log(of_trials(runs, system, "val_loss").reshape(n_seeds, -1))
        for system in SYSTEMS
    }
    print("\n| last validation loss | ours / this | 95 % interval | differ, two seeds | and ours |")
    print("|---|" + " ---: |" * 4)
    seeds = {system: typical_difference(values, values) for system, values in logs.items()}
    print(f"| {OWN} | | | {percent(seeds[OWN])} | |")
    verdicts = []
    for peer in list(SYSTEMS)[1:]:
        ratios = logs[OWN] - logs[peer]
        low, high = interval(ratios)
        median = np.median(ratios)
        other = typical_difference(logs[OWN], logs[peer])
        print(
            f"| {peer} | {np.exp(median):.3f} | {np.exp(low):.3f} to {np.exp(high):.3f} | "
            f"{percent(seeds[peer])} | {percent(other)} |"
        )
        verdicts.append(f"{OWN} and {peer}: {verdict(median, low, high, seeds[OWN])}")
    print("\n" + "\n".join(verdicts))


def interval(ratios: np.ndarray) -> tuple[float, float]:
    """Return a 95 % interval of the median of (n_seeds, n_configurations), columns resampled."""
    columns = np.random.default_rng(1).integers(ratios.shape[1], size=(2000, ratios.shape[1]))
    return tuple(np.percentile([np.median(ratios[:, drawn]) for drawn in columns], [2.5, 97.5]))


def typical_difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the median absolute difference of (n_seeds, n_configurations) at different seeds."""
    pairs = itertools.permutations(range(len(first)), 2)
    differences = [np.abs(first[i] - second[j]) for i, j in pairs]
    return float(np.median(differences)) if differences else np.nan


def percent(logarithm: float) -> str:
    return "-" if np.isnan(logarithm) else f"{100 * np.expm1(logarithm):.1f} %"


def verdict(median: float, low: float, high: float, between_seeds: float) -> str:
    """Say whether two systems' losses agree, given the logarithms of their ratio."""
    if low <= 0 <= high:
        return "no difference in the median loss"
    if np.isnan(between_seeds):
        return "the median losses differ; only several seeds can tell whether by more than they do"
    if abs(median) < between_seeds:
        return "the median losses differ by less than two seeds do"
    return "THE MEDIAN LOSSES DIFFER by more than two seeds do"


if __name__ == "__main__":
    main()
