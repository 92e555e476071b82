"""The number of samples in the user's files, whose headers are looked at once and then remembered.

Snakemake plans again at every start, and opening thousands of files takes far longer than asking
whether they have changed.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from twostep.data.file_versions import stamp
from twostep.util.errors import UserError
from twostep.util.files import read_json, write_json
from twostep.util.fingerprint import hash_module, hash_values


@contextlib.contextmanager
def counted_samples(
    files: list[str],
    dataset: dict,
    split_variable: str | None,
    memory: str | Path,
    class_variable: str | None = None,
) -> Iterator[int]:
    """Yield the number of samples in files whose headers fit the config's section `dataset`.

    `class_variable` is the output that names classes, if one does.

    The file `memory` tells that they did when they were last looked at: nothing is opened while the
    files' sizes and times, what is asked of them and the code that checks are what they were. A
    memory that is missing or damaged only means to look again. It is written once the block has
    succeeded, so that a study that cannot run leaves nothing behind.

    Raises UserError as `read_headers` does.
    """
    entries = [*dataset["inputs"], *dataset["outputs"]]
    variables = [entry["name"] for entry in entries]
    dimensions, group = dataset["sample_dimension"], dataset["group"]
    weights, units = dataset["sample_weight"], [entry.get("units") for entry in entries]
    # Before the look: a file that changes meanwhile is looked at again.
    stamps = [[path, *stamp(path).values()] for path in files]
    code = hash_module("data.source")
    asked = [variables, dimensions, split_variable, group, weights, units, class_variable]
    key = hash_values([*asked, stamps, code])
    remembered = _recall(memory)
    if remembered.get("key") == key and isinstance(remembered.get("n_samples"), int):
        yield remembered["n_samples"]
        return
    # Imported here, since what it needs is slow to load.
    from twostep.data.source import read_headers, units_of

    source = read_headers(
        files,
        variables,
        dimensions,
        split_variable,
        group,
        weights,
        units_of(dataset),
        class_variable,
    )
    n_samples = source.n_rows
    yield n_samples
    # On a full disk, say: the next start looks again.
    with contextlib.suppress(OSError):
        write_json(memory, {"key": key, "n_samples": n_samples})


def _recall(memory: str | Path) -> dict:
    try:
        return read_json(memory)
    except (OSError, UserError):
        return {}
