"""How long a training has to be: the shortest budget that a longer one hardly improves."""

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix
from replay import labels
from twostep.util.wording import number, short, table

# A budget is long enough if twice as many epochs lower the loss by no more than this.
WORTH = 0.05


def best_trials(matrix: Matrix) -> np.ndarray:
    """Return the trials that all budgets of a matrix were tried on."""
    kept = np.ones(len(matrix.trials), bool)
    for samples, epochs in trainings(matrix):
        kept &= ~np.isnan(matrix.column("one_cycle", samples, epochs, 0).seconds)
    return np.flatnonzero(kept)


def trainings(matrix: Matrix) -> list[tuple[int | str, int]]:
    """Return the samples and epochs of the trainings with one cycle, in their order."""
    found = set()
    for name in matrix.names():
        setting, samples, epochs, repetition = name.split("-")
        if setting == "one_cycle" and repetition == "0":
            found.add((samples if samples == ALL else int(samples), int(epochs)))
    return sorted(found, key=lambda entry: (entry[0] == ALL, entry))


def losses_by_budget(matrix: Matrix) -> dict[int, dict[int, float]]:
    """Return {samples: {epochs: test loss}}, geometric means over the best trials."""
    trials = best_trials(matrix)
    losses: dict[int, dict[int, float]] = {}
    for samples, epochs in trainings(matrix):
        column = matrix.column("one_cycle", samples, epochs, 0)
        loss = float(np.exp(np.log(column.test_losses[trials]).mean()))
        losses.setdefault(column.n_train, {})[epochs] = loss
    return losses


def shortest_budget(losses: dict[int, float]) -> float | None:
    """Return the epochs after which no doubling lowers the loss by more than `WORTH`.

    None if the longest budget still does. `losses` are those by epochs. Between two budgets the
    logarithm of the loss is taken to be linear in the logarithm of the epochs.
    """
    epochs = np.log(sorted(losses))
    values = np.log([losses[n_epochs] for n_epochs in sorted(losses)])
    slopes = np.diff(values) / np.diff(epochs)
    worthwhile = np.flatnonzero(slopes * np.log(2) < np.log(1 - WORTH))
    enough = worthwhile[-1] + 1 if len(worthwhile) else 0
    return float(np.exp(epochs[enough])) if enough < len(slopes) else None


def describe(matrix: Matrix) -> str:
    """Return the losses of all budgets as a table, with the shortest that is long enough."""
    losses = losses_by_budget(matrix)
    n_trials = len(best_trials(matrix))
    rows = [["training samples", f"test loss of {n_trials} trials after so many epochs", "enough"]]
    for samples, by_epochs in losses.items():
        if len(by_epochs) == 1:
            continue
        enough = shortest_budget(by_epochs)
        rows.append(
            [
                labels.samples(matrix, samples),
                ", ".join(f"{epochs}: {short(loss)}" for epochs, loss in sorted(by_epochs.items())),
                number(round(enough), "epoch") if enough else "more than these",
            ]
        )
    return table(rows)
