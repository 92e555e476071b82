"""What the two steps save, and what they lose, against the same search on all data.

    python benchmarks/method_gain.py FOLDER [--trials N] [--cores N]

Runs the default study in FOLDER on several fractions at once, with every trial retrained: that is
the search on all data, with step 2's budget and other random draws than step 1. Two steps with a
smaller top_k are then read off the tables. What is there already is not made again, as with
Snakemake itself, so that the same command goes on after an interruption, or prints only. The study
says how far it is in FOLDER/output.txt.

Saved: processor seconds of all retrainings over those of step 1 and the retraining of its first
top_k. Regret: the loss of the best of these after retraining over that of the best of all trials,
each chosen by validation loss. Intervals are the middle 90 % over random halves of the trials with
the same share retrained, which spread about as samples of all trials would: of an odd top_k every
other half has the larger half, and 1 remains 1. Start and end of a job, measured apart, are added
once for each shard of step 1 and for each retrained trial; the search on all data is given shards
of the same number of trials.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from processes import REPOSITORY, children_seconds, make_study, run, snakemake

from twostep.analysis.agreement import rank_correlation
from twostep.data.sizes import fraction_name
from twostep.util.tables import read_ranking, read_table
from twostep.util.wording import table, times

STUDY = "method_gain"
FRACTIONS = [0.0125, 0.05, 0.2]
TOP_K = (1, 3, 6, 12)
N_HALVES = 1000
TAILS = (5, 95)
# What is computed from the measured means: trials and top_k.
OTHER_STUDIES = [(200, 12), (200, 50), (10_000, 12), (10_000, 50)]
# The best configurations are larger, and cost more, than the mean one.
N_FIRST = 12
N_STARTS = 3
# What a job does besides its trials.
START = """
from snakemake.script import Snakemake
import search_shard
search_shard.supervise()
search_shard.make_trainer(
    {manifest!r}, budget={{}}, output_activation="linear", objective={{}}, study_seed=0, n_gpus=0,
    threads=1,
)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    config = make_config(arguments.trials)
    make_study(arguments.folder, config)
    # A run that was killed has left its lock.
    snakemake(arguments.folder, "--unlock")
    retrained = f"results/{STUDY}/select/retrained.csv"
    snakemake(arguments.folder, retrained, cores=arguments.cores)
    results = arguments.folder / "results" / STUDY
    start = measure_start(results.resolve() / "prepare" / "manifest.json")
    fractions = {
        name: read_trials(results, name, arguments.trials) for name in map(fraction_name, FRACTIONS)
    }
    for trials in fractions.values():
        add_costs(trials, start, config["search"]["shard_size"])
    timings = read_table(results / "select" / "timings.csv")
    machine = [" and ".join(timings[column].unique()) for column in ("processor", "torch", "numpy")]
    print(f"{arguments.trials} trials. {machine[0]}, torch {machine[1]}, numpy {machine[2]}")
    print(f"Start and end of a job take {start:.2f} processor seconds.\n")
    print(gains_table(fractions))
    print(f"\nWhat bounds the gain, by means over the trials:\n\n{bounds_table(fractions)}\n")
    for name, trials in fractions.items():
        print(explain(name, trials))
    print(f"\nSaved in other studies, computed from these means:\n\n{others_table(fractions)}")


def make_config(n_trials: int) -> dict:
    """Return the default config with every trial retrained."""
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    config["study"] = STUDY
    config["search"] |= {"n_trials": n_trials, "fractions": FRACTIONS}
    config["retrain"] |= {"top_k": n_trials, "controls": 0}
    return config


def read_trials(results: Path, fraction: str, n_trials: int) -> pd.DataFrame:
    """Return both trainings of each trial that succeeded in both, in the order of step 1.

    Columns have the suffix _1 in step 1 and _2 on all data; a loss is `min_val_loss`.
    """
    ranking = read_ranking(results / "rank" / fraction / "trials.csv", n_trials)
    first = ranking.merge(read_table(results / "rank" / fraction / "timings.csv"), on="trial")
    second = read_table(results / "select" / "retrained.csv").merge(
        read_table(results / "select" / "timings.csv"), on=["trial", "seed"]
    )
    trials = first.merge(second, on="trial", suffixes=("_1", "_2"), validate="one_to_one")
    trials = trials[(trials["status_1"] == "ok") & (trials["status_2"] == "ok")]
    if len(trials) < n_trials:
        print(f"fraction {fraction}: {n_trials - len(trials)} failed trials are left out")
    return trials.sort_values("rank", ignore_index=True)


def measure_start(manifest: Path) -> float:
    """Return the processor seconds of a job that trains nothing, its end included."""
    script = START.format(manifest=str(manifest))
    seconds = []
    for _ in range(N_STARTS):
        before = children_seconds()
        run(script)
        seconds.append(children_seconds() - before)
    return float(np.median(seconds))


def add_costs(trials: pd.DataFrame, start: float, shard_size: int) -> None:
    """Add each trial's cost in step 1, as a retraining, and in the search on all data."""
    trials["step_1"] = trials["cpu_seconds_1"] + start / shard_size
    trials["retraining"] = trials["cpu_seconds_2"] + start
    trials["full"] = trials["cpu_seconds_2"] + start / shard_size


def measure(trials: pd.DataFrame, top_k: int) -> list[float]:
    """Return the factor saved, and the regret in validation loss and in test RMSE."""
    chosen = trials.head(top_k)
    both = trials["step_1"].sum() + chosen["retraining"].sum()
    winner = chosen.loc[chosen["min_val_loss_2"].idxmin()]
    best = trials.loc[trials["min_val_loss_2"].idxmin()]
    regrets = [winner[column] / best[column] for column in ("min_val_loss_2", "test_rmse")]
    return [trials["full"].sum() / both, *regrets]


def measure_halves(trials: pd.DataFrame, top_k: int) -> np.ndarray:
    """Return the ends of the intervals of what `measure` returns, (2, 3)."""
    random = np.random.default_rng(1)
    measured = []
    for i in range(N_HALVES):
        rows = np.sort(random.choice(len(trials), len(trials) // 2, replace=False))
        measured.append(measure(trials.iloc[rows], max(1, (top_k + i % 2) // 2)))
    return np.percentile(measured, TAILS, axis=0)


def gains_table(fractions: dict[str, pd.DataFrame]) -> str:
    rows = [["fraction", "top_k", "share retrained", "saved [90 %]", "step 1's share of the cost"]]
    rows[0] += ["regret, validation loss [90 %]", "regret, test RMSE [90 %]"]
    for name, trials in fractions.items():
        step_1 = trials["step_1"].sum()
        for top_k in (k for k in TOP_K if k <= len(trials) // 2):
            ends = measure_halves(trials, top_k).T
            values = zip(measure(trials, top_k), ends, strict=True)
            saved, *regrets = [
                f"{value:.3g} [{low:.3g}, {high:.3g}]" for value, (low, high) in values
            ]
            share = step_1 / (step_1 + trials["retraining"].head(top_k).sum())
            rows.append([name, str(top_k), f"{100 * top_k / len(trials):.0f} %"])
            rows[-1] += [saved, f"{100 * share:.0f} %", *regrets]
    return table(rows)


def bounds_table(fractions: dict[str, pd.DataFrame]) -> str:
    """Return what a trial takes in either step, and how far the rankings agree."""
    rows = [
        ["fraction", "Spearman [95 %]", "step 1, CPU s", "all data, CPU s", "limit of the factor"]
    ]
    rows[0] += ["epochs, step 1", "all data", "updates, step 1", "all data"]
    rows[0] += ["training, step 1", "all data", "validation, step 1", "all data"]
    for name, trials in fractions.items():
        steps = [trials.filter(regex=f"_{step}$").mean(numeric_only=True) for step in (1, 2)]
        seconds = trials["step_1"].mean(), trials["full"].mean()
        agreement = rank_correlation(trials["min_val_loss_1"], trials["min_val_loss_2"])
        rows.append([name, str(agreement), *(f"{value:.2f}" for value in seconds)])
        rows[-1].append(times(seconds[1] / seconds[0]))
        for column, form in (("epochs", "{:.1f}"), ("updates", "{:,.0f}")):
            rows[-1] += [form.format(mean[f"{column}_{i}"]) for i, mean in enumerate(steps, 1)]
        for column in ("train", "validation"):
            for i, mean in enumerate(steps, 1):
                share = mean[f"{column}_cpu_seconds_{i}"] / seconds[i - 1]
                rows[-1].append(f"{100 * share:.0f} %")
    return table(rows)


def explain(fraction: str, trials: pd.DataFrame) -> str:
    """Return why step 1 on a fraction of the data takes more than that fraction of the time."""
    mean = trials.mean(numeric_only=True)
    growth = mean["step_1"] / mean["full"] / float(fraction)
    epochs = mean["epochs_1"] / mean["epochs_2"]
    trained = mean["train_cpu_seconds_1"] / mean["train_cpu_seconds_2"] / float(fraction) / epochs
    rest = mean["step_1"] / mean["train_cpu_seconds_1"]
    rest /= mean["full"] / mean["train_cpu_seconds_2"]
    return (
        f"* Fraction {fraction}: a trial of step 1 takes {times(growth)} times that fraction of "
        f"its time on all data: {times(epochs)} times as many epochs, {times(trained)} times the "
        f"training time of a sample in an epoch, {times(rest)} times for the larger share of the "
        "time that is no training (validation, the start of processes)."
    )


def others_table(fractions: dict[str, pd.DataFrame]) -> str:
    """Return the factor for other numbers of trials, which all cost as the measured ones do."""
    rows = [["fraction", *(f"{n:,} trials, top_k {k}" for n, k in OTHER_STUDIES)]]
    for name, trials in fractions.items():
        step_1, full = trials["step_1"].mean(), trials["full"].mean()
        first = trials["retraining"].head(N_FIRST).mean()
        saved = [n * full / (n * step_1 + top_k * first) for n, top_k in OTHER_STUDIES]
        rows.append([name, *map(times, saved)])
    return (
        table(rows)
        + f"\n\nA retrained trial at the mean of the first {min(N_FIRST, len(trials))} of step 1."
    )


if __name__ == "__main__":
    main()
