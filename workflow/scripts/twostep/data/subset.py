"""Fractions of the training split for the search."""

import logging
from pathlib import Path

from twostep.data.arrays import Rows, load_split
from twostep.data.sizes import check_fraction
from twostep.util.files import read_json

log = logging.getLogger(__name__)


def subset(
    manifest: str | Path, *, fraction: float, n_validation: int, batch_size: int
) -> dict[str, Rows]:
    """Return a fraction of the training split and the fixed validation sample of the search.

    The splits of the folder with this manifest are in random order, so that their first rows are a
    random sample: smaller fractions are contained in larger ones, and the validation sample is
    the same for all of them, which makes their losses comparable.

    Raises UserError if the fraction has fewer samples than `batch_size`, the largest batch that
    a trial may ask for.
    """
    sizes = read_json(manifest)["splits"]
    if n_validation > sizes["validation"]:
        log.warning(
            "search.n_validation asks for %d samples; the validation split has %d, all are used",
            n_validation,
            sizes["validation"],
        )
    wanted = {
        "training": check_fraction(fraction, sizes["training"], batch_size),
        "validation": min(n_validation, sizes["validation"]),
    }
    return {
        split: Rows.first(n_rows, *load_split(manifest, split, n_rows))
        for split, n_rows in wanted.items()
    }
