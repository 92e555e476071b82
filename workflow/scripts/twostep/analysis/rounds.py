"""Whether the finalists of a round are enough, by the losses of all that were retrained so far."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import pandas as pd

from twostep.analysis.remaining import better_left
from twostep.trials.ranking import leave_out_controls, select_top
from twostep.trials.selection import complete_trials


def judge_round(
    records: Iterable[dict],
    rankings: Mapping[str, pd.DataFrame],
    *,
    finalists: int,
    tolerance: float,
    probability: float,
) -> dict:
    """Return whether no better trial is left, as plain values.

    Parameters
    ----------
    records : those of the models that were retrained so far, the controls included
    rankings : {fraction: ranked table of its search}, or {name: that of the last rung}
    finalists : how many trials of each ranking were retrained
    tolerance : a trial is better if its loss is lower by more than that
    probability : the largest probability of a better trial that is left

    Returns
    -------
    Mapping with `finalists`, `enough` and, under `fractions`, what `better_left` says of each. They
    are enough if it says so of every fraction, and not where it cannot tell.
    """
    succeeded = complete_trials(pd.DataFrame(records))
    losses = succeeded.groupby("trial")["min_val_loss"].mean()
    chosen = {trial for table in rankings.values() for trial in select_top(table, finalists)}
    judged = {name: leave_out_controls(table, finalists) for name, table in rankings.items()}
    answers = {
        fraction: better_left(
            _steps(table, losses, chosen, finalists),
            n_trials=int(table["rank"].notna().sum()),
            top_k=finalists,
            tolerance=tolerance,
            risk=probability,
        )
        for fraction, table in judged.items()
    }
    return {
        "finalists": finalists,
        "enough": all(answer.is_enough(probability) for answer in answers.values()),
        "fractions": {fraction: asdict(answer) for fraction, answer in answers.items()},
    }


def _steps(
    ranking: pd.DataFrame, losses: pd.Series, chosen: set[int], finalists: int
) -> pd.DataFrame:
    """Return the retrained trials that a ranking chose, and the controls, as `better_left` does.

    What only another fraction chose is no sample of anything in this ranking.
    """
    known = ranking[ranking["rank"].notna() & ranking["trial"].isin(losses.index)]
    steps = pd.DataFrame(
        {
            "step_1_rank": known["rank"].astype(int),
            "step_2_loss": known["trial"].map(losses),
            "control": ~known["trial"].isin(chosen),
        }
    )
    return steps[(steps["step_1_rank"] <= finalists) | steps["control"]]
