"""Training in a child process, since the system may kill it: for the memory it takes, above all.

The job's own process forks a child that does the work and waits for it. When the child is killed,
another one goes on, as every finished trial is in the journal; a trial under which it was killed
twice is given up, so that it can neither take the others down nor be tried for ever.
"""

import ctypes
import logging
import mmap
import os
import signal
import struct
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from twostep.util.errors import UserError
from twostep.util.logs import end_process

log = logging.getLogger(__name__)

MAX_DEATHS = 2
NO_TRIAL = -1
# Signals by which somebody ends a job; the others come from a fault or the memory killer.
REQUESTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Watch:
    """What parent and child know of each other.

    `job` names the job that all these processes work on. `killed` are the trials that are given up,
    with the reason: {trial: message}.
    """

    def __init__(self) -> None:
        self.job = uuid.uuid4().hex[:12]
        self.killed: dict[int, str] = {}
        self._deaths: Counter[int] = Counter()
        self._seen_progress = 0
        # Anonymous memory that the children share with the parent: trial, and progress in it.
        self._shared = mmap.mmap(-1, struct.calcsize("qq"))
        self._write(NO_TRIAL, 0)

    @contextmanager
    def training(self, trial: int) -> Iterator[None]:
        """Tell the parent that a trial is being trained."""
        _, progress = self._read()
        self._write(trial, progress)
        yield
        _, progress = self._read()
        self._write(NO_TRIAL, progress)

    def progressed(self) -> None:
        """Tell the parent that the trial need not start from its beginning any more."""
        trial, progress = self._read()
        self._write(trial, progress + 1)

    def note_death(self, signal_number: int) -> None:
        """Count the death of a child; UserError if no trial was being trained."""
        name = signal.Signals(signal_number).name
        trial, progress = self._read()
        if trial == NO_TRIAL:
            raise UserError(
                f"the job's process was killed by {name} while it trained no trial. Often the "
                "memory does not suffice for the data: run the same command again with more of it"
            )
        if progress != self._seen_progress:
            self._deaths[trial] = 0
            self._seen_progress = progress
        self._deaths[trial] += 1
        log.warning("the process was killed by %s while it trained trial %d", name, trial)
        if self._deaths[trial] >= MAX_DEATHS:
            self.killed[trial] = (
                f"its process was killed by {name} {MAX_DEATHS} times; the system may have run out "
                "of memory"
            )
        self._write(NO_TRIAL, progress)

    def _read(self) -> tuple[int, int]:
        return struct.unpack("qq", self._shared[:])

    def _write(self, trial: int, progress: int) -> None:
        self._shared[:] = struct.pack("qq", trial, progress)


def supervise() -> Watch:
    """Fork; return in the child only, and in another child whenever that one is killed.

    The parent never returns: it exits with the status of the child that came to an end. To be
    called before torch starts any thread.
    """
    watch = Watch()
    while True:
        child = os.fork()
        if child == 0:
            _die_with_parent()
            return watch
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status >= 0:
            end_process(status)
        if -status in REQUESTS:
            end_process(128 - status)
        watch.note_death(-status)


def _die_with_parent() -> None:
    """Ask the system to kill this process when its parent ends; Linux alone knows this."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
