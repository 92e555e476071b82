"""Fractions of the training split for the search."""

import logging

import numpy as np

from twostep.data.arrays import Rows
from twostep.data.sizes import check_fraction

log = logging.getLogger(__name__)

Split = tuple[np.ndarray, np.ndarray]


def subset(
    training: Split, validation: Split, *, fraction: float, n_validation: int, batch_size: int
) -> dict[str, Rows]:
    """Return a fraction of the training split and the fixed validation sample of the search.

    The splits, (inputs, targets) each, are in random order, so that their first rows are a
    random sample: smaller fractions are contained in larger ones, and the validation sample is
    the same for all of them, which makes their losses comparable.

    Raises UserError if the fraction has fewer samples than `batch_size`, the largest batch that
    a trial may ask for.
    """
    n_samples = check_fraction(fraction, len(training[0]), batch_size)
    if n_validation > len(validation[0]):
        log.warning(
            "search.n_validation asks for %d samples; the validation split has %d, all are used",
            n_validation,
            len(validation[0]),
        )
    return {
        "training": Rows.first(n_samples, *training),
        "validation": Rows.first(min(n_validation, len(validation[0])), *validation),
    }
