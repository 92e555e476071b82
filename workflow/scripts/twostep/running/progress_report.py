"""How far a study is, in words that fit on a screen."""

import time

from twostep.running.progress import Progress, Step
from twostep.trials.records import flatten_configuration
from twostep.util.text import one_line
from twostep.util.wording import counts, duration, network, short

# Retrainings at work that are named one by one.
MAX_JOBS = 5
SPLITS = ("training", "validation", "test")


def describe_progress(progress: Progress, study: str, now: float) -> str:
    """Return what a person wants to know of a running study; `now` is in seconds since 1970."""
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    lines = [f"Study {study} in {progress.folder} at {clock}"]
    if not progress.folder.exists():
        return f"{lines[0]}\n  nothing is there yet"
    lines += _data(progress)
    for step in progress.searches:
        lines += _step(f"step 1, fraction {step.name}", step, "trials", "shards", now)
    for rung in progress.rungs:
        if rung.n_wanted is None:
            lines.append(f"  rung {rung.name}: not yet, what comes before is not ranked")
        else:
            lines += _step(f"rung {rung.name}", rung, "trials", "shards", now)
    retraining = progress.retraining
    if retraining.n_wanted is None:
        n_fractions = len(progress.searches)
        ranked = f"{progress.n_ranked} of {n_fractions} fractions are ranked"
        if progress.rungs:
            ranked = "the last rung is not ranked"
        lines.append(f"  step 2: not yet, {ranked}")
    else:
        lines += _step("step 2", retraining, "models", "models", now)
        jobs = sorted(retraining.jobs, key=lambda job: -job.when)
        lines += [f"    {one_line(job.said)}" for job in jobs[:MAX_JOBS] if job.said]
    lines.append(
        f"  finished: read {progress.folder / 'summary.md'}"
        if progress.finished
        else "  not finished"
    )
    return "\n".join(lines)


def _data(progress: Progress) -> list[str]:
    if progress.manifest is None:
        parts = ", {} of {} parts are there".format(*progress.parts) if progress.parts else ""
        return [f"  data: not prepared yet{parts}"]
    splits = ", ".join(f"{progress.manifest['splits'][name]:,} {name}" for name in SPLITS)
    return [f"  data: prepared, {splits} samples"]


def _step(name: str, step: Step, things: str, jobs: str, now: float) -> list[str]:
    """Return what is done of a step, the best so far, the rate and the time left.

    How many trainings it wants must be known.
    """
    assert step.n_wanted is not None
    lines = [f"  {name}: {step.n_done:,} of {step.n_wanted:,} {things} done"]
    if step.n_done:
        lines[0] += f" ({counts(step.statuses.elements())})"
    if step.best:
        best = step.best
        lines.append(
            f"    best validation loss {short(best['min_val_loss'])}: trial {best['trial']}, "
            f"{network(flatten_configuration(best))}"
        )
    n_left = step.n_wanted - step.n_done
    at_work = _at_work(step, n_left, jobs, now)
    if n_left > 0 and (at_work or step.n_done):
        lines.append(f"    {at_work or 'no sign of life: is it running?'}")
    if step.n_foreign:
        lines.append(
            f"    {step.n_foreign:,} more were trained from another config, data, code or version "
            "of torch and do not count"
        )
    return lines


def _at_work(step: Step, n_left: int, jobs: str, now: float) -> str:
    parts = []
    if step.jobs:
        parts.append(f"{jobs} at work: {len(step.jobs)}")
    rate = step.rate(now)
    if rate:
        per_second, window = rate
        parts.append(
            f"{short(60 * per_second)} a minute over the last {_roughly(window)}, about "
            f"{_roughly(n_left / per_second)} left"
        )
    if step.trained:
        latest = max(done.end for done in step.trained)
        parts.append(f"the last one ended {_roughly(now - latest)} ago")
    return "; ".join(parts) if step.jobs or rate else ""


def _roughly(seconds: float) -> str:
    """Return a time to two digits, but no fractions of a second."""
    return duration(float(f"{max(1, round(seconds)):.2g}"))
