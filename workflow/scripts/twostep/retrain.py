"""Step 2: one of the best trials, trained on the full training split."""

import logging
from pathlib import Path

from twostep.checkpoint import Checkpoint
from twostep.errors import UserError
from twostep.model import load_content, save_model
from twostep.records import REPEATABLE
from twostep.supervision import Watch
from twostep.trials import Finished, Trainer, Trial

log = logging.getLogger(__name__)


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
        log.info("trial %d is in the journal: not trained again", trial.trial)
        return path
    checkpoint = Checkpoint(path.with_suffix(".checkpoint.pt"), saved=watch.progressed)
    finished = _train(trainer, trial, checkpoint, watch)
    if finished.record["status"] not in REPEATABLE and _is_finished(path):
        # A process beside this one, perhaps left by a killed run, had more luck.
        return path
    save_model(path, finished, manifest)
    checkpoint.remove()
    record = finished.record
    log.info(
        "trial %d trained: %s, best loss %s in epoch %s of %d, %.1f processor seconds",
        trial.trial,
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
        return load_content(path)["record"]["status"] in REPEATABLE
    except (UserError, KeyError, TypeError):
        log.warning("%s is damaged: the trial is trained again", path)
        return False


def _train(trainer: Trainer, trial: Trial, checkpoint: Checkpoint, watch: Watch) -> Finished:
    if trial.trial in watch.killed:
        return trainer.give_up(trial, watch.killed[trial.trial])
    with watch.training(trial.trial):
        return trainer.run(trial, checkpoint)
