"""What the networks have to beat, from the table of baselines."""

import pandas as pd


def baseline_losses(table: pd.DataFrame, data: str, column: str) -> dict[str, float]:
    """Return {model: loss} of the baselines on `data`, a fraction's name or "all"."""
    rows = table[table["data"] == data]
    return dict(zip(rows["model"], rows[column], strict=True))
