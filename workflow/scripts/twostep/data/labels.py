"""Classes that are text: the names in all files, whose places in their order are the numbers."""

import numpy as np

from twostep.data.slabs import SlabReader, list_slabs
from twostep.data.source import Source
from twostep.util.errors import UserError

# ASSUME: a variable with more values than that does not hold classes.
MOST_CLASSES = 1000
# Rows of one variable of text that are looked at at a time.
CHUNK = 250_000


def find_labels(source: Source) -> None:
    """Fill in the labels of the source: the texts of each variable that has some, sorted.

    From then on such a variable is read as the numbers of its texts. Raises UserError if there are
    too many texts, or none.
    """
    for variable, labels in source.labels.items():
        found: set[str] = set()
        with SlabReader(source, [variable]) as reader:
            for slab in list_slabs(source, CHUNK):
                found |= set(np.unique(reader.read(slab)[variable]).tolist()) - {""}
                if len(found) > MOST_CLASSES:
                    raise UserError(
                        f"output {variable!r} has more than {MOST_CLASSES:,} different texts, "
                        "which are no classes: choose another variable"
                    )
        if not found:
            raise UserError(
                f"output {variable!r} has no usable value: all of its texts are empty; choose "
                "another variable"
            )
        labels.extend(sorted(found))
