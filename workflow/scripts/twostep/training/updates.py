"""How many updates a training makes; without torch, as the rules' resources ask for it."""

import math


def count_updates(
    n_train: int, batch_size: int, *, max_epochs: int | None, max_updates: int | None
) -> int:
    """Return the updates of a training on `n_train` samples that no patience ends before.

    An epoch makes one update for each batch, the last and perhaps smaller one included. Of two
    limits the smaller one counts. Raises ValueError if both are None.
    """
    if max_epochs is not None:
        by_epochs = max_epochs * math.ceil(n_train / batch_size)
        return by_epochs if max_updates is None else min(by_epochs, max_updates)
    if max_updates is None:
        raise ValueError("a budget must limit max_epochs, max_updates or both")
    return max_updates
