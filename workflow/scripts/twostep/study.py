"""The results of a study, as its summary needs them."""

from dataclasses import dataclass

import pandas as pd

from twostep.agreement import Agreement, compare_steps, rank_agreement


@dataclass(frozen=True)
class Search:
    """One fraction's search: its ranked table, its timings and the manifest of its data."""

    fraction: str
    trials: pd.DataFrame
    timings: pd.DataFrame
    subset: dict


@dataclass(frozen=True)
class Study:
    """All that a summary tells of."""

    config: dict
    manifest: dict
    searches: list[Search]
    retrained: pd.DataFrame
    retrain_timings: pd.DataFrame
    selection: pd.DataFrame
    baseline: pd.DataFrame

    @property
    def best(self) -> pd.Series:
        """The row of the best model in the selection."""
        return self.selection.set_index("choice").loc["best"]

    @property
    def selected(self) -> pd.Series:
        """The row of the selected model in the selection."""
        return self.selection.set_index("choice").loc["selected"]

    @property
    def tolerance(self) -> str:
        """The tolerance of the selection in per cent."""
        return f"{100 * self.config['select']['tolerance']:g} %"

    def model(self, choice: pd.Series) -> pd.Series:
        """Return the row of a chosen model in the table of retrained models."""
        table = self.retrained
        return table[(table.trial == choice.trial) & (table.seed == choice.seed)].iloc[0]

    def agreement(self, fraction: str) -> Agreement | None:
        """Return the rank correlation of the steps among the trials that a fraction chose."""
        steps = compare_steps(self.retrained, fraction, self.config["retrain"]["top_k"])
        steps = steps[steps["among_top_k"]]
        return rank_agreement(steps["step_1_loss"], steps["step_2_loss"])
