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

log = logging.getLogger(__name__)

# Between two lines in the log that tell how far the training is.
LOG_SECONDS = 10.0

# When a training was looked at, and what of each of its limits was done by then.
Seen = tuple[float, dict[str, int]]


class ProgressLog:
    """Logs how far one training is, every few seconds at most."""

    def __init__(self, trial: Trial, budget: Budget):
        self._trial = trial
        self._budget = budget
        # When and where this process saw the training first: it may have begun in another one.
        self._first: Seen | None = None
        self._next = 0.0

    def log(self, training: dict) -> None:
        """Log epochs, best loss and time left; `training` has the fields of a `Training`."""
        now = time.monotonic()
        done = {"max_epochs": training["epochs"], "max_updates": training["updates"]}
        self._first = self._first or (now, done)
        if now < self._next:
            return
        self._next = now + LOG_SECONDS
        limits = {name: getattr(self._budget, name) for name in done}
        limits = {name: limit for name, limit in limits.items() if limit is not None}
        log.info(
            "trial %d, seed %d: %s, best validation loss %.4g in epoch %d%s",
            self._trial.id,
            self._trial.repetition,
            ", ".join(
                f"{name.removeprefix('max_')} {done[name]:,} of at most {limit:,}"
                for name, limit in limits.items()
            ),
            training["min_val_loss"],
            training["best_epoch"],
            _time_left(self._first, (now, done), limits),
        )


def _time_left(first: Seen, latest: Seen, limits: dict[str, int]) -> str:
    (start, before), (now, done) = first, latest
    seconds = [
        (limit - done[name]) * (now - start) / (done[name] - before[name])
        for name, limit in limits.items()
        if done[name] > before[name]
    ]
    return f", at most {min(seconds):.0f} s left" if seconds else ""


def retrain(
    trainer: Trainer, trial: Trial, manifest: dict, journal: str | Path, watch: Watch
) -> Path:
    """Return the path of the trial's model in the journal, training it if it is not there yet.

    A training that was killed goes on from its last checkpoint. `manifest` describes the data of
    the trainer; the model is saved with its scaling and names. `watch` knows if the trial is to be
    given up.
    """
    path = Path(journal) / f"{trainer.key(trial)}.pt"
    if _is_finished(path):
        log.info("trial %d is in the journal: not trained again", trial.id)
        return path
    progress = ProgressLog(trial, trainer.budget)

    def after_saving(state: dict) -> None:
        watch.progressed()
        progress.log(state["training"])

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
