"""Fractions of the training split for the search."""

import logging

import numpy as np

from twostep.errors import UserError

log = logging.getLogger(__name__)

Split = tuple[np.ndarray, np.ndarray]


def subset(
    training: Split, validation: Split, *, fraction: float, n_validation: int, batch_size: int
) -> dict[str, Split]:
    """Return a fraction of the training split and the fixed validation sample of the search.

    The splits, (inputs, targets) each, are in random order, so that their first rows are a
    random sample: smaller fractions are contained in larger ones, and the validation sample is
    the same for all of them, which makes their losses comparable.

    Raises UserError if the fraction has fewer samples than `batch_size`, the largest batch that
    a trial may ask for.
    """
    n_training = len(training[0])
    n_samples = round(fraction * n_training)
    check_fraction(fraction, n_samples, n_training, batch_size)
    if n_validation > len(validation[0]):
        log.warning(
            "search.n_validation asks for %d samples; the validation split has %d, all are used",
            n_validation,
            len(validation[0]),
        )
    return {
        "training": tuple(array[:n_samples] for array in training),
        "validation": tuple(array[:n_validation] for array in validation),
    }


def check_fraction(fraction: float, n_samples: int, n_training: int, batch_size: int) -> None:
    """Raise UserError if a fraction's samples do not fill one batch."""
    if n_samples < batch_size:
        raise UserError(
            f"search.fractions: {fraction:g} of {n_training} training samples are {n_samples}, "
            f"fewer than one batch of {batch_size} (search.space.batch_size): "
            "take a larger fraction or a smaller batch"
        )
