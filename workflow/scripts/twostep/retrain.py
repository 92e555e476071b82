"""Step 2: one of the best trials, trained on the full training split."""

import logging
from pathlib import Path

from twostep.model import save_model
from twostep.trials import Trainer, Trial

log = logging.getLogger(__name__)


def retrain(trainer: Trainer, trial: Trial, manifest: dict, journal: str | Path) -> Path:
    """Return the path of the trial's model in the journal, training it if it is not there yet.

    `manifest` describes the data of the trainer; the model is saved with its scaling and names.
    """
    path = Path(journal) / f"{trainer.key(trial)}.pt"
    if path.exists():
        log.info("trial %d is in the journal: not trained again", trial.trial)
        return path
    finished = trainer.run(trial)
    save_model(path, finished, manifest)
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
