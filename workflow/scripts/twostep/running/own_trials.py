"""Which trials of a journal are those of the present config, data and code."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from twostep.running.step import Done, Step
from twostep.training.configuration import Configuration
from twostep.training.network_file import plan_network
from twostep.training.objective import Objective
from twostep.trials.journal import journal_files, read_outlines
from twostep.trials.key import trial_key, trial_seed
from twostep.trials.records import REPEATABLE


@dataclass(frozen=True)
class Keys:
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

    @functools.cached_property
    def description(self) -> str:
        """All that the keys depend on, but for what is each trial's own."""
        fields = (self.config, self.step, self.budget, self.data_hash, self.precision)
        return json.dumps([*fields, self.network], sort_keys=True)

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


def count_trials(
    step: Step,
    journal: Path,
    keys: Keys,
    configurations: list[Configuration],
    wanted: set[int] | None = None,
) -> None:
    """Add to a step what its journal holds; of `wanted` trials alone, if not of all."""
    found: dict[int, Done] = {}
    foreign = set()
    for path in journal_files(journal):
        for done, is_own in _judge(path, keys, configurations):
            trial = done.record["trial"]
            if wanted is not None and trial not in wanted:
                continue
            if not is_own:
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


@dataclass(frozen=True)
class _Judged:
    """What a file of a journal has come to, and by what.

    `stamp` are its time, its size and what its keys depend on. `trials` are those in the file, each
    with whether it is one of the present config.
    """

    stamp: tuple[int, int, str]
    configurations: list[Configuration | None]
    trials: list[tuple[Done, bool]]


# Of the last look, by file: a view that follows a run looks each second, and few files change.
_last: dict[Path, _Judged] = {}


def _judge(path: Path, keys: Keys, configurations: list[Configuration]) -> list[tuple[Done, bool]]:
    """Return the trials in a file of a journal, each with whether it is of the present config."""
    try:
        status = path.stat()
    except FileNotFoundError:
        # Deleted since the folder was listed.
        return []
    stamp = status.st_mtime_ns, status.st_size, keys.description
    last = _last.get(path)
    if last and last.stamp == stamp:
        trials = [done.record["trial"] for done, _ in last.trials]
        if last.configurations == _of_trials(configurations, trials):
            return last.trials
    judged = []
    drawn = []
    for entry, done in _timed_entries(path, status.st_mtime):
        trial, repetition = done.record["trial"], done.record["seed"]
        [configuration] = _of_trials(configurations, [trial])
        drawn.append(configuration)
        is_own = configuration is not None and entry["key"] == keys.key(
            trial, repetition, configuration, entry["timing"]
        )
        judged.append((done, is_own))
    _last[path] = _Judged(stamp, drawn, judged)
    return judged


def _of_trials(
    configurations: list[Configuration], trials: list[int]
) -> list[Configuration | None]:
    """Return the configurations of trials; None for a trial that is not in the list."""
    return [configurations[trial] if trial < len(configurations) else None for trial in trials]


def _timed_entries(path: Path, end: float) -> Iterator[tuple[dict, Done]]:
    """Yield the entries of a journal's file with the start and the end of each training.

    A process trains one trial after the other, and its file changed last when the last one ended.
    """
    for entry in reversed(read_outlines(path)):
        start = end - entry["timing"]["seconds"]
        yield entry, Done(entry["record"], start, end)
        end = start
