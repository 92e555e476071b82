"""One step of a study as a look at it counts: what is done, what is best, how quick it goes."""

from collections import Counter
from dataclasses import dataclass, field

from twostep.util.job_note import Note

# A rate is that of the last minutes, or of the last few trainings if they take longer.
RATE_SECONDS = 600.0
RATE_TRAININGS = 10
# A job on another machine that says nothing for so many of the longest trainings is taken for dead.
SILENT_TRAININGS = 3


@dataclass(frozen=True)
class Done:
    """A training that is done: its record, its start and its end, in seconds since 1970.

    The journal holds no clock: the times are reconstructed from those of its files and from how
    long each trial took.
    """

    record: dict
    start: float
    end: float


@dataclass
class Step:
    """What step 1 has trained on one fraction, a rung on its own, or step 2 on all data.

    `n_wanted` is None as long as it is not known. `part` is the number of the generation or of the
    round under way, from 1 on, and how many there are; None for a step without. `statuses` counts
    what is done, and `n_foreign` the trials in the journal that another config, other data or other
    code has trained. `jobs` are the notes of the jobs at work.
    """

    name: str
    n_wanted: int | None
    part: tuple[int, int] | None = None
    statuses: Counter[str] = field(default_factory=Counter)
    n_foreign: int = 0
    best: dict | None = None
    trained: list[Done] = field(default_factory=list)
    jobs: list[Note] = field(default_factory=list)

    @property
    def n_done(self) -> int:
        """How many trainings are done, failed ones too."""
        return self.statuses.total()

    def add(self, done: Done) -> None:
        """Count a training that is done."""
        record = done.record
        self.statuses[record["status"]] += 1
        self.trained.append(done)
        if record["status"] == "ok":
            self.best = min(self.best or record, record, key=lambda each: each["min_val_loss"])

    def silence(self) -> float:
        """Return for how many seconds a job at work may say nothing."""
        longest = max((done.end - done.start for done in self.trained), default=0.0)
        return max(RATE_SECONDS, SILENT_TRAININGS * longest)

    def rate(self, now: float) -> tuple[float, float] | None:
        """Return trainings per second and the seconds that this was counted over, if at work."""
        trained = sorted(self.trained, key=lambda done: done.end)
        if not trained or now - trained[-1].end > self.silence():
            return None
        recent = [done for done in trained if now - done.end <= RATE_SECONDS]
        if len(recent) < RATE_TRAININGS:
            recent = trained[-RATE_TRAININGS:]
        window = now - min(done.start for done in recent)
        if len(recent) >= RATE_TRAININGS and now - recent[0].end <= RATE_SECONDS:
            window = min(window, RATE_SECONDS)
        return len(recent) / max(window, 1e-9), window
