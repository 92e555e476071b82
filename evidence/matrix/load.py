"""A matrix as it was committed: losses, costs and curves of all its trials by column."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from matrix.columns import ALL, column_name
from matrix.tables import CURVE, SUFFIX, read_column
from twostep.util.files import read_json
from twostep.util.tables import read_table

FOLDER = Path(__file__).parents[1] / "matrices"


@dataclass(frozen=True)
class Trained:
    """The trainings of one column, each array over all trials of the matrix, (n_trials,).

    What the column did not train is NaN, and so is the loss of a trial that failed. `losses` are
    those on the search's validation sample, `all_losses` those on the validation split and
    `test_losses` those on the test split, of the weights of the best epoch. `seconds` are processor
    seconds of training and validation; of trials trained on a GPU they are what as many updates of
    the same network took on a processor, and `train_seconds` those without validation. `work` is
    samples times epochs times learnable parameters, and `updates` are those of the optimizer.
    """

    losses: np.ndarray
    all_losses: np.ndarray
    test_losses: np.ndarray
    seconds: np.ndarray
    train_seconds: np.ndarray
    work: np.ndarray
    updates: np.ndarray
    epochs: int
    n_train: int
    texts: np.ndarray

    def first(self, n: int) -> np.ndarray:
        """Return the places of the `n` trials with the lowest losses; failed ones come last."""
        return np.argsort(np.nan_to_num(self.losses, nan=np.inf), kind="stable")[:n]

    @cached_property
    def curves(self) -> np.ndarray:
        """The validation losses after each epoch, (n_trials, n_epochs)."""
        curves = np.full((len(self.texts), self.epochs), np.nan)
        for row, text in zip(curves, self.texts, strict=True):
            values = np.array(text.split(), float)
            row[: len(values)] = values
        return curves


class Matrix:
    """The matrix in a folder of committed tables."""

    def __init__(self, name: str, folder: Path = FOLDER):
        self._folder = folder / name
        self.name = name
        self.provenance = read_json(self._folder / "provenance.json")
        self.trials: pd.DataFrame = read_table(self._folder / f"trials{SUFFIX}").set_index("trial")
        self._columns: dict[str, Trained] = {}

    @property
    def n_all(self) -> int:
        """The number of samples of the training split."""
        return self.provenance["splits"]["training"]

    def names(self) -> list[str]:
        """Return the names of the columns that are there."""
        names = [path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*-*{SUFFIX}")]
        return sorted(names)

    def has(self, setting: str, samples: int | str, epochs: int, repetition: int) -> bool:
        """Tell whether a column is there."""
        return self._path(column_name(setting, samples, epochs, repetition)).exists()

    def repetitions(self, setting: str, samples: int | str, epochs: int) -> list[int]:
        """Return the repetitions of a training that are there for all trials."""
        prefix = f"{setting}-{samples}-{epochs}-"
        numbers = [
            int(name.removeprefix(prefix)) for name in self.names() if name.startswith(prefix)
        ]
        return [
            number for number in sorted(numbers) if self.is_whole(setting, samples, epochs, number)
        ]

    def is_whole(self, setting: str, samples: int | str, epochs: int, repetition: int) -> bool:
        """Tell whether a column holds all trials."""
        column = self.column(setting, samples, epochs, repetition)
        return not np.isnan(column.seconds).any()

    def column(self, setting: str, samples: int | str, epochs: int, repetition: int) -> Trained:
        """Return a column; FileNotFoundError if it is not there."""
        name = column_name(setting, samples, epochs, repetition)
        if name not in self._columns:
            self._columns[name] = self._read(name, self.n_all if samples == ALL else int(samples))
        return self._columns[name]

    def _processor_seconds(self, table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        """Return the processor seconds of training and of validation of each trial of a column."""
        timed_by = self.provenance.get("timed_by")
        if timed_by is None:
            return table["train_seconds"], table["validation_seconds"]
        timed = read_column(self._folder.parent / f"{timed_by}{SUFFIX}").reindex(table.index)
        by_update = timed["train_seconds"] / timed["updates"]
        by_epoch = timed["validation_seconds"] / timed["epochs"]
        return by_update * table["updates"], by_epoch * table["epochs"]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"

    def _read(self, name: str, n_train: int) -> Trained:
        table = read_column(self._path(name))
        failed = table["status"] != "ok"
        table.loc[failed, ["val_loss", "val_loss_all", "test_loss"]] = np.nan
        table = table.reindex(self.trials.index)
        parameters = self.trials["n_parameters"].to_numpy()
        training, validation = self._processor_seconds(table)
        return Trained(
            losses=table["val_loss"].to_numpy(),
            all_losses=table["val_loss_all"].to_numpy(),
            test_losses=table["test_loss"].to_numpy(),
            seconds=(training + validation).to_numpy(),
            train_seconds=training.to_numpy(),
            work=n_train * table["epochs"].to_numpy() * parameters,
            updates=table["updates"].to_numpy(),
            epochs=int(table["epochs"].max()),
            n_train=n_train,
            texts=table[CURVE].astype(str).to_numpy(),
        )
