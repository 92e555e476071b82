"""What can be checked before any job starts: the data files and their headers."""

import glob
from pathlib import Path

from twostep.errors import UserError
from twostep.resources import largest_batch


def list_files(files: str | list[str] | None) -> list[str]:
    """Return the files that a path, a glob pattern or a list of either names; none for None.

    A pattern's matches are sorted. Raises UserError if anything named does not exist.
    """
    found = []
    for entry in [files] if isinstance(files, str) else files or []:
        matches = sorted(glob.glob(entry, recursive=True))  # noqa: PTH207 (takes absolute patterns)
        path = Path(entry)
        if not matches:
            raise UserError(
                f"dataset.files: there is no file {entry} (relative paths start at {Path.cwd()})"
            )
        if path.is_dir():
            raise UserError(
                f"dataset.files: {entry} is a folder; name its files, for instance {entry}/*.nc"
            )
        found += matches
    return found


def check_data(config: dict, files: list[str]) -> None:
    """Raise UserError if the data cannot be what the resolved config says.

    `files` are the user's; none of them means that the data are generated, whose variables the
    config's own checks know. Contents are checked when they are read.
    """
    from twostep.subset import check_fraction

    dataset = config["dataset"]
    variables = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    if files:
        # Imported here, since xarray is slow to load and only the user's own files need it.
        from twostep.dataset import check_headers

        n_rows = check_headers(files, variables, dataset["sample_dimension"])
    else:
        n_rows = config["generate"]["n_samples"]
    split, search = config["split"], config["search"]
    n_training = n_rows - round(n_rows * split["validation"]) - round(n_rows * split["test"])
    for fraction in search["fractions"]:
        n_samples = round(fraction * n_training)
        check_fraction(fraction, n_samples, n_training, largest_batch(search["space"]))
