"""What the best loss is at a given size, and which trials reach it."""

import numpy as np
from numpy.typing import ArrayLike


def lower_envelope(sizes: ArrayLike, losses: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the best loss at or below each size.

    Parameters
    ----------
    sizes, losses : (n_trials,)
        Number of learnable parameters, and loss (finite, any unit).

    Returns
    -------
    sizes : (n_sizes,), the distinct sizes in ascending order
    envelope : (n_sizes,), the running minimum of the loss
    """
    sizes, losses = np.asarray(sizes), np.asarray(losses)
    order = np.lexsort((losses, sizes))
    distinct, first = np.unique(sizes[order], return_index=True)
    return distinct, np.minimum.accumulate(losses[order][first])


def pareto_front(sizes: ArrayLike, losses: ArrayLike) -> np.ndarray:
    """Return the positions of the trials that no other trial beats, in ascending size.

    A trial is beaten by one that is not larger and has a lower loss, or is smaller and has the
    same loss; of trials equal in both, the first stays. `sizes` and `losses` are (n_trials,);
    the front is where the lower envelope falls.
    """
    sizes, losses = np.asarray(sizes), np.asarray(losses)
    order = np.lexsort((losses, sizes))
    best_before = np.concatenate([[np.inf], np.minimum.accumulate(losses[order])[:-1]])
    return order[losses[order] < best_before]
