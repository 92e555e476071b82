"""The configurations of trials with a network of the user's own, drawn with their sizes."""

import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any

from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.network_file import read_unchanged
from twostep.training.own_network import OwnNetworks
from twostep.trials.configurations import check_enqueued
from twostep.trials.hyperparameters import KEY, Values, draw_hyperparameters
from twostep.trials.network_checks import NetworkChecks
from twostep.trials.space import DrawNetwork, Draws, Points, Uniform
from twostep.util.errors import UserError

log = logging.getLogger(__name__)

# Networks that are drawn for one trial before the space counts as used up, with constraints: fewer
# than of fully connected ones, because each is built.
MOST_ATTEMPTS = 1000
# Between two lines in the log that tell how far the list is.
LOG_TRIALS = 1000


def draw_own(
    space: dict,
    n_trials: int,
    network: dict,
    manifest: dict,
    *,
    seed: int,
    constraints: dict,
    n_needed: int,
    enqueued: Sequence[Configuration] = (),
    points: Points | None = None,
) -> tuple[list[Configuration], list[NetworkSize]]:
    """Return the configurations of the first trials and the sizes of their networks.

    `network` are path and identity of the file, `manifest` describes the data, and `constraints`
    are that section of the config. The first trials have the configurations `enqueued`; with
    `points`, the others are quasi-random. Raises UserError if a network is not what it must be, or
    if there are fewer than `n_needed` that the constraints allow.
    """
    draws, checks = make_own_draws(
        space,
        network,
        manifest,
        seed=seed,
        constraints=constraints,
        enqueued=enqueued,
        points=points,
    )
    configurations, sizes = [], []
    for configuration in itertools.islice(draws.configurations(), n_trials):
        configurations.append(configuration)
        sizes.append(checks.size(configuration.hyperparameters or ()))
        if len(sizes) % LOG_TRIALS == 0:
            log.info("%d of %d configurations drawn", len(sizes), n_trials)
    checks.check_all_read(space[KEY])
    check_enough_own(len(configurations), n_needed)
    return configurations, sizes


def make_own_draws(
    space: dict,
    network: dict,
    manifest: dict,
    *,
    seed: int,
    constraints: dict,
    enqueued: Sequence[Configuration] = (),
    points: Points | None = None,
) -> tuple[Draws, NetworkChecks]:
    """Return the draws of networks of the user's own, and what measures them."""
    networks = OwnNetworks.of(read_unchanged(**network), manifest)
    _tell_inputs(networks, manifest)
    checks = NetworkChecks(networks, len(manifest["inputs"]), len(manifest["outputs"]))
    is_limited = any(limit is not None for limit in constraints.values())

    def allow(values: Values) -> bool:
        # Without any limit, a network is not even measured.
        return not is_limited or _is_within(checks.size(values), constraints)

    draws = Draws(
        space,
        _draw_allowed(space[KEY], allow),
        seed,
        MOST_ATTEMPTS if is_limited else None,
        lambda drawn: allow(drawn.hyperparameters or ()),
        enqueued,
        points,
    )
    check_enqueued(draws)
    return draws, checks


def check_enough_own(n_found: int, n_needed: int) -> None:
    """Raise UserError if the constraints leave fewer networks than are needed."""
    if n_found < n_needed:
        raise UserError(
            "search.constraints leaves too few networks of search.space.hyperparameters: "
            f"{n_found:,} were found, then none in {MOST_ATTEMPTS:,} attempts, and "
            f"search.n_trials is {n_needed}. Take fewer trials, or allow larger networks"
        )


def _tell_inputs(networks: OwnNetworks, manifest: dict) -> None:
    """Log what `build` gets as inputs, and where entries of a variable are missing."""
    for variable in networks.inputs:
        columns = f"columns {variable.columns.start} to {variable.columns.stop - 1}"
        log.info("input %s: shape %s, %s", variable.name, variable.shape, columns)
        whole = tuple(manifest["variables"][variable.name]["shape"])
        if variable.shape != whole:
            log.warning(
                "`%s` has lost entries that do not vary (dataset.constant_features: drop): its "
                "shape is %s for `build`, and not %s",
                variable.name,
                variable.shape,
                whole,
            )


def _draw_allowed(dimensions: dict, allow: Callable[[Values], bool]) -> DrawNetwork:
    """Return what draws the hyperparameters of a network that the constraints allow."""

    def draw_network(uniform: Uniform) -> dict[str, Any] | None:
        values = draw_hyperparameters(dimensions, uniform)
        return {"hyperparameters": values} if allow(values) else None

    return draw_network


def _is_within(size: NetworkSize, constraints: dict) -> bool:
    """Tell whether the constraints allow a network of this size."""
    limits = [constraints["max_parameters"], constraints["max_operations"]]
    return all(limit is None or each <= limit for each, limit in zip(size, limits, strict=True))
