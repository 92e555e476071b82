"""Checkpoints of one long training, so that a killed one need not start from its beginning."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from twostep.training.tensor_file import load_tensors, save_tensors

log = logging.getLogger(__name__)

MIN_SECONDS = 1.0
# The time between two checkpoints in units of what one costs: they take at most 2 %.
MIN_INTERVALS = 50


class Checkpoint:
    """The state of one training on disk, the latest only.

    `after_saving` is called with each state that was saved.
    """

    def __init__(self, path: str | Path, after_saving: Callable[[dict], None] = lambda state: None):
        self._path = Path(path)
        self._after_saving = after_saving
        self._next = time.monotonic() + MIN_SECONDS

    def load(self) -> dict | None:
        """Return the state that was saved last, or None if there is none that can be read."""
        if not self._path.exists():
            return None
        try:
            state = load_tensors(self._path)
            epochs = state["training"]["epochs"]
        except Exception as error:  # torch raises whatever it finds first in a damaged file
            log.warning("%s cannot be read (%s): starting anew", self._path, error)
            return None
        log.info("going on from the checkpoint after epoch %d", epochs)
        return state

    def offer(self, state: Callable[[], dict]) -> None:
        """Save a state, if the last time is long enough ago to be worth it."""
        start = time.monotonic()
        if start < self._next:
            return
        kept = state()
        save_tensors(self._path, kept)
        self._after_saving(kept)
        now = time.monotonic()
        self._next = now + max(MIN_SECONDS, MIN_INTERVALS * (now - start))

    def remove(self) -> None:
        """Delete the checkpoint of a training that has come to its end."""
        self._path.unlink(missing_ok=True)
