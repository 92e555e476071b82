"""What can be checked before any job starts: the data files and their headers."""

import difflib
import glob
from pathlib import Path

from twostep.errors import UserError
from twostep.resources import largest_batch

# What the embedded data set consists of; a test holds it against the generator.
GENERATED_VARIABLES = (
    "tair",
    "pressure",
    "rh",
    "wbar",
    "num_aer",
    "r_aer",
    "kappa",
    "fn",
    "smax",
)


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
        _check_generated(variables, dataset["sample_dimension"])
        n_rows = config["generate"]["n_samples"]
    split, search = config["split"], config["search"]
    n_training = n_rows - round(n_rows * split["validation"]) - round(n_rows * split["test"])
    for fraction in search["fractions"]:
        n_samples = round(fraction * n_training)
        check_fraction(fraction, n_samples, n_training, largest_batch(search["space"]))


def _check_generated(variables: list[str], sample_dimension: str) -> None:
    """Raise UserError unless the embedded data set has these variables along this dimension."""
    if sample_dimension != "sample":
        raise UserError(
            f"dataset.sample_dimension: it is 'sample' in the embedded data set, not "
            f"{sample_dimension!r}; for data of your own name them under dataset.files"
        )
    for variable in variables:
        if variable not in GENERATED_VARIABLES:
            nearest = difflib.get_close_matches(variable, GENERATED_VARIABLES, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else "name yours under dataset.files"
            raise UserError(
                f"the embedded data set has no variable {variable!r}, which the config names "
                f"under dataset; {hint}"
            )
