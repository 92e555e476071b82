"""Step 1 and its rungs: the trials of one shard, taken from the journal or trained."""

import logging
import time
from collections.abc import Sequence

from twostep.training.configuration import Configuration, NetworkSize
from twostep.trials.journal import Journal
from twostep.trials.supervision import Watch
from twostep.trials.trainer import Trainer, train_watched
from twostep.trials.trial import Trial
from twostep.util.job_note import Tell, tell_nobody

log = logging.getLogger(__name__)


def search(
    trainer: Trainer,
    trials: Sequence[int],
    configurations: Sequence[Configuration],
    journal: Journal,
    watch: Watch,
    sizes: Sequence[NetworkSize | None] | None = None,
    *,
    step: str = "search",
    tell: Tell = tell_nobody,
) -> tuple[list[dict], list[dict]]:
    """Return the records and the timings of trials, training those the journal does not have.

    `trials` are their ids; each has one of the `configurations`, and one of the `sizes` if the
    networks are the user's own. Every trial that is trained goes into the journal at once. `watch`
    knows the trials to give up, and `step` names what the trials draw their random numbers for: the
    search or a rung. `tell` is called with how many trials are `done`, `of` how many.
    """
    known = journal.read(trials)
    records, timings = [], []
    n_trained = 0
    start = time.monotonic()
    best = None
    sizes = sizes or [None] * len(trials)
    for trial_id, configuration, size in zip(trials, configurations, sizes, strict=True):
        trial = Trial(trial_id, configuration, step=step, size=size)
        key = trainer.key(trial)
        entry = known.get(key)
        if entry is None:
            finished = train_watched(trainer, trial, watch)
            entry = {"key": key, "record": finished.record, "timing": finished.timing}
            journal.append(trial_id, entry)
            n_trained += 1
        records.append(entry["record"])
        timings.append(entry["timing"])
        best = _better(best, entry["record"])
        tell(done=len(records), of=len(trials))
        _log_progress(entry["record"], len(records), len(trials), n_trained, start, best)
    log.info("%d trials: %d trained, %d reused", len(trials), n_trained, len(trials) - n_trained)
    return records, timings


def _better(best: float | None, record: dict) -> float | None:
    loss = record["min_val_loss"] if record["status"] == "ok" else None
    return min((value for value in (best, loss) if value is not None), default=None)


def _log_progress(
    record: dict, n_done: int, n_trials: int, n_trained: int, start: float, best: float | None
) -> None:
    """Log a trial's outcome with the shard's progress, rate and time left."""
    rate = n_trained / max(time.monotonic() - start, 1e-9)
    left = f"{(n_trials - n_done) / rate:.0f} s left" if n_trained else "from the journal"
    loss = record["min_val_loss"]
    log.info(
        "trial %d %s, loss %s, %d epochs; %d of %d done, best %s, %.2f trials/s, %s",
        record["trial"],
        record["status"],
        "-" if loss is None else f"{loss:.4g}",
        record["epochs"],
        n_done,
        n_trials,
        "-" if best is None else f"{best:.4g}",
        rate,
        left,
    )
