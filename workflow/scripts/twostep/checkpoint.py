"""Checkpoints of one long training, so that a killed one need not start from its beginning."""

import io
import logging
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from twostep.files import atomic_path

log = logging.getLogger(__name__)

MIN_SECONDS = 1.0
# The time between two checkpoints in units of what one costs: they take at most 2 %.
MIN_INTERVALS = 50


class Checkpoint:
    """The state of one training on disk, the latest only.

    `saved` is called with each state that was saved.
    """

    def __init__(self, path: str | Path, saved: Callable[[dict], None] = lambda state: None):
        self._path = Path(path)
        self._saved = saved
        self._next = time.monotonic() + MIN_SECONDS

    def load(self) -> dict | None:
        """Return the state that was saved last, or None if there is none that can be read."""
        if not self._path.exists():
            return None
        try:
            state = load(self._path)
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
        save(self._path, kept)
        self._saved(kept)
        now = time.monotonic()
        self._next = now + max(MIN_SECONDS, MIN_INTERVALS * (now - start))

    def remove(self) -> None:
        """Delete the checkpoint of a training that has come to its end."""
        self._path.unlink(missing_ok=True)


def save(path: str | Path, content: dict) -> None:
    """Write tensors and plain values, whole or not at all; OSError if the disk is full."""
    # Through memory, as torch itself tells of a full disk by an error of its own.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load(path: str | Path) -> dict:
    """Read what `save` wrote; raises whatever is found first in a damaged file."""
    # torch itself does not look at the checksums of the archive that it writes.
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise ValueError(f"{path} does not agree with its checksums")
    return torch.load(path, weights_only=True)
