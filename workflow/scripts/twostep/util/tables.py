"""The workflow's tables: written whole, and read with the types they were written with."""

from pathlib import Path

import pandas as pd

from twostep.util.files import atomic_path, damaged

# Text that may look like a number: "64" is a network with one hidden layer, "1" a fraction.
TEXT_COLUMNS = (
    "hidden_widths",
    "collapsed_outputs",
    "message",
    "stop_reason",
    "data",
    "host",
    "processor",
    "torch",
    "numpy",
)


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole or not at all."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV table; an empty cell is "" in a text column and NaN elsewhere, and no other is.

    Raises UserError if the table is damaged.
    """
    try:
        table = pd.read_csv(
            path, dtype=dict.fromkeys(TEXT_COLUMNS, str), keep_default_na=False, na_values=[""]
        )
    except ValueError as error:  # pandas's own errors are such, too
        raise damaged(path) from error
    if not isinstance(table.index, pd.RangeIndex):
        raise damaged(path)
    text = [column for column in TEXT_COLUMNS if column in table]
    return table.fillna(dict.fromkeys(text, ""))


def read_ranking(path: str | Path, n_trials: int | None = None) -> pd.DataFrame:
    """Read the ranked table of a search with so many trials, or of a rung.

    Raises UserError unless it holds each of its trials once, and the ranks in their order.
    """
    table = read_table(path)
    if not {"rank", "trial"} <= set(table) or table["trial"].duplicated().any():
        raise damaged(path)
    if n_trials is not None and set(table["trial"]) != set(range(n_trials)):
        raise damaged(path)
    ranks = table["rank"].dropna().tolist()
    if ranks != list(range(1, len(ranks) + 1)):
        raise damaged(path)
    return table
