"""What the two steps cost, and an estimate of the same search on all the data."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from twostep.analysis.study import Search, Study
from twostep.trials.ranking import EARLIER


@dataclass(frozen=True)
class Cost:
    """A cost in processor seconds, and in a unit that no machine influences.

    `work` is the number of samples that were trained on, repetitions counted (sample-epochs),
    times the number of learnable parameters, summed over the trainings.
    """

    cpu_seconds: float
    work: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.cpu_seconds + other.cpu_seconds, self.work + other.work)

    def __truediv__(self, other: "Cost") -> "Cost":
        """Return the ratio of two costs, in either unit; NaN where the divisor is zero."""
        return Cost(
            self.cpu_seconds / other.cpu_seconds if other.cpu_seconds else np.nan,
            self.work / other.work if other.work else np.nan,
        )


def search_cost(trials: pd.DataFrame, timings: pd.DataFrame) -> Cost:
    """Return the measured cost of step 1 or of a rung, failed trials included.

    `trials` are rows of the ranked table, `timings` the table of all its timings.
    """
    work = _sample_epochs(trials, trials["n_train"]) * trials["n_parameters"]
    timed = timings[timings["trial"].isin(trials["trial"])]
    return Cost(float(timed["cpu_seconds"].sum()), float(work.sum()))


def controls_cost(study: Study) -> Cost:
    """Return the measured cost of all controls, in the rungs and in step 2."""
    retrained = study.retrained[study.retrained["control"]]
    cost = retrain_cost(retrained, study.retrain_timings, study.manifest["splits"]["training"])
    for rung in study.rungs:
        cost += search_cost(rung.trials[rung.trials[EARLIER]], rung.timings)
    return cost


def retrain_cost(retrained: pd.DataFrame, timings: pd.DataFrame, n_train: int) -> Cost:
    """Return the measured cost of retrained models.

    `retrained` are rows of the table of retrained models, `timings` the table of all their timings
    and `n_train` the number of training samples.
    """
    models = retrained.merge(timings, on=["trial", "seed"], validate="one_to_one")
    work = _sample_epochs(retrained, n_train) * retrained["n_parameters"]
    return Cost(float(models["cpu_seconds"].sum()), float(work.sum()))


def estimate_full_search(
    trials: pd.DataFrame,
    timings: pd.DataFrame,
    *,
    n_train: int,
    n_validation: int,
    epochs: float | None = None,
    max_updates: int | None = None,
) -> Cost:
    """Estimate the cost of the same trials on the whole training and validation splits.

    Parameters
    ----------
    trials, timings : tables of a fraction's search, one row per trial
    n_train, n_validation : number of samples in the whole splits
    epochs : how many epochs each trial that succeeds takes on all data; by default as many as on
        the fraction
    max_updates : limit of the search's budget, which holds whatever the number of samples; without
        `epochs` only
    """
    # ASSUME: an epoch takes the same processor time per sample on all the data, and a trial that
    # fails does so in the same epoch.
    table = trials.merge(timings, on="trial", validate="one_to_one")
    growth = n_train / table["n_train"]
    if epochs is not None:
        succeeded = table["status"] == "ok"
        seen = _sample_epochs(table, table["n_train"])
        growth = growth.mask(succeeded, epochs * n_train / seen.where(succeeded, 1.0))
    elif max_updates is not None:
        growth = _smaller(growth, max_updates / table["updates"].clip(lower=1))
    # Fewer than on the fraction only where a limit would end the training earlier.
    passes = (table["epochs"] * growth * table["n_train"] / n_train).clip(lower=1)
    validation_growth = passes / table["epochs"].clip(lower=1) * n_validation
    validation_growth /= table["n_validation"]
    other = table["cpu_seconds"] - table["train_cpu_seconds"] - table["validation_cpu_seconds"]
    cpu_seconds = (
        table["train_cpu_seconds"] * growth
        + table["validation_cpu_seconds"] * validation_growth
        + other
    )
    work = _sample_epochs(table, table["n_train"]) * growth * table["n_parameters"]
    return Cost(float(cpu_seconds.sum()), float(work.sum()))


def _sample_epochs(table: pd.DataFrame, n_train: pd.Series | int) -> pd.Series:
    """Return how many samples each training has seen, repetitions counted."""
    # A limit in updates may end a training within an epoch; else the first term is the smaller.
    return _smaller(table["epochs"] * n_train, table["updates"] * table["batch_size"])


def _smaller(first: pd.Series, second: pd.Series) -> pd.Series:
    # The types of numpy do not tell that it makes a series of two.
    return cast(pd.Series, np.minimum(first, second))


def step_costs(study: Study, search: Search) -> dict[str, Cost]:
    """Return the costs `step_1`, `step_2`, `both` and, unless step 1 had all data, two estimates.

    Step 2 counts the trials that this fraction chose. Between the steps are the rungs by their
    names, without their controls, and `both` has them, too. The estimates are of the same search
    on the whole training and validation splits: `full` with as many epochs a trial as the
    retrained models took, `full_as_searched` with as many as on the fraction.
    """
    splits = study.manifest["splits"]
    chosen = study.chosen(search)
    costs = {"step_1": search_cost(search.trials, search.timings)}
    for rung in study.rungs:
        costs[rung.name] = search_cost(rung.trials[~rung.trials[EARLIER]], rung.timings)
    costs["step_2"] = retrain_cost(chosen, study.retrain_timings, splits["training"])
    costs["both"] = sum(costs.values(), Cost(0.0, 0.0))
    if search.subset["splits"]["training"] == splits["training"]:
        return costs
    succeeded = chosen[chosen["status"] == "ok"]
    epochs = (_sample_epochs(succeeded, splits["training"]) / splits["training"]).mean()
    sizes = {"n_train": splits["training"], "n_validation": splits["validation"]}
    limit = study.config["search"]["budget"].get("max_updates")
    as_searched = estimate_full_search(search.trials, search.timings, **sizes, max_updates=limit)
    if succeeded.empty:
        return {**costs, "full": as_searched, "full_as_searched": as_searched}
    full = estimate_full_search(search.trials, search.timings, **sizes, epochs=float(epochs))
    return {**costs, "full": full, "full_as_searched": as_searched}
