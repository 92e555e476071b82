"""The results of a study, as its figures and its summary need them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from twostep.analysis.agreement import Agreement, compare_steps, join_rankings, rank_agreement
from twostep.analysis.complexity import Complexity, minimal_complexity
from twostep.analysis.regret import explain_no_cut
from twostep.analysis.remaining import RISK, Remaining, better_left
from twostep.trials.ranking import find_others, leave_out_controls
from twostep.trials.rounds import count_finalists
from twostep.trials.rungs import rung_name
from twostep.trials.samplers import are_random, random_trials
from twostep.trials.selection import find_choice
from twostep.util.files import read_json
from twostep.util.tables import read_table
from twostep.util.wording import describe_level, is_rung

# Tables of a study that are read as they are.
TABLES = ("retrained", "retrain_timings", "selection", "baseline", "inference")


@dataclass(frozen=True)
class Search:
    """One fraction's search: its ranked table, its timings and the manifest of its data.

    With the number of a `rung`, from 1 on, it is that rung.
    """

    fraction: str
    trials: pd.DataFrame
    timings: pd.DataFrame
    subset: dict
    rung: int = 0

    @property
    def name(self) -> str:
        """What figures, columns and methods of the study call it by."""
        return rung_name(self.rung) if self.rung else self.fraction


@dataclass(frozen=True)
class Study:
    """All that figures show and a summary tells of.

    `records` are those of the retrained models, `rounds` the verdicts on the rounds of retraining,
    if the config has `retrain.until`, and `rungs` what is between the search and step 2.
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
    rungs: list[Search] = field(default_factory=list)

    @property
    def has_own_networks(self) -> bool:
        """Whether the networks are the user's own."""
        return self.config["network"]["file"] is not None

    @property
    def top_k(self) -> int:
        """How many trials of each ranking that step 2 chose from were retrained."""
        return count_finalists(self.rounds, self.config["retrain"]["top_k"])

    @property
    def levels(self) -> list[Search]:
        """All rankings: those of the fractions, then those of the rungs."""
        return [*self.searches, *self.rungs]

    @property
    def choosing(self) -> list[Search]:
        """The rankings that step 2 chose from: the last rung's, or those of all fractions."""
        return self.rungs[-1:] or self.searches

    def chosen(self, search: Search) -> pd.DataFrame:
        """Return the retrained models of the trials that a fraction chose, by its rungs if any."""
        ranking = (self.rungs or [search])[-1]
        return self.retrained[self.retrained[f"rank[{ranking.name}]"] <= self.top_k]

    def level(self, name: str) -> Search:
        """Return the ranking with this name."""
        return next(level for level in self.levels if level.name == name)

    def after(self, name: str) -> Search | None:
        """Return the rung that follows a ranking; None if step 2 does."""
        following = self.rungs[self.level(name).rung :]
        return following[0] if following else None

    def passed(self, name: str) -> int:
        """Return how many trials of a ranking its cut lets pass, the controls left out."""
        following = self.after(name)
        if following is None:
            return self.top_k
        return self.config["search"]["rungs"][following.rung - 1]["top_k"]

    def ranking(self, name: str) -> pd.DataFrame:
        """Return the table of a ranking as its cut is judged by it.

        Without the controls of earlier cuts that it would have cut off, too.
        """
        return leave_out_controls(self.level(name).trials, self.passed(name))

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

    @property
    def is_random(self) -> bool:
        """Whether all trials of the search are a random sample of the space."""
        return are_random(self.config["search"])

    def random_sample(self, search: Search) -> pd.DataFrame:
        """Return those rows of a search's table that are a random sample of the space.

        Without the user's own configurations, and those that a sampler chose by earlier losses.
        """
        return search.trials[search.trials["trial"].isin(random_trials(self.config["search"]))]

    def complexity(self, fraction: str) -> Complexity:
        """Return the smallest size that is about as good as the best in a ranking.

        Without its interval where the trials are no sample of the search space: in a rung, and in a
        search of which not all are random.
        """
        level = self.level(fraction)
        found = self._complexity(level.trials)
        is_sample = self.is_random and not level.rung
        return found if is_sample else replace(found, low=None, high=None)

    def random_complexity(self, search: Search) -> Complexity | None:
        """Return the same with its interval, of the random trials alone; None if none succeeded."""
        sample = self.random_sample(search)
        return self._complexity(sample) if (sample["status"] == "ok").any() else None

    def _complexity(self, trials: pd.DataFrame) -> Complexity:
        succeeded = trials[trials["status"] == "ok"]
        return minimal_complexity(
            succeeded["n_parameters"],
            succeeded["min_val_loss"],
            self.config["select"]["tolerance"],
        )

    def n_others(self, name: str) -> int:
        """Return the number of trials that the controls of a ranking's cut were drawn from."""
        rankings = [self.level(name)] if self.after(name) else self.choosing
        return len(find_others([level.trials for level in rankings], self.passed(name)))

    def without_cut(self, name: str) -> str:
        """Return why the controls tell nothing of the trials that a cut has cut off."""
        return explain_no_cut(
            n_others=self.n_others(name),
            n_fractions=1 if self.rungs else len(self.searches),
            n_controls=int(self._trained_after(name)["control"].sum()),
        )

    def steps(self, name: str) -> pd.DataFrame:
        """Return loss and rank, before and after its cut, of each trial of a ranking that passed.

        See `compare_steps`: the step after the cut is step 2 or a rung.
        """
        return self._steps[name]

    @cached_property
    def _steps(self) -> dict[str, pd.DataFrame]:
        return {
            level.name: compare_steps(
                self._trained_after(level.name),
                level.name,
                self.passed(level.name),
                n_others=self.n_others(level.name),
            )
            for level in self.levels
        }

    def _trained_after(self, name: str) -> pd.DataFrame:
        """Return what passed a ranking's cut as a table of retrained models has it."""
        if not self.rungs:
            return self.retrained
        before, following = self.ranking(name), self.after(name)
        after = self.retrained if following is None else following.trials.assign(seed=0)
        return join_rankings(before, after, name, self.passed(name))

    def sampled_steps(self, name: str) -> pd.DataFrame:
        """Return the same of the trials that a ranking chose and of the controls.

        What only another fraction chose is no sample of anything in this one's ranking.
        """
        steps = self.steps(name)
        return steps[steps["among_top_k"] | steps["control"]]

    def left(self, name: str) -> Remaining:
        """Return whether a better trial is left behind a cut, by the losses of the next level.

        Never by those of a later one, whose sample another cut has selected.
        """
        following = self.after(name)
        return better_left(
            self.sampled_steps(name),
            n_trials=self.n_ranked(name),
            top_k=self.passed(name),
            tolerance=self.config["select"]["tolerance"],
            risk=self.risk,
            before=describe_level(name) if is_rung(name) else "step 1",
            after="step 2" if following is None else describe_level(following.name),
        )

    def n_ranked(self, name: str) -> int:
        """Return how many trials that succeeded a cut had to choose from."""
        return int(self.ranking(name)["rank"].notna().sum())

    def agreement(self, name: str) -> Agreement | None:
        """Return the rank correlation across a cut among the trials that the ranking chose."""
        steps = self.steps(name)
        steps = steps[steps["among_top_k"]]
        return rank_agreement(steps["step_1_loss"], steps["step_2_loss"])


def read_study(files: Mapping[str, str | list[str]], config: str) -> Study:
    """Read the results of a study; UserError if one of them is damaged.

    Parameters
    ----------
    files : the inputs of the rules `figures` and `summarise`, by name. A fraction's table of
        trials and its subset lie in folders named after it.
    config : the sections of the resolved config that are told of, as JSON
    """
    searches = [
        Search(Path(trials).parent.name, read_table(trials), read_table(timings), read_json(subset))
        for trials, timings, subset in zip(
            files["trials"], files["timings"], files["subsets"], strict=True
        )
    ]
    rungs = [
        Search(
            Path(subset).parent.name,
            read_table(trials),
            read_table(timings),
            read_json(subset),
            rung,
        )
        for rung, (trials, timings, subset) in enumerate(
            zip(files["rung_trials"], files["rung_timings"], files["rung_subsets"], strict=True),
            start=1,
        )
    ]
    single = {name: path for name, path in files.items() if isinstance(path, str)}
    return Study(
        config=json.loads(config),
        manifest=read_json(single["manifest"]),
        searches=searches,
        records=[read_json(path) for path in files["records"]],
        rounds=[read_json(path) for path in files["rounds"]],
        rungs=rungs,
        **{name: read_table(single[name]) for name in TABLES},
    )
