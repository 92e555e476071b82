"""Two searches with the same first trials: one goes on at random, the other by earlier losses."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from matrix.columns import Column
from twostep.config.resolve import resolve_config
from twostep.training.configuration import Configuration
from twostep.training.updates import count_updates
from twostep.trials.configurations import make_draws
from twostep.trials.constraints import make_constraints
from twostep.trials.generations import draw_generation
from twostep.trials.space import Draws
from twostep.trials.tpe import propose

RANDOM, TPE = "random", "tpe"
# Trains trials, and returns an entry of each with `record`, `timing` and `errors`.
Train = Callable[[Sequence[tuple[int, Configuration]]], list[dict]]


@dataclass(frozen=True)
class Seconds:
    """What an update of a network takes on one core: linear in its layers and its parameters."""

    coefficients: np.ndarray

    @classmethod
    def fit(cls, trials: pd.DataFrame, column: pd.DataFrame) -> "Seconds":
        """Return what the timings of a column tell; `trials` are the networks of its trials."""
        known = trials.loc[column.index]
        sizes = _sizes(known["n_hidden_layers"], known["n_parameters"])
        by_update = (column["train_seconds"] / column["updates"]).to_numpy()
        # Relative errors: else the largest networks alone would count.
        weights = 1 / by_update
        found, *_ = np.linalg.lstsq(sizes * weights[:, None], by_update * weights, rcond=None)
        return cls(found)

    def of(self, n_layers: int, n_parameters: int, n_updates: float) -> float:
        """Return the seconds of a training."""
        return n_updates * float((_sizes([n_layers], [n_parameters]) @ self.coefficients)[0])


def _sizes(n_layers: Iterable[int], n_parameters: Iterable[int]) -> np.ndarray:
    """Return what the time of an update depends on, (n_networks, 3)."""
    columns = np.array([list(n_layers), list(n_parameters)], float)
    return np.column_stack([np.ones(columns.shape[1]), *columns])


@dataclass(frozen=True)
class Searches:
    """What both searches share; `space` is that of the study with what is varied here.

    A training of step 1 has `n_updates`, and takes processor seconds as `by_update` tells.
    """

    space: dict
    constraints: dict
    n_inputs: int
    n_outputs: int
    seed: int
    n_trials: int
    generation_size: int
    train: Train
    by_update: Seconds
    n_updates: int

    def seconds_of(self, entry: dict) -> float:
        """Return the processor seconds that the training of an entry in step 1 takes."""
        return self.seconds(configuration_of(entry))

    def seconds(self, configuration: Configuration) -> float:
        """Return the same for a configuration."""
        n_parameters = configuration.count_parameters(self.n_inputs, self.n_outputs)
        return self.by_update.of(len(configuration.hidden_widths), n_parameters, self.n_updates)

    def by_losses(self) -> list[dict]:
        """Return the entries of the search whose later generations are chosen by TPE."""
        entries: list[dict] = []
        for number, first in enumerate(range(0, self.n_trials, self.generation_size)):
            trials = range(first, min(first + self.generation_size, self.n_trials))
            proposals = partial(propose, self.space, seed=self.seed, generation=number)
            records = [entry["record"] for entry in entries]
            found = draw_generation(self._draws, trials, records, proposals)
            entries += self.train(list(zip(trials, found, strict=False)))
        return entries

    def at_random(self, budget: float) -> list[dict]:
        """Return the entries of random trials that cost so many seconds, but at least as many."""
        return self.train(list(self._affordable(budget)))

    def _affordable(self, budget: float) -> Iterator[tuple[int, Configuration]]:
        for trial, configuration in enumerate(self._draws.configurations()):
            if budget <= 0 and trial >= self.n_trials:
                break
            budget -= self.seconds(configuration)
            yield trial, configuration

    @cached_property
    def _draws(self) -> Draws:
        limits = make_constraints(
            self.constraints, n_inputs=self.n_inputs, n_outputs=self.n_outputs
        )
        return make_draws(self.space, seed=self.seed, constraints=limits)


def make_searches(
    study: dict,
    setting: dict,
    varied: dict,
    *,
    data: dict,
    step_1: Column,
    sizes: Mapping[str, int],
    train: Train,
    by_update: Seconds,
) -> Searches:
    """Return the searches of a study, trained by a setting but for what is varied.

    `data` is what the manifest tells, `step_1` the training of step 1, whose repetition is the
    seed, and `sizes` has the trials of a search and of a generation.
    """
    space = {**study["search"]["space"], **setting, **varied}
    search = resolve_config({**study, "search": {**study["search"], "space": space}})["search"]
    rows = step_1.rows(data["splits"]["training"])
    return Searches(
        space=search["space"],
        constraints=search["constraints"],
        n_inputs=len(data["inputs"]),
        n_outputs=len(data["outputs"]),
        seed=step_1.repetition,
        n_trials=sizes["n_trials"],
        generation_size=sizes["generation_size"],
        train=train,
        by_update=by_update,
        n_updates=count_updates(
            rows.stop - rows.start,
            setting["batch_size"],
            max_epochs=step_1.epochs,
            max_updates=None,
        ),
    )


def configuration_of(entry: dict) -> Configuration:
    """Return the configuration of an entry's trial."""
    return Configuration.from_dict(entry["record"]["configuration"])


def retrain_best(
    entries: Sequence[dict],
    retrain: Train,
    *,
    sizes: Sequence[int],
    n_best: int,
    n_controls: int,
    seed: int,
) -> tuple[dict[int, dict], set[int]]:
    """Return the entries of retrained trials by trial, and which of them are controls.

    Retrained are the best of the first so many trials, for each of `sizes`, and controls that are
    drawn from all others that succeeded.
    """
    finalists = {place for size in sizes for place in chosen(entries[:size], n_best)}
    rest = [
        place
        for place, entry in enumerate(entries)
        if place not in finalists and entry["record"]["status"] == "ok"
    ]
    controls = set(random.Random(seed).sample(rest, n_controls))
    places = sorted(finalists | controls)
    found = retrain([(place, configuration_of(entries[place])) for place in places])
    return dict(zip(places, found, strict=True)), controls


def chosen(entries: Sequence[dict], n_chosen: int) -> list[int]:
    """Return the places of the entries with the lowest losses of the search, the lowest first."""
    losses = [
        entry["record"]["min_val_loss"] if entry["record"]["status"] == "ok" else np.inf
        for entry in entries
    ]
    return np.argsort(losses, kind="stable")[:n_chosen].tolist()
