"""How step 1 uses one core and several, and what it spends beside training and validation.

    python benchmarks/scaling.py FOLDER [--trials N] [--cores N ...]

Prepares the data of the default study once and runs its step 1 (`snakemake search`) from there with
one core and with two. How busy the cores are is the processor time of all processes of the run, and
of those of the shards alone, from the start of the first shard until that of the last one; then
comes the tail, in which there is less to do than there are cores. Beside it stands what the machine
gives: the same trials trained by one plain process, and by as many at a time as there are cores,
several times in turn, as two cores may share memory, heat or even one core's parts. What other
programs take meanwhile is printed, too: it should be next to nothing.

Waste is the processor time of the shards, start included, that goes neither into training nor into
validation. The gathering of shuffled samples, a part of training there, is measured apart and added
in a second figure. An earlier run in FOLDER is replaced, but for the prepared data.
"""

import argparse
import json
import re
import shutil
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml
from processes import REPOSITORY, Measured, make_study, run, snakemake

from twostep.data.sizes import fraction_name
from twostep.trials.records import read_lines
from twostep.util.processor import processor_name
from twostep.util.wording import table

STUDY = "scaling"
INTERVAL = 0.25  # seconds between two looks at the processes
N_PLAIN_TRIALS = 10
N_ROUNDS = 3
PLAIN = """
import json, time
import torch
from twostep.training.data import load_training_data
from twostep.training.device import use_threads
from twostep.training.train import Budget, train
from twostep.training.warm_up import warm_up
from twostep.trials.configurations import draw_configurations
use_threads(1)
warm_up()
data, budget = load_training_data({manifest!r}).tensors, Budget(**{budget!r})
trials = draw_configurations({space!r}, range({n_trials}), seed={seed})
started = time.perf_counter()
for i, trial in enumerate(trials):
    train(trial, data, budget, output_activation={activation!r}, seed=i)
seconds = time.perf_counter() - started
started = time.process_time()
for trial in trials:
    for rows in torch.randperm(len(data.training_inputs)).split(trial.batch_size):
        for samples in (data.training_inputs, data.training_targets):
            samples.index_select(0, rows)
print(json.dumps([seconds, (time.process_time() - started) / len(trials)]))
"""


@dataclass
class Watch:
    """What is seen of a run's processes.

    Processor seconds so far of the main process and of its children, `shards` with the wall time,
    both of these and those of the whole machine when each shard started, and the wall time of the
    last look.
    """

    main: float = 0.0
    children: float = 0.0
    shards: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    last: float = 0.0

    def look(self, pid: int) -> None:
        """Look at the main process and its children."""
        names, seconds = [], 0.0
        try:
            main = psutil.Process(pid)
            # A child that has ended counts for the parent that waited for it. Parents come first:
            # what ends meanwhile is missed, and seen by the next look, but never counted twice.
            times = main.cpu_times()
            processes = main.children(recursive=True)
        except psutil.NoSuchProcess:
            return
        for process in processes:
            try:
                seconds += sum(process.cpu_times()[:4])
                names += re.findall(r"\w+\.search_shard\.py", " ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        self.last, self.main = time.perf_counter(), times.user + times.system
        ended = times.children_user + times.children_system
        self.children = max(self.children, ended + seconds)
        for name in names:
            self.shards.setdefault(name, (self.last, self.main, self.children, machine_seconds()))


def machine_seconds() -> float:
    """Return the processor seconds of all that runs, on this machine and on its host beside it."""
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.irq + times.softirq + times.steal


@dataclass(frozen=True)
class Outcome:
    """One run of step 1, the processor seconds in training and validation, and all epochs."""

    run: Measured
    watch: Watch
    trained: float
    epochs: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, help="by default those of the default study")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    config["study"] = STUDY
    search = config["search"]
    search["n_trials"] = arguments.trials or search["n_trials"]
    # The plain loop draws without them.
    search.pop("constraints", None)
    if search["n_trials"] <= max(arguments.cores) * search["shard_size"]:
        parser.error("more shards than cores are needed: give more trials")
    data = arguments.folder / "data"
    manifest = f"results/{STUDY}/subset/{fraction_name(search['fractions'][0])}/manifest.json"
    make_study(data, config)
    snakemake(data, manifest)
    outcomes = {cores: run_search(data, config, cores) for cores in arguments.cores}
    script = PLAIN.format(
        manifest=str((data / manifest).resolve()),
        budget=search["budget"],
        space=search["space"],
        n_trials=N_PLAIN_TRIALS,
        seed=config["seed"],
        activation=config["training"]["output_activation"],
    )
    rounds = {cores: [] for cores in arguments.cores}
    for _ in range(N_ROUNDS):
        for cores, found in rounds.items():
            found.append([json.loads(process.output) for process in run(*[script] * cores)])
    epoch = statistics.median(each[1] for turn in rounds[arguments.cores[0]] for each in turn)
    print(f"{search['n_trials']} trials. {processor_name()}\n")
    print(report_search(outcomes, epoch))
    print(f"\n{report_machine(rounds)}")


def run_search(data: Path, config: dict, cores: int) -> Outcome:
    """Run step 1 on a copy of the prepared study."""
    folder = data.with_name(f"cores_{cores}")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(data, folder)
    watch = Watch()
    measured = snakemake(folder, "search", cores=cores, look=watch.look, interval=INTERVAL)
    results = folder / "results" / STUDY / "search"
    timings = read_lines(results.glob("*/shard_*.timings.jsonl"))
    records = read_lines(results.glob("*/shard_*[0-9].jsonl"))
    trained = sum(line["train_cpu_seconds"] + line["validation_cpu_seconds"] for line in timings)
    return Outcome(measured, watch, trained, sum(record["epochs"] for record in records))


def report_search(outcomes: dict[int, Outcome], epoch: float) -> str:
    """Return a row for each run; gathering the samples of one epoch takes `epoch` seconds."""
    rows = [["cores", "step 1, wall s", "speed-up", "from the first shard's start, wall s"]]
    rows[0] += [
        "speed-up",
        "busy",
        "busy with shards",
        "other programs, cores",
        "all processes, CPU s",
        "shards, CPU s",
    ]
    rows[0] += ["training and validation, CPU s", "waste", "with gathering"]
    reference = None
    for cores, outcome in outcomes.items():
        watch = outcome.watch
        starts = sorted(watch.shards.values())
        walls = outcome.run.seconds, watch.last - starts[0][0]
        reference = reference or walls
        seconds, main, children, machine = (
            b - a for a, b in zip(starts[0], starts[-1], strict=True)
        )
        shards = outcome.run.cpu_seconds - watch.main
        waste = 1 - outcome.trained / shards
        row = [str(cores)]
        for wall, first in zip(walls, reference, strict=True):
            row += [f"{wall:.1f}", f"{first / wall:.2f}"]
        row += [f"{100 * busy / cores / seconds:.0f} %" for busy in (main + children, children)]
        row.append(f"{max(0, machine - main - children) / seconds:.2f}")
        row += [f"{x:.1f}" for x in (outcome.run.cpu_seconds, shards, outcome.trained)]
        row += [f"{100 * x:.1f} %" for x in (waste, waste + epoch * outcome.epochs / shards)]
        rows.append(row)
    return table(rows)


def report_machine(rounds: dict[int, list[list[list[float]]]]) -> str:
    """Return what the machine gives to plain processes: {processes: turns of their results}."""
    rows = [["plain processes at a time", "wall s (each turn)", "speed-up (each turn)"]]
    reference = [sum(1 / each[0] for each in turn) for turn in next(iter(rounds.values()))]
    for n_processes, turns in rounds.items():
        slowest = [max(each[0] for each in turn) for turn in turns]
        rates = [sum(1 / each[0] for each in turn) for turn in turns]
        gains = [rate / first for rate, first in zip(rates, reference, strict=True)]
        cells = [
            f"{statistics.median(values):.2f} ({', '.join(f'{x:.2f}' for x in values)})"
            for values in (slowest, gains)
        ]
        rows.append([str(n_processes), *cells])
    return table(rows)


if __name__ == "__main__":
    main()
