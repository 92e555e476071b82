"""How far a running study is, from its journal and its results; nothing is written.

Without torch, and without pandas as long as no trials are ranked: a look must be a quick one.
"""

import itertools
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from twostep.data.sizes import fraction_name
from twostep.running.at_work import Jobs, find_jobs
from twostep.running.lists import read_lists, read_or_none
from twostep.running.own_trials import Keys, count_trials
from twostep.running.step import Done, Step
from twostep.training.configuration import Configuration
from twostep.trials.journal import OUTLINE, OUTLINE_TIMING
from twostep.trials.rounds import round_sizes
from twostep.trials.rungs import ranking_file, rankings_of_step_2, rung_name
from twostep.trials.samplers import generation_of, is_adaptive
from twostep.util.errors import UserError
from twostep.util.origin import config_of_results

if TYPE_CHECKING:
    import pandas as pd

# What follows step 2: each result is complete when its origin is there.
CLOSING = {
    "selection": "select/origin.json",
    "inference times": "inference/inference.origin.json",
    "predictions": "predict/predictions.origin.json",
    "export": "export/selected/origin.json",
    "figures": "figures/origin.json",
    "summary": "summary.origin.json",
    "provenance": "provenance.origin.json",
    "report": "report/origin.json",
}


@dataclass(frozen=True)
class Progress:
    """How far a study is: its folder, the manifest of its data or None, and its steps.

    `parts` are how many parts of the generated data are there, and of how many; None if the data
    are the user's. `missing` are the results that follow step 2 and are not there. With
    `is_described` the provenance that is there tells of the same config.
    """

    folder: Path
    parts: tuple[int, int] | None
    manifest: dict | None
    searches: list[Step]
    rungs: list[Step]
    n_ranked: int
    retraining: Step
    missing: list[str]
    jobs: Jobs
    is_described: bool

    @property
    def steps(self) -> list[Step]:
        """All steps, in their order."""
        return [*self.searches, *self.rungs, self.retraining]

    @property
    def is_trained(self) -> bool:
        """Whether all steps are done."""
        return all(step.n_done == step.n_wanted for step in self.steps)

    @property
    def finished(self) -> bool:
        """Whether a run would find nothing to do."""
        return self.is_trained and self.is_described and not self.missing

    @property
    def moved(self) -> float | None:
        """When something happened last, in seconds since 1970; None if nothing is known."""
        ends = [done.end for step in self.steps for done in step.trained]
        return max([*ends, self.jobs.moved or 0.0]) or None


def measure_progress(config: dict, folder: str | Path, now: float) -> Progress:
    """Return how far the study with this resolved config is, whose results are in `folder`.

    `now` are the seconds since 1970. What is damaged counts as not there, as a run would do it
    again.
    """
    folder = Path(folder)
    search = config["search"]
    names = [fraction_name(value) for value in search["fractions"]]
    configurations = read_lists(config, folder)
    searches = [_measure_search(config, folder, name, configurations) for name in names]
    rankings = _read_rankings(folder, names, search["n_trials"])
    rungs = []
    for number in range(1, len(search["rungs"]) + 1):
        rung, rankings = _measure_rung(config, folder, number, rankings, configurations)
        rungs.append(rung)
    retraining = _measure_retraining(config, folder, rankings, configurations)
    missing = [name for name, origin in CLOSING.items() if not (folder / origin).exists()]
    return Progress(
        folder,
        _count_parts(config, folder),
        read_or_none(folder / "prepare/manifest.json", "data_hash", "splits"),
        searches,
        rungs,
        len(rankings),
        retraining,
        missing,
        find_jobs(folder, searches, rungs, retraining, now),
        is_described=_describes(read_or_none(folder / "provenance.json"), config),
    )


def _count_parts(config: dict, folder: Path) -> tuple[int, int] | None:
    if config["dataset"]["files"] is not None:
        return None
    generate = config["generate"]
    n_parts = math.ceil(generate["n_samples"] / generate["samples_per_file"])
    paths = (folder / f"generate/part_{part}.nc" for part in range(n_parts))
    return sum(path.exists() for path in paths), n_parts


def _describes(provenance: dict | None, config: dict) -> bool:
    """Tell whether a study's last result was made from this config."""
    used = json.loads(json.dumps(config_of_results(config)))
    return provenance is not None and provenance.get("config") == used


def _measure_search(
    config: dict, folder: Path, fraction: str, configurations: list[Configuration]
) -> Step:
    step = Step(fraction, config["search"]["n_trials"])
    search, data_hash = config["search"], _data_hash(folder / "subset" / fraction)
    keys = Keys(config, "search", search["budget"], data_hash, search["precision"])
    count_trials(step, folder / "journal/search" / fraction, keys, configurations)
    if is_adaptive(search):
        last = search["n_trials"] - 1
        now, of = (generation_of(search, trial) + 1 for trial in (min(step.n_done, last), last))
        step.part = (now, of)
    return step


def _measure_rung(
    config: dict,
    folder: Path,
    number: int,
    rankings: "list[pd.DataFrame]",
    configurations: list[Configuration],
) -> "tuple[Step, list[pd.DataFrame]]":
    """Return a rung and its ranking, if that is there; `rankings` are those before it."""
    step = Step(str(number), None)
    if not rankings:
        return step, []
    from twostep.trials.ranking import trials_to_retrain

    rung = config["search"]["rungs"][number - 1]
    cut = config["retrain"] | {"top_k": rung["top_k"]}
    trials = trials_to_retrain(rankings, cut, seed=config["seed"])
    step.n_wanted = len(trials)
    data_hash = _data_hash(folder / "subset" / fraction_name(rung["fraction"]))
    precision = config["search"]["precision"]
    keys = Keys(config, rung_name(number), rung["budget"], data_hash, precision)
    count_trials(step, folder / f"journal/rungs/{number}", keys, configurations, set(trials))
    found = _read_tables([folder / ranking_file(rung_name(number))])
    return step, [table for table in found if set(table["trial"]) == set(trials)]


def _data_hash(folder: Path) -> str:
    """Return the hash of the data in a folder; "" if none are there."""
    manifest = read_or_none(folder / "manifest.json", "data_hash")
    return manifest["data_hash"] if manifest else ""


def _read_rankings(folder: Path, fractions: list[str], n_trials: int) -> "list[pd.DataFrame]":
    """Return the ranked tables that are there."""
    return _read_tables([folder / ranking_file(name) for name in fractions], n_trials)


def _read_tables(paths: list[Path], n_trials: int | None = None) -> "list[pd.DataFrame]":
    if not any(path.exists() for path in paths):
        return []
    from twostep.util.tables import read_ranking

    tables = []
    for path in paths:
        try:
            tables.append(read_ranking(path, n_trials))
        except (OSError, UserError):
            continue
    return tables


def _measure_retraining(
    config: dict,
    folder: Path,
    rankings: "list[pd.DataFrame]",
    configurations: list[Configuration],
) -> Step:
    """Return step 2."""
    step = Step("retrain", None)
    if len(rankings) < len(rankings_of_step_2(config["search"])):
        return step
    from twostep.trials.ranking import trials_to_retrain

    sizes = round_sizes(config["retrain"])
    now = _round_under_way(sizes, folder)
    if len(sizes) > 1:
        step.part = (now + 1, len(sizes))
    retrain = config["retrain"] | {"top_k": sizes[now]}
    trials = trials_to_retrain(rankings, retrain, seed=config["seed"])
    models = list(itertools.product(trials, range(config["retrain"]["seeds"])))
    step.n_wanted = len(models)
    manifest = read_or_none(folder / "prepare/manifest.json", "data_hash", "splits")
    data_hash = manifest["data_hash"] if manifest else ""
    keys = Keys(config, "retrain", config["retrain"]["budget"], data_hash)
    for trial, repetition in models:
        _count_model(step, folder, keys, trial, repetition, configurations)
    return step


def _count_model(
    step: Step,
    folder: Path,
    keys: Keys,
    trial: int,
    repetition: int,
    configurations: list[Configuration],
) -> None:
    """Add a model to step 2, if it is there."""
    path = folder / f"retrain/trial_{trial}_seed_{repetition}.json"
    record = read_or_none(path, *OUTLINE)
    timing = read_or_none(path.with_suffix(".timing.json"), *OUTLINE_TIMING)
    try:
        end = path.stat().st_mtime
    except OSError:
        return
    if record is None or timing is None:
        return
    # Without prepared data there are no configurations, and all is trained again.
    is_known = trial < len(configurations)
    key = keys.key(trial, repetition, configurations[trial], timing) if is_known else ""
    if (folder / f"journal/retrain/{key}.pt").exists():
        step.add(Done(record, end - timing["seconds"], end))
    else:
        step.n_foreign += 1


def _round_under_way(sizes: list[int], folder: Path) -> int:
    """Return the number of the last round of retraining that is asked for by now, from 0 on."""
    for number, finalists in enumerate(sizes[:-1]):
        verdict = read_or_none(folder / f"rounds/{finalists}.json", "enough")
        if verdict is None or verdict["enough"]:
            return number
    return len(sizes) - 1
