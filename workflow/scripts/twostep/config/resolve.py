"""The config of a study: its defaults and its checks, in words that its author understands.

Imported whenever the Snakefile is read, hence without the numerical libraries.
"""

from twostep.config.contradictions import (
    PATIENCE,
    STEPS,
    allowed_activations,
    find_contradictions,
)
from twostep.config.own_networks import contradictions_in_networks, settle_networks
from twostep.config.schema import fill_and_check
from twostep.trials.settings import schedules
from twostep.util.errors import UserError


def resolve_config(config: dict) -> dict:
    """Return a new config with every default filled in and every number typed.

    Raises UserError with one sentence for the first mistake: the key's path, what is wrong and
    what is allowed. A resolved config resolves to itself.
    """
    resolved = fill_and_check(config)
    dimensions = resolved["dataset"]["sample_dimension"]
    if isinstance(dimensions, str):
        resolved["dataset"]["sample_dimension"] = [dimensions]
    mistake = next(contradictions_in_networks(resolved, config), None)
    if mistake:
        raise UserError(mistake)
    settle_networks(resolved)
    training = resolved["training"]
    if training["output_activation"] is None:
        training["output_activation"] = allowed_activations(training["loss"])[0]
    if schedules(resolved["search"]["space"]):
        _take_out_patience(resolved, config)
    for entry in (*resolved["search"]["rungs"], *resolved["advise"]["pilots"]):
        entry["budget"] = {**resolved["search"]["budget"], **entry["budget"]}
    contradiction = next(find_contradictions(resolved), None)
    if contradiction:
        raise UserError(contradiction)
    return resolved


def _take_out_patience(resolved: dict, given: dict) -> None:
    """Set each patience that was not given to null: a schedule uses up the whole budget."""
    for step in STEPS:
        budget = given.get(step, {}).get("budget", {})
        resolved[step]["budget"] |= {limit: None for limit in PATIENCE if limit not in budget}
