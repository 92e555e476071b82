"""How many samples a split or a fraction gets, and the name of a fraction."""

from decimal import Decimal

from twostep.util.errors import UserError

# What a manifest has, as the config has it, if the samples have weights: the variable's name.
SAMPLE_WEIGHT = "sample_weight"


def share_sizes(n: int, split: dict, things: str) -> tuple[int, int]:
    """Return how many of n things the validation and the test split get, at least one each.

    `split` is the config's section and `things` says what is divided. Raises UserError if nothing
    would be left for training.
    """
    sizes = tuple(max(1, round(n * split[name])) for name in ("validation", "test"))
    if sum(sizes) >= n:
        raise UserError(
            f"{n:,} {things} do not suffice for three splits with split.validation = "
            f"{split['validation']:g} and split.test = {split['test']:g}: the training split would "
            "be empty"
        )
    return sizes


def check_fraction(
    fraction: float,
    n_all: int,
    batch_size: int,
    *,
    key: str = "search.fractions",
    things: str = "training samples",
) -> int:
    """Return the number of samples of a fraction; raises UserError if they do not fill a batch.

    `key` is where the config has the fraction, and `things` says what it is a fraction of.
    """
    n_samples = round(fraction * n_all)
    if n_samples < batch_size:
        raise UserError(
            f"{key}: {fraction:g} of {n_all} {things} are {n_samples}, "
            f"fewer than one batch of {batch_size} (search.space.batch_size): "
            "take a larger fraction or a smaller batch"
        )
    return n_samples


def fraction_name(fraction: float) -> str:
    """Return a fraction as the decimal string that file names hold, e.g. "0.00001" or "1"."""
    text = format(Decimal(repr(float(fraction))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
