"""How far a running study is, from its journal and its results; nothing is written.

Without torch, and without pandas as long as no trials are ranked: a look must be a quick one.
"""

import functools
import itertools
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from twostep.data.sizes import fraction_name
from twostep.training.configuration import Configuration
from twostep.training.network_file import plan_network
from twostep.training.objective import Objective
from twostep.trials.configurations import draw_configurations, read_configurations
from twostep.trials.constraints import make_constraints
from twostep.trials.enqueued import enqueued
from twostep.trials.hyperparameters import KEY
from twostep.trials.journal import OUTLINE, OUTLINE_TIMING, read_outlines
from twostep.trials.key import trial_key, trial_seed
from twostep.trials.records import REPEATABLE
from twostep.trials.rounds import round_sizes
from twostep.trials.rungs import ranking_file, rankings_of_step_2, rung_name
from twostep.trials.samplers import QMC, is_adaptive
from twostep.util.errors import UserError
from twostep.util.files import read_json

if TYPE_CHECKING:
    import pandas as pd

# A rate is that of the last minutes, or of the last few trainings if they take longer.
RATE_SECONDS = 600.0
RATE_TRAININGS = 10
# Jobs whose log has been silent for so many of the longest trainings are taken for dead.
SILENT_TRAININGS = 3


@dataclass(frozen=True)
class Job:
    """A job that seems to be at work: what its log said last, and when, in seconds since 1970."""

    said: str
    when: float


@dataclass(frozen=True)
class Done:
    """A training that is done: its record, its start and its end, in seconds since 1970.

    The journal holds no clock: the times are reconstructed from those of its files and from how
    long each trial took.
    """

    record: dict
    start: float
    end: float


@dataclass
class Step:
    """What step 1 has trained on one fraction, a rung on its own, or step 2 on all data.

    `n_wanted` is None as long as it is not known. `statuses` counts what is done, and `n_foreign`
    the trials in the journal that another config, other data or other code has trained.
    """

    name: str
    n_wanted: int | None
    statuses: Counter[str] = field(default_factory=Counter)
    n_foreign: int = 0
    best: dict | None = None
    trained: list[Done] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        """How many trainings are done, failed ones too."""
        return self.statuses.total()

    def add(self, done: Done) -> None:
        """Count a training that is done."""
        record = done.record
        self.statuses[record["status"]] += 1
        self.trained.append(done)
        if record["status"] == "ok":
            self.best = min(self.best or record, record, key=lambda each: each["min_val_loss"])

    def silence(self) -> float:
        """Return for how many seconds a job at work may say nothing."""
        longest = max((done.end - done.start for done in self.trained), default=0.0)
        return max(RATE_SECONDS, SILENT_TRAININGS * longest)

    def rate(self, now: float) -> tuple[float, float] | None:
        """Return trainings per second and the seconds that this was counted over, if at work."""
        trained = sorted(self.trained, key=lambda done: done.end)
        if not trained or now - trained[-1].end > self.silence():
            return None
        recent = [done for done in trained if now - done.end <= RATE_SECONDS]
        if len(recent) < RATE_TRAININGS:
            recent = trained[-RATE_TRAININGS:]
        window = now - min(done.start for done in recent)
        if len(recent) >= RATE_TRAININGS and now - recent[0].end <= RATE_SECONDS:
            window = min(window, RATE_SECONDS)
        return len(recent) / max(window, 1e-9), window


@dataclass(frozen=True)
class Progress:
    """How far a study is: its folder, the manifest of its data or None, and its steps.

    `parts` are how many parts of the generated data are there, and of how many; None if the data
    are the user's.
    """

    folder: Path
    parts: tuple[int, int] | None
    manifest: dict | None
    searches: list[Step]
    rungs: list[Step]
    n_ranked: int
    retraining: Step
    finished: bool


def measure_progress(config: dict, folder: str | Path, now: float) -> Progress:
    """Return how far the study with this resolved config is, whose results are in `folder`.

    `now` are the seconds since 1970. What is damaged counts as not there, as a run would do it
    again.
    """
    folder = Path(folder)
    search = config["search"]
    names = [fraction_name(value) for value in search["fractions"]]
    configurations = _draw(config, folder)
    searches = [_measure_search(config, folder, name, configurations) for name in names]
    rankings = _read_rankings(folder, names, search["n_trials"])
    rungs = []
    for number in range(1, len(search["rungs"]) + 1):
        rung, rankings = _measure_rung(config, folder, number, rankings, configurations)
        rung.jobs = _jobs_at_work(folder / f"logs/rungs/{number}", now, rung.silence())
        rungs.append(rung)
    retraining = _measure_retraining(config, folder, rankings, configurations)
    for step in searches:
        step.jobs = _jobs_at_work(folder / "logs/search" / step.name, now, step.silence())
    retraining.jobs = _jobs_at_work(folder / "logs/retrain", now, retraining.silence())
    steps = [*searches, *rungs, retraining]
    return Progress(
        folder,
        _count_parts(config, folder),
        _read(folder / "prepare/manifest.json", "data_hash", "splits"),
        searches,
        rungs,
        len(rankings),
        retraining,
        finished=all(step.n_done == step.n_wanted for step in steps)
        and _describes(_read(folder / "provenance.json"), config),
    )


def _draw(config: dict, folder: Path) -> list[Configuration]:
    """Return the configurations of all trials; none while nothing has been prepared.

    The list in the study's folder may be that of another config.
    """
    manifest = _read(folder / "prepare/manifest.json", "inputs", "outputs")
    if manifest is None:
        return []
    search = config["search"]
    if is_adaptive(search):
        return _read_generations(folder)
    if KEY in search["space"] or search["sampler"] == QMC:
        return _read_list(folder, search["n_trials"])
    constraints = make_constraints(
        search["constraints"],
        n_inputs=len(manifest["inputs"]),
        n_outputs=len(manifest["outputs"]),
    )
    trials = range(search["n_trials"])
    return draw_configurations(
        search["space"],
        trials,
        seed=config["seed"],
        constraints=constraints,
        enqueued=enqueued(search),
    )


def _read_list(folder: Path, n_trials: int) -> list[Configuration]:
    """Return the configurations of a list: of networks of the user's own, or quasi-random ones.

    A look at a run does not run the user's code, and waits for no numerical library.
    """
    lists = sorted(folder.glob("search/configurations_*.jsonl"), key=lambda path: len(path.name))
    for path in lists:
        try:
            return read_configurations(path, range(n_trials))
        except (OSError, UserError):
            # A shorter list, or one that is damaged.
            continue
    return []


def _read_generations(folder: Path) -> list[Configuration]:
    """Return the configurations of the generations of an adaptive search that are there so far."""
    found: list[Configuration] = []
    for generation in itertools.count():
        path = folder / f"search/generation_{generation}.jsonl"
        try:
            n_lines = len(path.read_text(encoding="utf-8").splitlines())
            found += read_configurations(path, range(len(found), len(found) + n_lines))
        except (OSError, UserError, ValueError):
            break
    return found


def _read(path: Path, *keys: str) -> dict | None:
    """Return what a file holds, or None if it is not there, is damaged or lacks a key."""
    try:
        content = read_json(path)
    except (OSError, UserError):
        return None
    return content if content.keys() >= set(keys) else None


def _count_parts(config: dict, folder: Path) -> tuple[int, int] | None:
    if config["dataset"]["files"] is not None:
        return None
    generate = config["generate"]
    n_parts = math.ceil(generate["n_samples"] / generate["samples_per_file"])
    paths = (folder / f"generate/part_{part}.nc" for part in range(n_parts))
    return sum(path.exists() for path in paths), n_parts


def _describes(provenance: dict | None, config: dict) -> bool:
    """Tell whether a study's last result was made from this config."""
    config = json.loads(json.dumps(config))
    if config["dataset"]["files"] is not None:
        # It has no influence, and is left out there.
        del config["generate"]
    return provenance is not None and provenance.get("config") == config


@dataclass(frozen=True)
class _Keys:
    """What the keys of the trials of one step have in common.

    `step` names the step, `budget` is its budget and `data_hash` that of its data. Step 2 has the
    default `precision`.
    """

    config: dict
    step: str
    budget: dict
    data_hash: str
    precision: str = "float32"

    @functools.cached_property
    def network(self) -> dict | None:
        """The identity of the file of networks of the user's own."""
        planned = plan_network(self.config["network"]["file"])
        return planned and planned["identity"]

    def key(self, trial: int, repetition: int, configuration: Configuration, timing: dict) -> str:
        """Return the key of a trial under the present config and code.

        `timing` is the trial's, and tells with how many threads it was trained, which is not known
        otherwise, and with which builds of the libraries.
        """
        return trial_key(
            data_hash=self.data_hash,
            configuration=configuration.to_dict(),
            budget=self.budget,
            output_activation=self.config["training"]["output_activation"],
            objective=Objective.of(self.config).to_dict(),
            seed=trial_seed(self.config["seed"], self.step, trial, repetition),
            torch=_build_of("torch", timing),
            numpy=_build_of("numpy", timing),
            threads=timing["threads"],
            device="cuda" if self.config["training"]["gpu"] else "cpu",
            network=self.network,
            precision=self.precision,
        )


def _build_of(library: str, timing: dict) -> str:
    """Return with which build of a library a trial was trained; "" if it is not installed now."""
    return timing[library] if _is_installed(library, timing[library]) else ""


@functools.cache
def _is_installed(library: str, build: str) -> bool:
    """Tell whether this is a library's installed version, whose name may lack the build."""
    try:
        version("torch")
        return build.split("+")[0] == version(library).split("+")[0]
    except PackageNotFoundError:
        # Only the jobs have them (--sdm conda).
        return True


def _measure_search(
    config: dict, folder: Path, fraction: str, configurations: list[Configuration]
) -> Step:
    step = Step(fraction, config["search"]["n_trials"])
    search, data_hash = config["search"], _data_hash(folder / "subset" / fraction)
    keys = _Keys(config, "search", search["budget"], data_hash, search["precision"])
    _count_trials(step, folder / "journal/search" / fraction, keys, configurations)
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
    keys = _Keys(config, rung_name(number), rung["budget"], data_hash, precision)
    _count_trials(step, folder / f"journal/rungs/{number}", keys, configurations, set(trials))
    found = _read_tables([folder / ranking_file(rung_name(number))])
    return step, [table for table in found if set(table["trial"]) == set(trials)]


def _data_hash(folder: Path) -> str:
    """Return the hash of the data in a folder; "" if none are there."""
    manifest = _read(folder / "manifest.json", "data_hash")
    return manifest["data_hash"] if manifest else ""


def _count_trials(
    step: Step,
    journal: Path,
    keys: _Keys,
    configurations: list[Configuration],
    wanted: set[int] | None = None,
) -> None:
    """Add to a step what its journal holds; of `wanted` trials alone, if not of all."""
    found: dict[int, Done] = {}
    foreign = set()
    for entry, done in _timed_entries(journal):
        trial, repetition = done.record["trial"], done.record["seed"]
        if wanted is not None and trial not in wanted:
            continue
        if trial >= len(configurations) or entry["key"] != keys.key(
            trial, repetition, configurations[trial], entry["timing"]
        ):
            foreign.add(trial)
        elif trial not in found or _is_better(found[trial], done):
            found[trial] = done
    for done in found.values():
        step.add(done)
    step.n_foreign = len(foreign - found.keys())


def _is_better(old: Done, new: Done) -> bool:
    """Tell whether a trial that was trained twice goes by the new outcome, as the search has it."""
    old_counts, new_counts = (done.record["status"] in REPEATABLE for done in (old, new))
    return new_counts > old_counts or (new_counts == old_counts and new.end > old.end)


def _timed_entries(folder: Path) -> Iterator[tuple[dict, Done]]:
    """Yield the entries of a journal with the start and the end of each training.

    A process trains one trial after the other, and its file changed last when the last one ended.
    """
    for path, entries in read_outlines(folder):
        end = path.stat().st_mtime
        for entry in reversed(entries):
            start = end - entry["timing"]["seconds"]
            yield entry, Done(entry["record"], start, end)
            end = start


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

    trials = trials_to_retrain(
        rankings,
        config["retrain"] | {"top_k": _finalists_so_far(config["retrain"], folder)},
        seed=config["seed"],
    )
    models = list(itertools.product(trials, range(config["retrain"]["seeds"])))
    step.n_wanted = len(models)
    manifest = _read(folder / "prepare/manifest.json", "data_hash", "splits")
    data_hash = manifest["data_hash"] if manifest else ""
    keys = _Keys(config, "retrain", config["retrain"]["budget"], data_hash)
    for trial, repetition in models:
        path = folder / f"retrain/trial_{trial}_seed_{repetition}.json"
        try:
            end = path.stat().st_mtime
        except OSError:
            continue
        record = _read(path, *OUTLINE)
        timing = _read(path.with_suffix(".timing.json"), *OUTLINE_TIMING)
        if record is None or timing is None:
            continue
        # Without prepared data there are no configurations, and all is trained again.
        is_known = trial < len(configurations)
        key = keys.key(trial, repetition, configurations[trial], timing) if is_known else ""
        if not (folder / f"journal/retrain/{key}.pt").exists():
            step.n_foreign += 1
            continue
        step.add(Done(record, end - timing["seconds"], end))
    return step


def _finalists_so_far(retrain: dict, folder: Path) -> int:
    """Return how many finalists the rounds of retraining ask for by now."""
    sizes = round_sizes(retrain)
    for finalists in sizes[:-1]:
        verdict = _read(folder / f"rounds/{finalists}.json", "enough")
        if verdict is None or verdict["enough"]:
            return finalists
    return sizes[-1]


def _jobs_at_work(logs: Path, now: float, silence: float) -> list[Job]:
    """Return the jobs whose logs have no end and were written to not too long ago."""
    jobs = []
    for path in sorted(logs.glob("*.log")):
        try:
            when = path.stat().st_mtime
            if now - when > silence:
                continue
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            # Snakemake has removed it, as the job is to run again.
            continue
        # Date, time, level, message.
        said = lines[-1].split(maxsplit=3) if lines else []
        if len(said) < 4:
            jobs.append(Job("", when))
        elif said[2] != "ERROR" and not said[3].startswith("finished in "):
            jobs.append(Job(said[3], when))
    return jobs
