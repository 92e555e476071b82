"""The columns of a matrix: what each trial of them is trained on, and how."""

from collections.abc import Iterator
from dataclasses import dataclass

ALL = "all"
# Samples of the training split that a repetition may have to itself, as a share of it.
LARGEST_OWN_SHARE = 4


def column_name(setting: str, samples: int | str, epochs: int, repetition: int) -> str:
    """Return the name of a column's table, which says all but which trials it holds."""
    return f"{setting}-{samples}-{epochs}-{repetition}"


@dataclass(frozen=True)
class Column:
    """One training of each trial.

    `samples` are those of the training split, a number or "all"; `setting` names how networks are
    trained, and `repetition` is a number that all random draws depend on. `best` is the number of
    the trials, the best ones of another column, or None for all.
    """

    setting: str
    samples: str
    epochs: int
    repetition: int
    best: int | None = None

    @property
    def name(self) -> str:
        """The name of the column's table."""
        return column_name(self.setting, self.samples, self.epochs, self.repetition)

    @property
    def draws(self) -> str:
        """What the random draws depend on, beside the repetition."""
        return f"evidence/{self.setting}/{self.samples}/{self.epochs}"

    def rows(self, n_all: int) -> slice:
        """Return the column's samples among the `n_all` of the training split.

        The quarters of the split belong to different repetitions, so that repetitions of few
        samples share none of them, and fewer samples are contained in more.
        """
        if self.samples == ALL:
            return slice(0, n_all)
        n = int(self.samples)
        own = n <= n_all // LARGEST_OWN_SHARE
        start = self.repetition % LARGEST_OWN_SHARE * (n_all // LARGEST_OWN_SHARE) if own else 0
        return slice(start, start + n)


def read_columns(entries: list[dict]) -> Iterator[Column]:
    """Yield the columns that the entries of a config stand for."""
    for entry in entries:
        for samples in entry["samples"]:
            for epochs in entry["epochs"]:
                for repetition in entry["repetitions"]:
                    yield Column(
                        entry["setting"], str(samples), epochs, repetition, entry.get("best")
                    )
