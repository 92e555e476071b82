"""Fractions of the training split for the search and its rungs."""

import logging
from pathlib import Path

import numpy as np

from twostep.data.arrays import Rows, load_split, load_weights
from twostep.data.sizes import check_fraction
from twostep.util.errors import UserError
from twostep.util.files import read_json

log = logging.getLogger(__name__)

# What says how many samples of a split are taken.
_KEYS = {
    "training": "search.fractions, search.rungs or advise.pilots",
    "validation": "search.n_validation",
}


def subset(
    manifest: str | Path, *, fraction: float, n_validation: int, batch_size: int
) -> dict[str, Rows]:
    """Return a fraction of the training split and the fixed validation sample of the search.

    The splits of the folder with this manifest are in random order, so that their first rows are a
    random sample: smaller fractions are contained in larger ones, and the validation sample is
    the same for all of them, which makes their losses comparable.

    Raises UserError if the fraction has fewer samples than `batch_size`, the largest batch that
    a trial may ask for, or if an output has no value there, or no sample a weight.
    """
    description = read_json(manifest)
    sizes = description["splits"]
    if n_validation > sizes["validation"]:
        log.warning(
            "search.n_validation asks for %d samples; the validation split has %d, all are used",
            n_validation,
            sizes["validation"],
        )
    wanted = {
        "training": check_fraction(fraction, sizes["training"], batch_size, key=_KEYS["training"]),
        "validation": min(n_validation, sizes["validation"]),
    }
    # Only outputs that do not have the default say so.
    masked = {
        i: output["name"]
        for i, output in enumerate(description.get("outputs", ()))
        if "missing" in output
    }
    found = {}
    for split, n_rows in wanted.items():
        arrays = load_split(manifest, split, n_rows)
        weights = load_weights(manifest, split, n_rows)
        where = f"the first {n_rows:,} samples of the {split} split, {_KEYS[split]}"
        for i, name in masked.items():
            there = ~np.isnan(arrays[1][:, i])
            if weights is not None:
                there &= weights[:, 0] > 0
            if not there.any():
                raise UserError(
                    f"output {name!r} has no value that counts in {where}: take more of them"
                )
        if weights is not None and not weights.any():
            raise UserError(f"all weights of samples are 0 in {where}: take more of them")
        parts = arrays if weights is None else (*arrays, weights)
        found[split] = Rows.first(n_rows, *parts)
    return found
