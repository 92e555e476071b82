"""The results of a study, as its figures and its summary need them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from twostep.analysis.agreement import Agreement, compare_steps, rank_agreement
from twostep.analysis.complexity import Complexity, minimal_complexity
from twostep.analysis.regret import explain_no_cut
from twostep.analysis.remaining import RISK
from twostep.trials.ranking import find_others
from twostep.trials.rounds import count_finalists
from twostep.trials.selection import find_choice
from twostep.util.files import read_json
from twostep.util.tables import read_table

# Tables of a study that are read as they are.
TABLES = ("retrained", "retrain_timings", "selection", "baseline", "inference")


@dataclass(frozen=True)
class Search:
    """One fraction's search: its ranked table, its timings and the manifest of its data."""

    fraction: str
    trials: pd.DataFrame
    timings: pd.DataFrame
    subset: dict


@dataclass(frozen=True)
class Study:
    """All that figures show and a summary tells of.

    `records` are those of the retrained models, `rounds` the verdicts on the rounds of retraining,
    if the config has `retrain.until`.
    """

    config: dict
    manifest: dict
    searches: list[Search]
    records: list[dict]
    retrained: pd.DataFrame
    retrain_timings: pd.DataFrame
    selection: pd.DataFrame
    baseline: pd.DataFrame
    inference: pd.DataFrame
    rounds: list[dict]

    @property
    def has_own_networks(self) -> bool:
        """Whether the networks are the user's own."""
        return self.config["network"]["file"] is not None

    @property
    def top_k(self) -> int:
        """How many trials of each ranking were retrained."""
        return count_finalists(self.rounds, self.config["retrain"]["top_k"])

    @property
    def risk(self) -> float:
        """The largest probability of a better trial that may be left."""
        probability = self.config["retrain"]["until"]["probability"]
        return RISK if probability is None else probability

    @property
    def best(self) -> pd.Series:
        """The row of the best model in the selection."""
        return find_choice(self.selection, "best")

    @property
    def selected(self) -> pd.Series:
        """The row of the selected model in the selection."""
        return find_choice(self.selection, "selected")

    @property
    def tolerance(self) -> str:
        """The tolerance of the selection in per cent."""
        return f"{100 * self.config['select']['tolerance']:g} %"

    def model(self, choice: pd.Series) -> pd.Series:
        """Return the row of a chosen model in the table of retrained models."""
        table = self.retrained
        return table[(table.trial == choice.trial) & (table.seed == choice.seed)].iloc[0]

    def complexity(self, fraction: str) -> Complexity:
        """Return the smallest size that is about as good as the best in a fraction's search."""
        (trials,) = [search.trials for search in self.searches if search.fraction == fraction]
        succeeded = trials[trials["status"] == "ok"]
        return minimal_complexity(
            succeeded["n_parameters"],
            succeeded["min_val_loss"],
            self.config["select"]["tolerance"],
        )

    @cached_property
    def n_others(self) -> int:
        """The number of trials that the controls were drawn from."""
        rankings = [search.trials for search in self.searches]
        return len(find_others(rankings, self.top_k))

    @property
    def without_cut(self) -> str:
        """Why the controls tell nothing of the trials that were cut off, where they do not."""
        return explain_no_cut(
            n_others=self.n_others,
            n_fractions=len(self.searches),
            n_controls=int(self.retrained["control"].sum()),
        )

    def steps(self, fraction: str) -> pd.DataFrame:
        """Return each retrained trial's loss and rank in the two steps, see `compare_steps`."""
        return compare_steps(self.retrained, fraction, self.top_k, n_others=self.n_others)

    def sampled_steps(self, fraction: str) -> pd.DataFrame:
        """Return the same of the trials that a fraction chose and of the controls.

        What only another fraction chose is no sample of anything in this one's ranking.
        """
        steps = self.steps(fraction)
        return steps[steps["among_top_k"] | steps["control"]]

    def agreement(self, fraction: str) -> Agreement | None:
        """Return the rank correlation of the steps among the trials that a fraction chose."""
        steps = self.steps(fraction)
        steps = steps[steps["among_top_k"]]
        return rank_agreement(steps["step_1_loss"], steps["step_2_loss"])


def read_study(files: Mapping[str, str | list[str]], config: str) -> Study:
    """Read the results of a study; UserError if one of them is damaged.

    Parameters
    ----------
    files : the inputs of the rules `figures` and `summarise`, by name. A fraction's table of
        trials lies in the folder named after it.
    config : the sections of the resolved config that are told of, as JSON
    """
    searches = [
        Search(Path(trials).parent.name, read_table(trials), read_table(timings), read_json(subset))
        for trials, timings, subset in zip(
            files["trials"], files["timings"], files["subsets"], strict=True
        )
    ]
    single = {name: path for name, path in files.items() if isinstance(path, str)}
    return Study(
        config=json.loads(config),
        manifest=read_json(single["manifest"]),
        searches=searches,
        records=[read_json(path) for path in files["records"]],
        rounds=[read_json(path) for path in files["rounds"]],
        **{name: read_table(single[name]) for name in TABLES},
    )
