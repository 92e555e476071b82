"""What the networks have to beat, from the table of baselines."""

import pandas as pd

# The regression is one of these, by the loss of the study.
REGRESSIONS = {"linear": "linear regression", "logistic": "logistic regression"}


def baseline_losses(table: pd.DataFrame, data: str, column: str) -> dict[str, float]:
    """Return {model: loss} of the baselines on `data`, a fraction's name or "all"."""
    rows = table[table["data"] == data]
    return dict(zip(rows["model"], rows[column], strict=True))


def regression_of(table: pd.DataFrame, data: str) -> pd.Series:
    """Return the row of the regression on `data`, a fraction's name or "all"."""
    return table[(table["data"] == data) & table["model"].isin(list(REGRESSIONS))].iloc[0]


def regression_name(table: pd.DataFrame) -> str:
    """Return what the regression of a study is called."""
    return REGRESSIONS[regression_of(table, "all")["model"]]
