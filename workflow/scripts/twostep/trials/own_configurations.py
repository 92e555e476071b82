"""The configurations of trials with a network of the user's own, drawn with their sizes."""

import itertools
import logging
from collections.abc import Callable
from typing import Any

from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.network_file import read_unchanged
from twostep.training.own_network import OwnNetworks
from twostep.trials.hyperparameters import KEY, draw_hyperparameters
from twostep.trials.network_checks import NetworkChecks
from twostep.trials.space import DrawNetwork, distinct_configurations
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
) -> tuple[list[Configuration], list[NetworkSize]]:
    """Return the configurations of the first trials and the sizes of their networks.

    `network` are path and identity of the file, `manifest` describes the data, and `constraints`
    are that section of the config. Raises UserError if a network is not what it must be, or if
    there are fewer than `n_needed` that the constraints allow.
    """
    networks = OwnNetworks.of(read_unchanged(**network), manifest)
    _tell_inputs(networks, manifest)
    checks = NetworkChecks(networks, len(manifest["inputs"]), len(manifest["outputs"]))
    is_limited = any(limit is not None for limit in constraints.values())
    drawn = distinct_configurations(
        space,
        _draw_allowed(space[KEY], checks, constraints),
        seed=seed,
        most_attempts=MOST_ATTEMPTS if is_limited else None,
    )
    configurations, sizes = [], []
    for configuration in itertools.islice(drawn, n_trials):
        configurations.append(configuration)
        sizes.append(checks.size(configuration.hyperparameters or ()))
        if len(sizes) % LOG_TRIALS == 0:
            log.info("%d of %d configurations drawn", len(sizes), n_trials)
    checks.check_all_read(space[KEY])
    if len(configurations) < n_needed:
        raise UserError(
            "search.constraints leaves too few networks of search.space.hyperparameters: "
            f"{len(configurations):,} were found, then none in {MOST_ATTEMPTS:,} attempts, and "
            f"search.n_trials is {n_needed}: take fewer trials, or allow larger networks"
        )
    return configurations, sizes


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


def _draw_allowed(dimensions: dict, checks: NetworkChecks, constraints: dict) -> DrawNetwork:
    """Return what draws the hyperparameters of a network that the constraints allow."""
    limits = [constraints["max_parameters"], constraints["max_operations"]]
    is_limited = any(limit is not None for limit in limits)

    def draw_network(uniform: Callable[[], float]) -> dict[str, Any] | None:
        values = draw_hyperparameters(dimensions, uniform)
        if is_limited:
            found = zip(checks.size(values), limits, strict=True)
            if any(limit is not None and size > limit for size, limit in found):
                return None
        return {"hyperparameters": values}

    return draw_network
