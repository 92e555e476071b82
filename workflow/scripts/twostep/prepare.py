"""From columns in physical units to shuffled, standardised splits."""

import logging
from dataclasses import asdict

import numpy as np

from twostep.dataset import Feature
from twostep.errors import UserError
from twostep.seeds import derive_seed
from twostep.transforms import LOWER_BOUNDS, TRANSFORMS

log = logging.getLogger(__name__)


def transform_columns(
    columns: np.ndarray, features: list[Feature], transforms: dict[str, str]
) -> tuple[np.ndarray, dict[str, dict[str, int]], np.ndarray]:
    """Apply each variable's transform and find the rows that cannot be used.

    Parameters
    ----------
    columns : (n_rows, n_features), physical units
    features : the columns' features
    transforms : name of a variable -> name of its transform

    Returns
    -------
    transformed : (n_rows, n_features)
    dropped : {reason: {feature: number of rows}}; a row may appear under several
    usable : bool, (n_rows,)
    """
    transformed = np.empty_like(columns)
    dropped: dict[str, dict[str, int]] = {}
    usable = np.ones(len(columns), dtype=bool)
    for i, feature in enumerate(features):
        values, transform = columns[:, i], transforms[feature.variable]
        bad = {"missing or not finite": ~np.isfinite(values)}
        if transform in LOWER_BOUNDS:
            bound = LOWER_BOUNDS[transform]
            bad[f"not above {bound:g}, as {transform} needs"] = values <= bound
        for reason, rows in bad.items():
            if rows.any():
                dropped.setdefault(reason, {})[feature.name] = int(rows.sum())
                usable &= ~rows
        with np.errstate(divide="ignore", invalid="ignore"):
            transformed[:, i] = TRANSFORMS[transform](values)
    return transformed, dropped, usable


def check_sigmoid_targets(targets: np.ndarray, features: list[Feature], rows: np.ndarray) -> None:
    """Raise UserError if a target, (n_rows, n_outputs), is one that no sigmoid can reach.

    `rows` are the indices of the rows in the user's files, for the message.
    """
    for i, feature in enumerate(features):
        outside = np.flatnonzero((targets[:, i] < 0) | (targets[:, i] > 1))
        if outside.size:
            raise UserError(
                f"output {feature.name!r} has {outside.size} values outside [0, 1], the first "
                f"({targets[outside[0], i]:g}) in row {rows[outside[0]]}, which a sigmoid cannot "
                "reach: set training.output_activation to linear, or correct the data"
            )


def split_rows(n_rows: int, *, validation: float, test: float, seed: int) -> dict[str, np.ndarray]:
    """Return the rows of each split, at random and in random order.

    `validation` and `test` are shares of the rows; the training split gets the rest. Raises
    UserError if a split would be empty.
    """
    order = np.random.default_rng(derive_seed(seed, "split")).permutation(n_rows)
    n_test, n_validation = round(n_rows * test), round(n_rows * validation)
    rows = {
        "test": order[:n_test],
        "validation": order[n_test : n_test + n_validation],
        "training": order[n_test + n_validation :],
    }
    for split, members in rows.items():
        if members.size == 0:
            raise UserError(
                f"the {split} split is empty: {n_rows} usable rows do not suffice for "
                f"split.validation = {validation:g} and split.test = {test:g}"
            )
    return rows


def fit_scaling(columns: np.ndarray, features: list[Feature]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each column of (n_samples, n_features).

    Raises UserError for a column that does not vary, which could not be standardised.
    """
    mean, std = columns.mean(axis=0), columns.std(axis=0)
    for feature, column, spread in zip(features, columns.T, std, strict=True):
        # The deviation of equal numbers is not exactly zero once their mean has been rounded.
        if spread == 0 or (column == column[0]).all():
            raise UserError(
                f"variable {feature.name!r} has the same value in all {len(column)} training "
                "samples and cannot be used: take it out of the config"
            )
    return mean, std


def prepare(
    inputs: np.ndarray,
    input_features: list[Feature],
    targets: np.ndarray,
    output_features: list[Feature],
    *,
    transforms: dict[str, str],
    output_activation: str,
    validation: float,
    test: float,
    seed: int,
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict]:
    """Clean, split, shuffle and standardise.

    Parameters
    ----------
    inputs, targets : (n_rows, n_inputs) and (n_rows, n_outputs), physical units
    transforms : name of a variable -> name of its transform (outputs: "none")
    output_activation : targets stay in physical units for "sigmoid", else are standardised
    validation, test : shares of the usable rows

    Returns
    -------
    splits : {split: (inputs, targets)}, float32, in random order
    description : what was done, for the manifest

    Raises UserError if no row is usable, a split is empty, a column is constant, or targets lie
    outside [0, 1] with a sigmoid. The scaling is fitted on the training split alone.
    """
    features = [*input_features, *output_features]
    n_inputs = len(input_features)
    columns, dropped, usable = transform_columns(
        np.concatenate([inputs, targets], axis=1), features, transforms
    )
    rows = np.flatnonzero(usable)
    for reason, counts in dropped.items():
        log.info("rows dropped because %s: %s", reason, counts)
    log.info("%d of %d rows are usable", len(rows), len(columns))
    if rows.size == 0:
        raise UserError(f"none of the {len(columns)} rows is usable; rows dropped by: {dropped}")
    columns = columns[rows]
    if output_activation == "sigmoid":
        check_sigmoid_targets(columns[:, n_inputs:], output_features, rows)
    members = split_rows(len(columns), validation=validation, test=test, seed=seed)
    mean, std = fit_scaling(columns[members["training"]], features)
    if output_activation == "sigmoid":
        mean[n_inputs:], std[n_inputs:] = 0.0, 1.0
    columns = ((columns - mean) / std).astype(np.float32)
    described = [
        {**asdict(feature), "transform": transforms[feature.variable], "mean": m, "std": s}
        for feature, m, s in zip(features, mean.tolist(), std.tolist(), strict=True)
    ]
    description = {
        "n_rows_read": len(inputs),
        "n_rows_used": len(rows),
        "dropped": dropped,
        "inputs": described[:n_inputs],
        "outputs": described[n_inputs:],
        "output_activation": output_activation,
    }
    splits = {
        split: (columns[order, :n_inputs], columns[order, n_inputs:])
        for split, order in members.items()
    }
    return splits, description
