"""Features that do not vary, which cannot be standardised: refused, or left out."""

import logging

import numpy as np

from twostep.data.cleaning import Columns
from twostep.data.raw_values import RawValues
from twostep.util.errors import UserError
from twostep.util.text import list_features

log = logging.getLogger(__name__)

# What the config says of them; the other treatment is to drop them.
REFUSE = "refuse"


def find_constant(columns: Columns, raw: RawValues, std: np.ndarray, treatment: str) -> np.ndarray:
    """Return which columns are left out because they do not vary, bool (n_columns,).

    Parameters
    ----------
    columns : all columns
    raw : their ranges in the training split
    std : (n_columns,), the standard deviations of the transformed values there
    treatment : `dataset.constant_features` of the config

    An input that is not scaled may be constant, such as a pixel at the edge of all images. Raises
    UserError if there are such columns and the config does not let them be dropped, or if all
    inputs or all outputs are.
    """
    is_constant = (raw.vary_by_rounding() | (std == 0)) & ~columns.is_unscaled
    if not is_constant.any():
        return is_constant
    found = _sort(columns, raw, is_constant)
    mark = "'"
    told = "; ".join(f"{reason}: {list_features(names, mark)}" for reason, names in found.items())
    if treatment == REFUSE:
        raise UserError(
            f"{told}; they cannot be standardised: take their variables out of the config, or set "
            "dataset.constant_features to drop"
        )
    for role, part in (("inputs", slice(columns.n_inputs)), ("outputs", columns.outputs)):
        if is_constant[part].all():
            raise UserError(f"there are no {role} that vary: {told}; choose other variables")
    for reason, names in found.items():
        log.info("left out are %d %s: %s", len(names), reason, ", ".join(names))
    return is_constant


def _sort(columns: Columns, raw: RawValues, is_constant: np.ndarray) -> dict[str, list[str]]:
    """Return {what is wrong: the names of such columns} of those that do not vary."""
    found: dict[str, list[str]] = {}
    for i in np.flatnonzero(is_constant):
        if raw.lowest[i] == raw.highest[i]:
            reason = "features with the same value in all training samples"
        else:
            reason = "features whose values differ by rounding alone"
        found.setdefault(reason, []).append(columns.features[i].name)
    return found


def describe_constant(columns: Columns, raw: RawValues, is_constant: np.ndarray) -> list[dict]:
    """Return the columns that were left out, with their ranges, for the manifest."""
    return [
        {
            "feature": columns.features[i].name,
            "role": "input" if i < columns.n_inputs else "output",
            "min": float(raw.lowest[i]),
            "max": float(raw.highest[i]),
        }
        for i in np.flatnonzero(is_constant)
    ]
