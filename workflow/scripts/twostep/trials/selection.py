"""The table of retrained models, and the choice of the cheapest one that is good enough."""

import math
from collections.abc import Hashable, Mapping
from pathlib import PurePath

import numpy as np
import pandas as pd

from twostep.model.class_metrics import CLASS_METRICS
from twostep.model.metrics import METRICS, flatten_errors
from twostep.training.configuration import DEFAULTS
from twostep.trials.ranking import select_top
from twostep.trials.records import flatten_configuration, flatten_result
from twostep.trials.settings import further_settings
from twostep.util.columns import network_columns
from twostep.util.errors import UserError
from twostep.util.wording import describe_level

COST_COLUMNS = {"parameters": "n_parameters", "operations": "n_operations"}


def retrained_table(
    records: list[dict],
    evaluations: list[dict],
    rankings: dict[str, pd.DataFrame],
    top_k: int,
    *,
    rungs: Mapping[str, pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """Return one row per retrained model, by the mean validation loss over a trial's repetitions.

    Parameters
    ----------
    records, evaluations : one each per model, in the same order
    rankings : {fraction: ranked table of its search}
    top_k : how many trials of each ranking are retrained; any other trial is a `control`
    rungs : {name: ranked table} of the rungs, if there are any: the last one chooses, and no other
        ranking does

    A control has the same rights as the others: if it is the best, it is chosen, and the summary
    says that the cut had lost it. `val_loss_error` is the standard error of a model's validation
    loss, and `difference_error` that of the difference between the loss of its trial (the mean over
    its repetitions) and that of the best trial: both from the spread over the `validation_parts`.
    These are parts of the validation split at random, whose samples are taken to be independent,
    or whole blocks or groups, of which too few are none.

    Raises UserError if a trial has another configuration than in a ranking.
    """
    # In the order of the rankings' columns: mappings that were read have lost theirs.
    places = {name: i for i, name in enumerate(next(iter(rankings.values())))}
    output_names = sorted(
        dict.fromkeys(name for evaluation in evaluations for name in evaluation["per_output"]),
        key=lambda name: places.get(f"val_loss[{name}]", 0),
    )
    choosing = list((rungs or {}).values())[-1:] or list(rankings.values())
    chosen = {trial for table in choosing for trial in select_top(table, top_k)}
    rankings = {**rankings, **(rungs or {})}
    ranked = {name: table.set_index("trial") for name, table in rankings.items()}
    # Those of all trials, and of a retrained one that has changed since.
    named = [*rankings.values(), *(record["configuration"] for record in records)]
    further = further_settings(name for each in named for name in each)
    for record in records:
        _check_configuration(record, ranked, further)
    table = pd.DataFrame(
        [
            {
                "trial": record["trial"],
                "seed": record["seed"],
                **flatten_configuration(record, further),
                **_search_results(record["trial"], ranked),
                "control": record["trial"] not in chosen,
                "status": record["status"],
                **flatten_result(record, output_names),
                "val_loss_error": standard_error(evaluation["validation_blocks"]),
                **flatten_errors(evaluation, output_names),
            }
            for record, evaluation in zip(records, evaluations, strict=True)
        ]
    )
    blocks = [evaluation["validation_blocks"] for evaluation in evaluations]
    column = list(table.columns).index("val_loss_error") + 1
    table.insert(column, "difference_error", _difference_errors(table, blocks))
    table.insert(column + 1, "validation_parts", [len(each) for each in blocks])
    order = table.assign(
        # A repetition that failed leaves its trial without a mean to be judged by.
        failed=~table["trial"].isin(complete_trials(table)["trial"]),
        mean_loss=table.groupby("trial")["min_val_loss"].transform("mean"),
    )
    order = order.sort_values(["failed", "mean_loss", "trial", "seed"])
    return table.loc[order.index].reset_index(drop=True)


def complete_trials(retrained: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the trials that succeeded in all their repetitions."""
    failed = retrained.loc[retrained["status"] != "ok", "trial"]
    return retrained[~retrained["trial"].isin(failed)]


def standard_error(blocks: list[float] | np.ndarray) -> float:
    """Return the standard error of the mean of equally large blocks; NaN if they are too few."""
    return float(np.std(blocks, ddof=1) / math.sqrt(len(blocks))) if len(blocks) > 1 else math.nan


def _difference_errors(table: pd.DataFrame, blocks: list[list[float]]) -> list[float]:
    """Return for each row the standard error of its trial's loss minus that of the best trial."""
    complete = complete_trials(table)
    if complete.empty:
        return [math.nan] * len(table)
    losses = complete.groupby("trial")["min_val_loss"].mean()
    means: dict[Hashable, np.ndarray] = {
        trial: np.mean([blocks[row] for row in rows.index], axis=0)
        for trial, rows in complete.groupby("trial")
    }
    best = means[losses.idxmin()]
    errors = {trial: standard_error(mean - best) for trial, mean in means.items()}
    return [errors.get(trial, math.nan) for trial in table["trial"]]


def judge_trials(retrained: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial that succeeded in all its repetitions.

    `val_loss` is the mean over its repetitions, and `relative_val_loss` that loss over the lowest
    one. All else is of the repetition with the lowest validation loss, which is handed over for the
    trial. Raises UserError if there is no such trial.
    """
    candidates = complete_trials(retrained)
    if candidates.empty:
        raise UserError("each of the retrained trials failed with at least one of its seeds")
    losses = candidates.groupby("trial")["min_val_loss"].mean().rename("val_loss")
    finest = candidates.sort_values(["min_val_loss", "seed"]).drop_duplicates("trial")
    table = finest.merge(losses, on="trial")
    table["relative_val_loss"] = table["val_loss"] / table["val_loss"].min()
    return table


def reported_metrics(table: pd.DataFrame) -> list[str]:
    """Return the columns of the test errors over all outputs: of probabilities there are more."""
    metrics = [f"test_{metric}" for metric in (*METRICS, *CLASS_METRICS)]
    return [name for name in metrics if name in table]


def select(
    retrained: pd.DataFrame, models: dict[tuple[int, int], str], *, tolerance: float, cost: str
) -> pd.DataFrame:
    """Choose the best trial and the cheapest one that is good enough, by validation loss alone.

    Parameters
    ----------
    retrained : the table of retrained models
    models : (trial, repetition) -> path of the model
    tolerance : a trial is good enough if its validation loss, the mean over its repetitions, is at
        most (1 + tolerance) times that of the best
    cost : "parameters" or "operations"; equal costs are decided by the loss, then the trial id

    Returns
    -------
    Two rows, `choice` = best and selected. The model handed over is the repetition with the lowest
    validation loss. The test split has no say; its metrics are merely reported.
    """
    table = judge_trials(retrained)
    best = table.sort_values(["val_loss", "trial"]).iloc[[0]]
    good = table[table["relative_val_loss"] <= 1 + tolerance]
    cheapest = good.sort_values([COST_COLUMNS[cost], "val_loss", "trial"]).iloc[[0]]
    chosen = pd.concat([best, cheapest], ignore_index=True)
    chosen.insert(0, "choice", ["best", "selected"])
    chosen["model"] = [
        models[trial, seed] for trial, seed in zip(chosen["trial"], chosen["seed"], strict=True)
    ]
    columns = ["choice", "trial", "seed", "n_parameters", "n_operations"]
    columns += [*network_columns(map(str, retrained)), "val_loss", "relative_val_loss"]
    return chosen[columns + reported_metrics(chosen) + ["model"]]


def find_choice(selection: pd.DataFrame, choice: str) -> pd.Series:
    """Return the row of a choice, "best" or "selected", in what `select` returned."""
    return selection[selection["choice"] == choice].iloc[0]


def find_selected(models: list[str], selection: pd.DataFrame) -> int:
    """Return which of the models is the selected one; `selection` is what `select` returned."""
    names = [PurePath(model).name for model in models]
    return names.index(PurePath(find_choice(selection, "selected")["model"]).name)


def _check_configuration(
    record: dict, rankings: dict[str, pd.DataFrame], further: list[str]
) -> None:
    """Raise UserError unless a trial is one configuration in both steps."""
    retrained = flatten_configuration(record, further)
    for name, table in rankings.items():
        searched = {**DEFAULTS, **table.loc[record["trial"]]}
        differing = [key for key, value in retrained.items() if searched[key] != value]
        if differing:
            raise UserError(
                f"trial {record['trial']} was retrained with another {differing[0]} "
                f"({retrained[differing[0]]}) than it has in the search on {describe_level(name)} "
                f"({searched[differing[0]]}). Run the same command again, and delete the folder "
                "retrain of the study if that does not help"
            )


def _search_results(trial: int, rankings: dict[str, pd.DataFrame]) -> dict:
    results = {}
    for fraction, table in rankings.items():
        results[f"rank[{fraction}]"] = table.at[trial, "rank"]
        results[f"search_val_loss[{fraction}]"] = table.at[trial, "min_val_loss"]
    return results
