"""Which jobs of a study are at work, which have failed, and when something moved last.

Each job leaves a note of itself (`util.job_note`). The system knows whether a job on this machine
still runs. One on another machine is believed for as long as it may well be silent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from twostep.running.step import Step
from twostep.util.job_note import FOLDER, Note, read_notes
from twostep.util.origin import PLAN

# Jobs of other rules than those that train say nothing but that they have begun.
SILENT_SECONDS = 3600.0
# The rule that trains each kind of step, and the wildcard that tells the steps of a kind apart.
SEARCH = ("search_shard", "fraction")
RUNG = ("rung_shard", "rung")
RETRAINING = ("retrain_trial", None)


@dataclass(frozen=True)
class Jobs:
    """The jobs of a study.

    Those that train are with their steps; `others` are at work, too. `failed` are the sentences of
    jobs of the run under way, or of the last one. `moved` is when a run was planned or a job
    began, said something or ended, in seconds since 1970.
    """

    others: list[Note]
    failed: list[str]
    moved: float | None


def find_jobs(
    folder: Path, searches: Iterable[Step], rungs: Iterable[Step], retraining: Step, now: float
) -> Jobs:
    """Put the jobs that train into their steps, and return what is to be known of all jobs."""
    notes = list(read_notes(folder).values())
    left = notes
    steps = [(step, SEARCH) for step in searches] + [(step, RUNG) for step in rungs]
    for step, kind in [*steps, (retraining, RETRAINING)]:
        own = [note for note in left if _is_of(note, step, kind)]
        left = [note for note in left if note not in own]
        step.jobs = [note for note in own if _is_at_work(note, now, step.silence())]
    # Written when a run is planned: what failed before that is over.
    planned = _changed(folder / PLAN)
    return Jobs(
        [note for note in left if _is_at_work(note, now, SILENT_SECONDS)],
        [note.said for note in notes if note.failed and note.said and note.when >= planned],
        # The folder changes with each note that comes, is replaced or goes.
        max(planned, _changed(folder / FOLDER)) or None,
    )


def _changed(path: Path) -> float:
    """Return when a file or a folder changed last, in seconds since 1970; 0 if it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _is_of(note: Note, step: Step, kind: tuple[str, str | None]) -> bool:
    rule, wildcard = kind
    # Of a workflow that has imported this one, names of rules have a prefix.
    is_rule = note.rule == rule or note.rule.endswith(f"_{rule}")
    return is_rule and (wildcard is None or note.wildcards.get(wildcard) == step.name)


def _is_at_work(note: Note, now: float, silence: float) -> bool:
    is_running = note.is_at_work()
    return now - note.when <= silence if is_running is None else is_running
