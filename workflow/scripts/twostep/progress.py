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

from twostep.config import fraction_name
from twostep.configurations import draw_configurations
from twostep.errors import UserError
from twostep.files import read_json
from twostep.journal import glance
from twostep.records import GLANCED, GLANCED_TIMING, REPEATABLE
from twostep.space import Configuration
from twostep.trial_key import trial_key, trial_seed

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


@dataclass
class Step:
    """What step 1 has trained on one fraction, or step 2 on all data.

    `n_wanted` is None as long as it is not known. `statuses` counts what is done, and `n_foreign`
    the trials in the journal that another config, other data or other code has trained. `trained`
    are the start and the end of each training done, in seconds since 1970; the journal holds no
    clock, and they are reconstructed from the times of its files and how long each trial took.
    """

    name: str
    n_wanted: int | None
    statuses: Counter = field(default_factory=Counter)
    n_foreign: int = 0
    best: dict | None = None
    trained: list[tuple[float, float]] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        """How many trainings are done, failed ones too."""
        return self.statuses.total()

    def add(self, record: dict, start: float, end: float) -> None:
        """Count a training that is done."""
        self.statuses[record["status"]] += 1
        self.trained.append((start, end))
        if record["status"] == "ok":
            self.best = min(self.best or record, record, key=lambda each: each["min_val_loss"])

    def silence(self) -> float:
        """Return for how many seconds a job at work may say nothing."""
        longest = max((end - start for start, end in self.trained), default=0.0)
        return max(RATE_SECONDS, SILENT_TRAININGS * longest)

    def rate(self, now: float) -> tuple[float, float] | None:
        """Return trainings per second and the seconds that this was counted over, if at work."""
        ends = sorted(self.trained, key=lambda times: times[1])
        if not ends or now - ends[-1][1] > self.silence():
            return None
        recent = [times for times in ends if now - times[1] <= RATE_SECONDS]
        if len(recent) < RATE_TRAININGS:
            recent = ends[-RATE_TRAININGS:]
        first = min(start for start, _ in recent)
        window = now - first
        if len(recent) >= RATE_TRAININGS and now - recent[0][1] <= RATE_SECONDS:
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
    n_ranked: int
    retraining: Step
    n_evaluated: int
    finished: bool


def look(config: dict, folder: str | Path, now: float) -> Progress:
    """Return how far the study with this resolved config is, whose results are in `folder`.

    `now` are the seconds since 1970. What is damaged counts as not there, as a run would do it
    again.
    """
    folder = Path(folder)
    search = config["search"]
    names = [fraction_name(value) for value in search["fractions"]]
    configurations = draw_configurations(
        search["space"], range(search["n_trials"]), seed=config["seed"]
    )
    searches = [_look_at_search(config, folder, name, configurations) for name in names]
    rankings = _read_rankings(folder, names, search["n_trials"])
    retraining, n_evaluated = _look_at_retraining(config, folder, rankings, configurations)
    for step, logs in (
        *((step, folder / "logs/search" / step.name) for step in searches),
        (retraining, folder / "logs/retrain"),
    ):
        step.jobs += _jobs_at_work(logs, now, step.silence())
    steps = [*searches, retraining]
    return Progress(
        folder,
        _count_parts(config, folder),
        _read(folder / "prepare/manifest.json", "content", "splits"),
        searches,
        len(rankings),
        retraining,
        n_evaluated,
        finished=all(step.n_done == step.n_wanted for step in steps)
        and _describes(_read(folder / "provenance.json"), config),
    )


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

    `step` names the step and its section of the config, `data` is the hash of its data.
    """

    config: dict
    step: str
    data: str

    def key(self, trial: int, repetition: int, configuration: Configuration, timing: dict) -> str:
        """Return the key of a trial under the present config and code.

        `timing` is the trial's, and tells with how many threads it was trained, which is not known
        otherwise, and with which builds of the libraries.
        """
        return trial_key(
            data=self.data,
            configuration=configuration.to_dict(),
            budget=self.config[self.step]["budget"],
            output_activation=self.config["training"]["output_activation"],
            seed=trial_seed(self.config["seed"], self.step, trial, repetition),
            **{
                library: timing[library] if _is_installed(library, timing[library]) else ""
                for library in ("torch", "numpy")
            },
            threads=timing["threads"],
            device="cuda" if self.config["training"]["gpu"] else "cpu",
        )


@functools.cache
def _is_installed(library: str, build: str) -> bool:
    """Tell whether this is a library's installed version, whose name may lack the build."""
    try:
        version("torch")
        return build.split("+")[0] == version(library).split("+")[0]
    except PackageNotFoundError:
        # Only the jobs have them (--sdm conda).
        return True


def _look_at_search(
    config: dict, folder: Path, fraction: str, configurations: list[Configuration]
) -> Step:
    step = Step(fraction, len(configurations))
    subset = _read(folder / f"subset/{fraction}/manifest.json", "content")
    keys = _Keys(config, "search", subset["content"] if subset else "")
    found: dict[int, tuple[dict, float, float]] = {}
    foreign = set()
    for entry, start, end in _timed_entries(folder / "journal/search" / fraction):
        record = entry["record"]
        trial = record["trial"]
        if trial >= len(configurations) or entry["key"] != keys.key(
            trial, record["seed"], configurations[trial], entry["timing"]
        ):
            foreign.add(trial)
        elif trial not in found or _is_better(found[trial], (record, start, end)):
            found[trial] = record, start, end
    for record, start, end in found.values():
        step.add(record, start, end)
    step.n_foreign = len(foreign - found.keys())
    return step


def _is_better(old: tuple[dict, float, float], new: tuple[dict, float, float]) -> bool:
    """Tell whether a trial that was trained twice goes by the new outcome, as the search has it."""
    old_counts, new_counts = (item[0]["status"] in REPEATABLE for item in (old, new))
    return new_counts > old_counts or (new_counts == old_counts and new[2] > old[2])


def _timed_entries(folder: Path) -> Iterator[tuple[dict, float, float]]:
    """Yield the entries of a journal with the start and the end of each training.

    A process trains one trial after the other, and its file changed last when the last one ended.
    """
    for path, entries in glance(folder):
        end = path.stat().st_mtime
        for entry in reversed(entries):
            start = end - entry["timing"]["seconds"]
            yield entry, start, end
            end = start


def _read_rankings(folder: Path, fractions: list[str], n_trials: int) -> list:
    """Return the ranked tables that are there."""
    paths = [folder / "rank" / fraction / "trials.csv" for fraction in fractions]
    if not any(path.exists() for path in paths):
        return []
    from twostep.tables import read_ranking

    tables = []
    for path in paths:
        try:
            tables.append(read_ranking(path, n_trials))
        except (OSError, UserError):
            continue
    return tables


def _look_at_retraining(
    config: dict, folder: Path, rankings: list, configurations: list[Configuration]
) -> tuple[Step, int]:
    """Return step 2, and how many of its models were evaluated."""
    step = Step("retrain", None)
    if len(rankings) < len(config["search"]["fractions"]):
        return step, 0
    from twostep.ranking import trials_to_retrain

    trials = trials_to_retrain(rankings, config["retrain"], seed=config["seed"])
    models = list(itertools.product(trials, range(config["retrain"]["seeds"])))
    step.n_wanted = len(models)
    manifest = _read(folder / "prepare/manifest.json", "content", "splits")
    keys = _Keys(config, "retrain", manifest["content"] if manifest else "")
    n_evaluated = 0
    for trial, seed in models:
        path = folder / f"retrain/trial_{trial}_seed_{seed}.json"
        try:
            end = path.stat().st_mtime
        except OSError:
            continue
        record = _read(path, *GLANCED)
        timing = _read(path.with_suffix(".timing.json"), *GLANCED_TIMING)
        if record is None or timing is None:
            continue
        key = keys.key(trial, seed, configurations[trial], timing)
        if not (folder / f"journal/retrain/{key}.pt").exists():
            step.n_foreign += 1
            continue
        step.add(record, end - timing["seconds"], end)
        n_evaluated += (folder / "evaluate" / path.name).exists()
    return step, n_evaluated


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
