"""The proposals of Optuna's TPE for a whole generation (Bergstra et al. 2011, NeurIPS 24)."""

import random
from collections.abc import Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from twostep.training.configuration import Configuration
from twostep.trials.encoding import Dimension, Encoding
from twostep.trials.ranges import choose, integer, number
from twostep.util.seeds import derive_seed


def propose(
    space: dict, records: Sequence[dict], n_proposals: int, *, seed: int, generation: int
) -> list[Configuration]:
    """Return the configurations that TPE proposes after trials with these records, sorted by id.

    They follow from the arguments and the version of Optuna alone. Some may be equal to each other
    or to earlier ones, or larger than constraints allow. A trial that failed counts as worse than
    any that succeeded.
    """
    encoding = Encoding(space)
    distributions = {name: _distribution(each) for name, each in encoding.dimensions.items()}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=_sampler(derive_seed(seed, "tpe", generation) % 2**32))
    study.add_trials([_told(record, encoding, distributions, seed) for record in records])
    asked = (study.ask(distributions) for _ in range(n_proposals))
    return [encoding.decode(trial.params) for trial in asked]


def _sampler(seed: int) -> optuna.samplers.TPESampler:
    """Return the sampler; what makes a batch diverse is set here, as its default has changed."""
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True
    )


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    if dimension.integer:
        return IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _told(
    record: dict, encoding: Encoding, distributions: dict[str, BaseDistribution], seed: int
) -> FrozenTrial:
    """Return a trial as Optuna is told of it.

    What the trial does not use gets a random value, so that good and bad trials alike say nothing
    of it.
    """
    uniform = random.Random(derive_seed(seed, "unused", record["trial"])).random
    place = encoding.encode(Configuration.from_dict(record["configuration"]))
    for name, each in encoding.dimensions.items():
        u = uniform()
        if place[name] is None:
            place[name] = _place(each, u)
    succeeded = record["status"] == "ok"
    return optuna.trial.create_trial(
        # TPE leaves out what has failed, and takes what was pruned for the worst.
        state=TrialState.COMPLETE if succeeded else TrialState.PRUNED,
        value=record["min_val_loss"] if succeeded else None,
        params=place,
        distributions=distributions,
    )


def _place(dimension: Dimension, u: float) -> object:
    """Return a random place of a dimension; `u` is uniform in [0, 1)."""
    if dimension.choices:
        return choose(list(dimension.choices), u)
    values = {"min": dimension.low, "max": dimension.high, "log": dimension.log}
    return integer(values, u) if dimension.integer else number(values, u)
