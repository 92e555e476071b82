"""Whether the rankings on several fractions agree."""

import itertools
import math

import pandas as pd

from twostep.analysis.fractions import (
    compare_outcomes,
    correlate_rankings,
    overlap,
    overlap_by_chance,
)
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding

# ASSUME: rankings of all trials that correlate less than this are too different.
WEAK_CORRELATION = 0.5
# ASSUME: finalists of which less than this share are the same are too different, too.
SMALL_OVERLAP = 0.25
# What is more probable than this may be chance.
CHANCE = 0.05
# ASSUME: a correlation of fewer trials tells nothing.
FEWEST = 6


def check_fractions(study: Study) -> list[Finding]:
    """Return whether the rankings on neighbouring fractions agree, where there are several."""
    searches = sorted(study.searches, key=lambda search: float(search.fraction))
    if len(searches) < 2:
        return []
    rankings = {search.fraction: search.trials for search in searches}
    top_k = study.top_k
    return [*_check_pairs(rankings, top_k), _compare_outcomes(study)]


def _check_pairs(rankings: dict[str, pd.DataFrame], top_k: int) -> list[Finding]:
    """Return whether each ranking agrees with the next one; they are in ascending order."""
    correlations, n_trials = correlate_rankings(rankings)
    found = []
    for smaller, larger in itertools.pairwise(rankings):
        correlation = correlations[larger][smaller]
        if n_trials < FEWEST or math.isnan(correlation):
            text = (
                f"Fractions {smaller} and {larger} cannot be compared, because too few trials "
                "succeeded on both, or because their losses are equal."
            )
            found.append(Finding(text, UNKNOWN, "if the fractions agree", smaller))
            continue
        shared = overlap(rankings[smaller], rankings[larger])
        n_chosen = min(top_k, len(shared))
        found.append(
            _judge_pair(smaller, larger, int(shared[n_chosen - 1]), n_chosen, n_trials, correlation)
        )
    return found


def _judge_pair(
    smaller: str, larger: str, n_shared: int, top_k: int, n_trials: int, correlation: float
) -> Finding:
    """Return whether two fractions agree that share `n_shared` of their best `top_k` trials."""
    text = (
        f"Fractions {smaller} and {larger} share {n_shared} of their best {top_k} trials. Over "
        f"{n_trials:,} trials the correlation of their losses is {correlation:.2f} (Spearman)."
    )
    # ASSUME: what more than half of the trials share tells nothing, as any rankings share much.
    by_chance = 2 * top_k <= n_trials and overlap_by_chance(n_shared, top_k, n_trials) > CHANCE
    is_small = n_shared < SMALL_OVERLAP * top_k
    if correlation >= WEAK_CORRELATION and not by_chance and not is_small:
        text += (
            " Seeds, validation samples and a part of the training samples are the same, which "
            "makes them agree better."
        )
        return Finding(text, GOOD)
    if by_chance:
        text += " Unrelated rankings might share as many."
    elif is_small:
        text += " So they choose different trials."
    text += " Rely on the larger fraction"
    text += f", and consider one beyond {larger}." if float(larger) < 1 else "."
    return Finding(text, DOUBT, f"fractions {smaller} and {larger} do not agree")


def _compare_outcomes(study: Study) -> Finding:
    """Return how close each fraction's choice came to the best of all."""
    ratios = [
        f"{outcome.ratio:.2f} on fraction {outcome.fraction}"
        for outcome in compare_outcomes(study)
        if not math.isnan(outcome.ratio)
    ]
    text = "The best loss among the trials that a ranking chose, over the best of all: "
    return Finding(f"{text}{'; '.join(ratios)}.", GOOD)
