"""How far a study is, in words that fit on a screen."""

import time
from dataclasses import dataclass, field

from twostep.running.progress import CLOSING, Progress
from twostep.running.step import Step
from twostep.trials.records import flatten_configuration
from twostep.util.job_note import Note
from twostep.util.text import list_names, one_line
from twostep.util.wording import counts, duration, network, short

# Jobs at work that are named one by one.
MAX_JOBS = 5
SPLITS = ("training", "validation", "test")
# Between two jobs nothing is at work for some seconds, until the next one has started.
START_SECONDS = 60.0


@dataclass(frozen=True)
class Bar:
    """Something of which a part is done: its name, the share, and the same in words."""

    name: str
    share: float
    text: str


@dataclass(frozen=True)
class Stage:
    """A stage of a study: how far it is, its jobs at work, and what else is to be said of it.

    `text` is all that is said of a stage without a bar.
    """

    name: str
    text: str
    bar: Bar | None = None
    lines: list[str] = field(default_factory=list)
    jobs: list[Bar] = field(default_factory=list)


def describe_progress(progress: Progress, study: str, now: float) -> str:
    """Return what a person wants to know of a running study; `now` is in seconds since 1970."""
    lines = [describe_moment(progress, study, now)]
    if not progress.folder.exists():
        return f"{lines[0]}\n  nothing is there yet"
    for stage in list_stages(progress, now):
        lines.append(f"  {stage.name}: {stage.bar.text if stage.bar else stage.text}")
        lines += [f"    {line}" for line in stage.lines]
        lines += [f"    {job.name}: {job.text}" for job in stage.jobs]
    return "\n".join([*lines, *(f"  {line}" for line in describe_state(progress, now))])


def describe_moment(progress: Progress, study: str, now: float) -> str:
    """Return of what and of which moment a look at a study tells."""
    return f"Study {study} in {progress.folder} at {_clock(now)}"


def describe_state(progress: Progress, now: float) -> list[str]:
    """Return the last words: what has failed, since when nothing moves, and whether all is done."""
    failed = [one_line(sentence) for sentence in progress.jobs.failed]
    if progress.finished:
        return [*failed, f"finished: read {progress.folder / 'summary.md'}"]
    still = now - progress.moved if progress.moved else 0.0
    silence = max(step.silence() for step in progress.steps)
    working = progress.jobs.others or any(step.jobs for step in progress.steps)
    lines = []
    if still > (silence if working else START_SECONDS):
        lines.append(f"nothing has moved since {_clock(now - still)}, {_roughly(still)} ago")
        if not working and not failed:
            lines.append("no job is at work: if no run is, give the same command again")
    return [*failed, *lines, "not finished"]


def list_stages(progress: Progress, now: float) -> list[Stage]:
    """Return the stages of a study, in their order."""
    stages = [_data(progress)]
    for step in progress.searches:
        stages.append(_step(f"step 1, fraction {step.name}", step, "trials", "shards", now))
    for rung in progress.rungs:
        if rung.n_wanted is None:
            stages.append(Stage(f"rung {rung.name}", "not yet, what comes before is not ranked"))
        else:
            stages.append(_step(f"rung {rung.name}", rung, "trials", "shards", now))
    if progress.retraining.n_wanted is None:
        ranked = f"{progress.n_ranked} of {len(progress.searches)} fractions are ranked"
        if progress.rungs:
            ranked = "the last rung is not ranked"
        stages.append(Stage("step 2", f"not yet, {ranked}"))
    else:
        stages.append(_step("step 2", progress.retraining, "models", "models", now))
    if progress.is_trained:
        stages.append(_closing(progress.missing))
    if progress.jobs.others:
        stages.append(Stage("also at work", _others(progress.jobs.others, now)))
    return stages


def _data(progress: Progress) -> Stage:
    if progress.manifest is not None:
        splits = (f"{progress.manifest['splits'][name]:,} {name}" for name in SPLITS)
        return Stage("data", f"prepared, {', '.join(splits)} samples")
    if progress.parts is None:
        return Stage("data", "not prepared yet")
    done, of = progress.parts
    text = f"not prepared yet, {done} of {of} parts are there"
    return Stage("data", text, Bar("data", done / of, text))


def _closing(missing: list[str]) -> Stage:
    """Return what follows step 2: tables, figures, summary and report."""
    done, of = len(CLOSING) - len(missing), len(CLOSING)
    text = f"{done} of {of} are there"
    if missing:
        text += f", not yet {list_names(missing)}"
    return Stage("results", text, Bar("results", done / of, text))


def _others(notes: list[Note], now: float) -> str:
    """Return which rules have jobs at work that do not train, how many, and for how long."""
    rules = {note.rule: [each for each in notes if each.rule == note.rule] for note in notes}
    return ", ".join(
        f"{rule.replace('_', ' ')}{f' ({len(own)} jobs)' if len(own) > 1 else ''} "
        f"for {_roughly(now - min(note.when for note in own))}"
        for rule, own in rules.items()
    )


def _step(name: str, step: Step, things: str, jobs: str, now: float) -> Stage:
    """Return what is done of a step, the best so far, the rate and the time left.

    How many trainings it wants must be known.
    """
    assert step.n_wanted is not None
    text = f"{step.n_done:,} of {step.n_wanted:,} {things} done"
    if step.n_done:
        text += f" ({counts(step.statuses.elements())})"
    if step.part:
        kind = "round" if things == "models" else "generation"
        text += ", {} {} of {}{}".format(
            kind, step.part[0], "at most " * (kind == "round"), step.part[1]
        )
    lines = []
    if step.best:
        best = step.best
        lines.append(
            f"best validation loss {short(best['min_val_loss'])}: trial {best['trial']}, "
            f"{network(flatten_configuration(best))}"
        )
    n_left = step.n_wanted - step.n_done
    if n_left > 0 and (at_work := _at_work(step, n_left, jobs, now)):
        lines.append(at_work)
    if step.n_foreign:
        lines.append(
            f"{step.n_foreign:,} more were trained from another config, data, code or version "
            "of torch and do not count"
        )
    bar = Bar(name, step.n_done / max(1, step.n_wanted), text)
    told = [_job(note) for note in reversed(step.jobs) if note.details]
    return Stage(name, text, bar, lines, told[:MAX_JOBS])


def _at_work(step: Step, n_left: int, jobs: str, now: float) -> str:
    """Return how many jobs are at work and how quick they are; "" if none seems to be."""
    parts = []
    if step.jobs:
        parts.append(f"{jobs} at work: {len(step.jobs)}")
    since = min((now - done.end for done in step.trained), default=0.0)
    rate = step.rate(now)
    if rate and (step.jobs or since <= START_SECONDS):
        per_second, window = rate
        parts.append(
            f"{short(60 * per_second)} a minute over the last {_roughly(window)}, about "
            f"{_roughly(n_left / per_second)} left"
        )
    if parts and step.trained:
        parts.append(f"the last one ended {_roughly(since)} ago")
    return "; ".join(parts)


def _job(note: Note) -> Bar:
    """Return how far a job at work is that trains: a model of step 2, or a shard of trials."""
    details = note.details
    if "of" in details:
        done, of = details["done"], details["of"]
        return Bar(f"shard {note.wildcards['shard']}", done / of, f"{done:,} of {of:,} trials")
    done, limits = details["done"], details["limits"]
    name = "trial {trial}, seed {repetition}".format(**note.wildcards)
    parts = [f"{kind} {done[kind]:,} of at most {limit:,}" for kind, limit in limits.items()]
    parts.append(f"best validation loss {short(details['min_val_loss'])}")
    if details["seconds_left"] is not None:
        parts.append(f"at most {_roughly(details['seconds_left'])} left")
    share = max((done[kind] / limit for kind, limit in limits.items()), default=0.0)
    return Bar(name, share, ", ".join(parts))


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _roughly(seconds: float) -> str:
    """Return a time to two digits, but no fractions of a second."""
    return duration(float(f"{max(1, round(seconds)):.2g}"))
