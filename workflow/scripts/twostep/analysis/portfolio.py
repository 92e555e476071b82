"""The portfolio: all retrained models that no other one beats, for a later run to decide among."""

import pandas as pd

from twostep.analysis.pareto import pareto_front
from twostep.trials.selection import COST_COLUMNS, find_choice, judge_trials, reported_metrics
from twostep.util.columns import network_columns

TIME = "seconds_per_sample"
COSTS = {**COST_COLUMNS, "time": TIME}
# Of the measured times: a block of columns of a climate model.
BATCH_SIZE = 64


def choose_portfolio(
    retrained: pd.DataFrame, inference: pd.DataFrame, selection: pd.DataFrame
) -> pd.DataFrame:
    """Return the trials that are Pareto-optimal in loss and one of the costs, in ascending size.

    Parameters
    ----------
    retrained : the table of retrained models; only trials without a failure count
    inference : the table of measured times, one model per trial
    selection : what `trials.selection.select` returned

    Returns
    -------
    One row per trial, with the repetition that is handed over for it. `val_loss` is the mean over
    the repetitions, in the units of the loss, and `seconds_per_sample` the median time in batches
    of 64. `front[parameters]`, `front[operations]` and `front[time]` tell by which costs no other
    trial beats it. Of trials with the same loss and cost the one with the lowest id stays.
    `selected` is the study's choice. The test split has no say; its metrics are merely reported.
    """
    table = judge_trials(retrained).sort_values("trial", ignore_index=True)
    times = inference[inference["batch_size"] == BATCH_SIZE].set_index("trial")[TIME]
    table[TIME] = table["trial"].map(times)
    for name, column in COSTS.items():
        front = pareto_front(table[column], table["val_loss"])
        table[_front(name)] = table.index.isin(front)
    table["selected"] = table["trial"] == find_choice(selection, "selected")["trial"]
    fronts = [_front(name) for name in COSTS]
    columns = ["trial", "seed", "n_parameters", "n_operations"]
    columns += [*network_columns(map(str, retrained)), "val_loss", "relative_val_loss"]
    columns += [TIME, *fronts, "selected", *reported_metrics(table)]
    chosen = table.loc[table[fronts].any(axis=1), columns]
    return chosen.sort_values(["n_parameters", "trial"], ignore_index=True)


def costs_of(row: pd.Series) -> list[str]:
    """Return by which costs a trial of the portfolio is not beaten."""
    return [name for name in COSTS if row[_front(name)]]


def _front(cost: str) -> str:
    return f"front[{cost}]"
