"""How many must be retrained, by how many were tried."""

import numpy as np

from matrix.load import Matrix
from replay import labels
from replay.comparisons import columns
from replay.outcomes import find, samples_of
from replay.policies import Policy, Stage, training
from twostep.util.wording import table

# The smallest number of trials that is looked at; others are twice, four times ... as large.
FEWEST = 25
RETRAINED = (1, 2, 4, 8, 16)


def describe(matrix: Matrix, first: tuple[str, int, int], last: Stage, truth: np.ndarray) -> str:
    """Return regret and whether the best is retrained as a table; random samples of the trials.

    `last` and `truth` are as `comparisons.compare` takes them.
    """
    found = columns(matrix, *first)
    rows = [["trials", *(f"{number} retrained" for number in RETRAINED)]]
    n_trials = FEWEST
    while n_trials <= len(matrix.trials):
        samples = samples_of(len(matrix.trials), n_trials)
        cells = []
        for n_retrained in RETRAINED:
            share = n_retrained / n_trials
            policies = [Policy((training(column, share),), last) for column in found]
            outcome = find(policies, last, truth, samples=samples)
            mean = f"{np.mean(outcome.regrets):.2f}"
            cells.append(f"{mean}, {labels.percent(float(outcome.found.mean()))}")
        rows.append([f"{n_trials:,}", *cells])
        n_trials *= 2
    return table(rows)
