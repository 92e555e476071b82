"""What can be checked before any job starts: folders, the data files and their headers."""

import glob
import os
import re
from pathlib import Path

from twostep.config.checked_headers import counted_samples
from twostep.data.sizes import check_fraction, share_sizes
from twostep.data.zarr_stores import is_zarr
from twostep.trials.space import largest_batch
from twostep.util.errors import UserError


def list_files(files: str | list[str] | None) -> list[str]:
    """Return the files that a path, a glob pattern or a list of either names; none for None.

    A pattern's matches are sorted, numbers in them by their value. Raises UserError if anything
    named does not exist, cannot be read, or is named twice, which would put the same samples into
    several splits.
    """
    found = []
    for entry in [files] if isinstance(files, str) else files or []:
        found += _match(entry)
    for path in found:
        if "{" in path or "}" in path:
            raise UserError(
                f"dataset.files: {path} has braces in its name, which Snakemake takes for those of "
                "a wildcard: give it another name"
            )
    seen: dict[str, str] = {}
    for path in found:
        real = os.path.realpath(path)
        same = seen.get(real)
        seen[real] = path
        if same is not None:
            alias = "" if same == path else f", once as {same}"
            raise UserError(f"dataset.files: {path} is named twice{alias}; take one of them out")
    return found


def _match(entry: str) -> list[str]:
    """Return the files that one entry stands for."""
    try:
        # Path.glob takes no absolute patterns; a name with brackets is one if such a file exists.
        found = [entry] if Path(entry).exists() else glob.glob(entry, recursive=True)  # noqa: PTH207
    except (OSError, ValueError):
        # The name is too long, or has characters that no name can have.
        found = []
    matches = sorted(found, key=_in_numbers)
    if not matches:
        raise UserError(
            f"dataset.files: there is no file {entry} (relative paths start at {Path.cwd()})"
        )
    for path in matches:
        if not os.access(path, os.R_OK):
            raise UserError(f"dataset.files: {path} may not be read: ask its owner for permission")
        if Path(path).is_dir() and not is_zarr(path):
            raise UserError(
                f"dataset.files: {path} is a folder; name its files, for instance {path}/*.nc"
            )
    return matches


def _in_numbers(path: str) -> list[str | int]:
    """Return a key by which part_2 comes before part_10."""
    return [int(text) if text.isdecimal() else text for text in re.split(r"(\d+)", path)]


def check_writable(folder: str | Path) -> None:
    """Raise UserError unless results can be written to a folder, which need not exist so far."""
    existing = Path(folder)
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UserError(
            f"{existing} is a file, and the results need a folder of that name: move it away"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(
            f"{existing.resolve()} may not be written to, and the results go there: ask for "
            "permission or run in another folder (snakemake --directory)"
        )


def check_data(config: dict, files: list[str], memory: str | Path) -> None:
    """Raise UserError if the data cannot be what the resolved config says.

    `files` are the user's; none of them means that the data are generated, whose variables the
    config's own checks know. Contents are checked when they are read. The file `memory` is where
    what the headers said is remembered.
    """
    if not files:
        _check_fractions(config, config["generate"]["n_samples"])
        return
    dataset, split_variable = config["dataset"], config["split"]["variable"]
    has_classes = config["training"]["loss"] == "cross_entropy"
    classes = dataset["outputs"][0]["name"] if has_classes else None
    with counted_samples(files, dataset, split_variable, memory, classes) as n_rows:
        _check_fractions(config, n_rows)


def _check_fractions(config: dict, n_rows: int) -> None:
    """Raise UserError if a fraction of the rows does not fill a batch."""
    split = config["split"]
    # What blocks, groups and dropped rows leave is known once the contents are.
    n_samples, things = n_rows, "samples before the split"
    if split["method"] == "random":
        n_samples -= sum(share_sizes(n_rows, split, "samples"))
        things = "training samples"
    search = config["search"]
    fractions = [("search.fractions", fraction) for fraction in search["fractions"]]
    fractions += [
        (f"search.rungs, entry {i + 1}, fraction", rung["fraction"])
        for i, rung in enumerate(search["rungs"])
    ]
    fractions += [
        (f"advise.pilots, entry {i + 1}, fraction", pilot["fraction"])
        for i, pilot in enumerate(config["advise"]["pilots"])
    ]
    for key, fraction in fractions:
        batch_size = largest_batch(search["space"])
        check_fraction(fraction, n_samples, batch_size, key=key, things=things)
