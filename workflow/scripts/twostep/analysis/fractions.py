"""The rankings of several fractions of the data, compared with each other."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from twostep.analysis.cost import Cost, retrain_cost, search_cost
from twostep.analysis.study import Study


@dataclass(frozen=True)
class Outcome:
    """What retraining the top k of a fraction's ranking led to, and the cost of both steps.

    `loss` is the lowest validation loss of these trials after retraining (mean over the
    repetitions), `ratio` that loss over the lowest of all retrained trials; NaN if all of them
    failed. `error` is the standard error of the difference from that lowest loss, NaN if it is not
    known, and `repetitions` the losses that `loss` is the mean of.
    """

    fraction: str
    loss: float
    ratio: float
    error: float
    repetitions: list[float]
    cost: Cost


def correlate_rankings(rankings: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, int]:
    """Return Spearman's correlation of the search losses of each pair of fractions.

    `rankings` is {fraction: ranked table of its search}. Beside the matrix, with the fractions as
    labels, the number of trials that it rests on: those that succeeded on every fraction.
    """
    losses = pd.DataFrame(
        {
            fraction: table[table["rank"].notna()].set_index("trial")["min_val_loss"]
            for fraction, table in rankings.items()
        }
    ).dropna()
    return losses.corr("spearman"), len(losses)


def overlap(first: pd.DataFrame, second: pd.DataFrame) -> np.ndarray:
    """Return how many trials the first k of two ranked tables have in common, for k = 1, 2, ...

    As far as both rankings go, failed trials being in neither of them.
    """
    ranks = [table[table["rank"].notna()].set_index("trial")["rank"] for table in (first, second)]
    shared = pd.concat(ranks, axis=1, join="inner").max(axis=1).astype(int)
    n_ranked = min(map(len, ranks))
    return np.cumsum(np.bincount(shared, minlength=n_ranked + 1)[1 : n_ranked + 1])


def overlap_by_chance(n_shared: int, top_k: int, n_trials: int) -> float:
    """Return how probable at least such an overlap of two top k is if the rankings are unrelated.

    One of them is drawn at random then, which gives a hypergeometric distribution.
    """
    return float(hypergeom.sf(n_shared - 1, n_trials, top_k, top_k))


def compare_outcomes(study: Study) -> list[Outcome]:
    """Return the outcome of each fraction of a study, controls left out."""
    top_k, n_train = study.top_k, study.manifest["splits"]["training"]
    outcomes = []
    for search in study.searches:
        steps = study.steps(search.fraction)
        chosen = study.retrained[study.retrained[f"rank[{search.fraction}]"] <= top_k]
        candidates = steps[steps["among_top_k"]].sort_values("step_2_loss", kind="stable")
        best = study.retrained[study.retrained["trial"].isin(candidates["trial"].head(1))]
        loss = candidates["step_2_loss"].min()
        outcomes.append(
            Outcome(
                search.fraction,
                float(loss),
                float(loss / study.best["val_loss"]),
                float(best["difference_error"].min()),
                best["min_val_loss"].tolist(),
                search_cost(search.trials, search.timings)
                + retrain_cost(chosen, study.retrain_timings, n_train),
            )
        )
    return outcomes
