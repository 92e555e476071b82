"""How trainings and numbers are named in tables and figures."""

import numpy as np

from matrix.columns import ALL
from matrix.load import Matrix
from replay.outcomes import interval

SETTINGS = {
    "one_cycle": "",
    "one_cycle_32": "batches of 32",
    "one_cycle_512": "batches of 512",
    "constant": "constant rate",
}


def samples(matrix: Matrix, value: int | str) -> str:
    """Return a number of samples, e.g. "4,800 samples"."""
    return f"{matrix.n_all if value == ALL else int(value):,} samples"


def training(matrix: Matrix, setting: str, n_samples: int | str, epochs: int) -> str:
    """Return e.g. "4,800 samples, 40 epochs, constant rate"; one cycle goes without saying."""
    named = f", {SETTINGS[setting]}" if SETTINGS[setting] else ""
    return f"{samples(matrix, n_samples)}, {epochs} epoch{'s' * (epochs != 1)}{named}"


def with_repetition(label: str, number: int, n_repetitions: int) -> str:
    """Return a label that tells repetitions apart, where there are several."""
    return f"{label}, repetition {number}" if n_repetitions > 1 else label


def percent(share: float) -> str:
    """Return a share in per cent, with two digits."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"


def regret(regrets: np.ndarray) -> str:
    """Return the middle and the ends of the middle 90 % of ratios of losses."""
    low, middle, high = interval(regrets)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"
