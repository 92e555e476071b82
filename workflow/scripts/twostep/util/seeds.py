"""Random seeds that depend on what they are for, and on nothing else."""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """Return a 63-bit seed that is a function of `parts` alone.

    Every random draw of a study is seeded by the study's seed, a word for its purpose and the
    index it belongs to (a trial, a repetition), never by an order of execution, so that results
    do not depend on how the work was divided among processes.
    """
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
