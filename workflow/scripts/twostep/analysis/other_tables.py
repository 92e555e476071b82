"""Tables of losses that other tools have made."""

import math
from pathlib import Path

import pandas as pd

from twostep.util.errors import UserError
from twostep.util.text import suggest

LOSSES = ("step_1_loss", "step_2_loss")
TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def read_steps(path: str | Path) -> tuple[pd.DataFrame, int]:
    """Read the losses of a search and of its retrained trials from a CSV file.

    Parameters
    ----------
    path : a table with one row for each trial and the columns step_1_loss, step_2_loss and control

    Returns
    -------
    steps : one row per retrained trial, as `better_left` takes it
    n_trials : the number of trials of the search that succeeded

    Raises UserError if the file cannot be read, or does not hold what it must.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as a CSV table: {reason}") from error
    for column in (*LOSSES, "control"):
        if column not in table:
            raise UserError(f"{path} has no column {column!r}{suggest(column, table.columns)}")
    losses = pd.DataFrame({column: _numbers(path, table[column]) for column in LOSSES})
    unknown = ~table["control"].str.strip().str.lower().isin(TRUTHS)
    if unknown.any():
        raise UserError(
            f"{path}, row {_row(unknown)}: control must be true or false, not "
            f"{table.loc[unknown, 'control'].iloc[0]!r}"
        )
    control = table["control"].str.strip().str.lower().map(TRUTHS).astype(bool)
    searched = losses["step_1_loss"].notna()
    if not (searched & losses["step_2_loss"].notna()).any():
        raise UserError(
            f"{path} has no trial with both losses: fill in step_1_loss and step_2_loss of those "
            "that were retrained"
        )
    steps = pd.DataFrame(
        {
            "step_1_rank": losses["step_1_loss"].rank(method="first"),
            "step_2_loss": losses["step_2_loss"],
            "control": control,
        }
    )
    return steps[searched & losses["step_2_loss"].notna()], int(searched.sum())


def _numbers(path: str | Path, column: pd.Series) -> pd.Series:
    """Return a column of losses as numbers, NaN where empty."""
    text = column.str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    wrong = (text != "") & ~((numbers > 0) & (numbers < math.inf))
    if wrong.any():
        raise UserError(
            f"{path}, row {_row(wrong)}: {column.name} must be a number above 0 or empty, not "
            f"{column[wrong].iloc[0]!r}"
        )
    return numbers


def _row(where: pd.Series) -> int:
    """Return the number of the first row, as an editor counts them below the header."""
    return int(where.to_numpy().argmax()) + 2
