"""Reading the workflow's tables with the types they were written with."""

from pathlib import Path

import pandas as pd

# Text that may look like a number: "64" is a network with one hidden layer, "1" a fraction.
TEXT_COLUMNS = ("hidden_widths", "collapsed_outputs", "message", "stop_reason", "data", "host")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV table; an empty cell is "" in a text column and NaN elsewhere."""
    table = pd.read_csv(path, dtype=dict.fromkeys(TEXT_COLUMNS, str))
    text = [column for column in TEXT_COLUMNS if column in table]
    return table.fillna(dict.fromkeys(text, ""))


def baseline_losses(table: pd.DataFrame, data: str, column: str) -> dict[str, float]:
    """Return {model: loss} of the baselines on `data`, a fraction's name or "all"."""
    rows = table[table["data"] == data]
    return dict(zip(rows["model"], rows[column], strict=True))
