"""Which columns of a table of trials describe the network: they depend on the kind of network."""

from collections.abc import Container, Iterable

# The columns between which these stand, in tables of trials and in the selection.
BEFORE = "n_operations"
AFTER = ("learning_rate", "val_loss")


def network_columns(columns: Iterable[str]) -> list[str]:
    """Return the columns that describe networks beside their sizes.

    These are the layers of fully connected networks, or the hyperparameters of the user's own.
    """
    names = list(columns)
    first = names.index(BEFORE) + 1
    last = min(names.index(name) for name in AFTER if name in names)
    return names[first:last]


def is_fully_connected(columns: Container[str]) -> bool:
    """Tell of a table's columns, or a configuration's keys, if the networks are fully connected."""
    return "hidden_widths" in columns
