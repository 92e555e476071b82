"""Rounds of retraining: how many finalists there are, where a study may stop before `top_k`.

Without the numerical libraries, as the rules ask for it whenever the Snakefile is read.
"""

from collections.abc import Iterable

# A study may say "enough" if a better trial is left with at most this probability.
RISK = 0.05
# Fewer of them tell too little of the trials that are left.
FEWEST_CONTROLS, FEWEST_FINALISTS = 6, 8


def round_sizes(retrain: dict) -> list[int]:
    """Return how many finalists have been retrained after each round, `top_k` in the end.

    `retrain` is that section of the config. There is one round only if it has no `until`.
    """
    top_k, until = retrain["top_k"], retrain["until"]
    if until["probability"] is None:
        return [top_k]
    return [*range(until["round_size"], top_k, until["round_size"]), top_k]


def count_finalists(rounds: Iterable[dict], top_k: int) -> int:
    """Return how many trials of each ranking are retrained, by what the rounds came to."""
    return next((each["finalists"] for each in rounds if each["enough"]), top_k)
