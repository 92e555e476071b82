"""Step 2: one of the best trials, trained on the full training split."""

import logging
import time
from pathlib import Path

from twostep.model.model import read_model_file, save_model
from twostep.training.checkpoint import Checkpoint
from twostep.training.train import Budget
from twostep.trials.records import REPEATABLE
from twostep.trials.supervision import Watch
from twostep.trials.trainer import Trainer, train_watched
from twostep.trials.trial import Trial
from twostep.util.errors import UserError
from twostep.util.job_note import Tell, tell_nobody

log = logging.getLogger(__name__)

# Between two lines in the log that tell how far the training is.
LOG_SECONDS = 10.0

# When a training was looked at, and what of each of its limits was done by then.
Seen = tuple[float, dict[str, int]]


class RetrainProgress:
    """Tells how far one training is, and logs it every few seconds."""

    def __init__(self, trial: Trial, budget: Budget, tell: Tell):
        self._trial = trial
        self._tell = tell
        self._limits = {
            name: limit
            for name, limit in (("epochs", budget.max_epochs), ("updates", budget.max_updates))
            if limit is not None
        }
        # When and where this process saw the training first: it may have begun in another one.
        self._first: Seen | None = None
        self._next = 0.0

    def pass_on(self, training: dict) -> None:
        """Tell epochs, best loss and time left; `training` has the fields of a `Training`."""
        now = time.monotonic()
        done = {name: training[name] for name in self._limits}
        self._first = self._first or (now, done)
        seconds_left = _time_left(self._first, (now, done), self._limits)
        best = {name: training[name] for name in ("min_val_loss", "best_epoch")}
        self._tell(done=done, limits=self._limits, seconds_left=seconds_left, **best)
        if now < self._next:
            return
        self._next = now + LOG_SECONDS
        log.info(
            "trial %d, seed %d: %s, best validation loss %.4g in epoch %d%s",
            self._trial.id,
            self._trial.repetition,
            ", ".join(
                f"{name} {done[name]:,} of at most {limit:,}"
                for name, limit in self._limits.items()
            ),
            training["min_val_loss"],
            training["best_epoch"],
            "" if seconds_left is None else f", at most {seconds_left:.0f} s left",
        )


def _time_left(first: Seen, latest: Seen, limits: dict[str, int]) -> float | None:
    """Return for how many seconds a training goes on at most; None if that is not known yet."""
    (start, before), (now, done) = first, latest
    seconds = [
        (limit - done[name]) * (now - start) / (done[name] - before[name])
        for name, limit in limits.items()
        if done[name] > before[name]
    ]
    return min(seconds, default=None)


def retrain(
    trainer: Trainer,
    trial: Trial,
    manifest: dict,
    journal: str | Path,
    watch: Watch,
    tell: Tell = tell_nobody,
) -> Path:
    """Return the path of the trial's model in the journal, training it if it is not there yet.

    A training that was killed goes on from its last checkpoint. `manifest` describes the data of
    the trainer; the model is saved with its scaling and names. `watch` knows if the trial is to be
    given up, and `tell` is called with how far the training is.
    """
    path = Path(journal) / f"{trainer.key(trial)}.pt"
    if _is_finished(path):
        log.info("trial %d is in the journal: not trained again", trial.id)
        return path
    progress = RetrainProgress(trial, trainer.budget, tell)

    def after_saving(state: dict) -> None:
        watch.progressed()
        progress.pass_on(state["training"])

    checkpoint = Checkpoint(path.with_suffix(".checkpoint.pt"), after_saving)
    finished = train_watched(trainer, trial, watch, checkpoint)
    if finished.record["status"] not in REPEATABLE and _is_finished(path):
        # A process beside this one, perhaps left by a killed run, had more luck.
        return path
    save_model(
        path,
        record=finished.record,
        timing=finished.timing,
        weights=finished.weights,
        manifest=manifest,
        own_networks=trainer.own_networks,
    )
    checkpoint.remove()
    record = finished.record
    log.info(
        "trial %d trained: %s, best loss %s in epoch %s of %d, %.1f processor seconds",
        trial.id,
        record["status"],
        record["min_val_loss"],
        record["best_epoch"],
        record["epochs"],
        finished.timing["cpu_seconds"],
    )
    return path


def _is_finished(path: Path) -> bool:
    """Tell whether a whole model is in the journal, with an outcome not to be tried again."""
    if not path.exists():
        return False
    try:
        return read_model_file(path)["record"]["status"] in REPEATABLE
    except (UserError, KeyError, TypeError):
        log.warning("%s is damaged: the trial is trained again", path)
        return False
