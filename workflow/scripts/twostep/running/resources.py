"""What a job will need, estimated from the data's size and the networks it trains."""

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twostep.data.sizes import SAMPLE_WEIGHT
from twostep.training.configuration import Configuration, NetworkSize
from twostep.training.updates import count_updates
from twostep.training.windows import SHUFFLE_WINDOW, VALIDATION_CHUNK
from twostep.trials.configurations import Lists, read_configurations, read_networks
from twostep.trials.constraints import most_operations, most_parameters
from twostep.trials.networks import INDEPENDENT, patterns_of
from twostep.trials.ranges import bounds, integer
from twostep.trials.space import largest_batch
from twostep.util.errors import UserError
from twostep.util.files import read_json

# An interpreter with torch and the data libraries loaded, without any data.
BASE_MB = 700
# ASSUME: a slow core; a job that turns out to need longer is retried with more time.
FLOPS_PER_SECOND = 2e10
SECONDS_PER_UPDATE = 2e-3
# ASSUME: of networks of the user's own, of which nobody knows how fast their operations are.
OWN_FLOPS_PER_SECOND = 2e9
# ASSUME: what these compute for a batch, in MB; a job that needs more is retried with more.
OWN_MB = 1000
# Copies of the weights in training: weights, gradients, two moments of Adam, the best epoch's.
COPIES = 5
# And those that are made while a checkpoint is written: all of them, in one buffer.
CHECKPOINT_COPIES = 5
# Widths that stand for a range of them.
WIDTHS_OF_RANGE = 1000


def data_mb(manifest: str | Path) -> float:
    """Return what a training holds of a folder's arrays in MB, twice a window of shuffled samples.

    The arrays themselves are mapped: all jobs of a machine share these pages, and the system can
    drop them. Raises FileNotFoundError while the folder is not prepared.
    """
    n_inputs, n_outputs, splits = _read_sizes(manifest)
    n_columns = n_inputs + n_outputs + (SAMPLE_WEIGHT in read_json(manifest))
    n_samples = sum(splits.values())
    return 4e-6 * n_columns * min(n_samples, 2 * SHUFFLE_WINDOW)


def training_mb(
    manifest: str | Path,
    configuration: Configuration,
    *,
    checkpoints: bool = False,
    constraints: dict | None = None,
    precision: str = "float32",
) -> int:
    """Return the memory in MB of training a configuration on the data of a folder.

    With `search.constraints`, no more than the networks take that these allow.
    """
    n_inputs, n_outputs, _ = _read_sizes(manifest)
    most = most_parameters(constraints) if constraints else math.inf
    copies = COPIES + CHECKPOINT_COPIES * checkpoints
    weights = 4e-6 * copies * min(most, configuration.count_parameters(n_inputs, n_outputs))
    # Of a batch, or of a chunk of the validation: what the layers compute, with dropout in up to
    # four steps, and the gradients by two layers at a time.
    rows = max(configuration.batch_size, VALIDATION_CHUNK)
    # Each unit has a weight and a bias, at least.
    n_units, widest = (min(most / 2, f(configuration.hidden_widths)) for f in (sum, max))
    activations = 4e-6 * rows * (4 * n_units + 2 * widest)
    megabytes = data_mb(manifest) + weights + activations
    if precision != "float32":
        # Rounded weights and their gradient, inputs of layers and gradients of two, 2 bytes each.
        megabytes += weights / copies + 2e-6 * rows * (n_units + 2 * widest)
    return math.ceil(BASE_MB + megabytes)


def own_training_mb(
    manifest: str | Path, sizes: list[NetworkSize], *, checkpoints: bool = False
) -> int:
    """Return the memory in MB of training the largest of some networks of the user's own."""
    copies = COPIES + CHECKPOINT_COPIES * checkpoints
    weights = 4e-6 * copies * max(size.n_parameters for size in sizes)
    return math.ceil(BASE_MB + OWN_MB + data_mb(manifest) + weights)


def updates_and_epochs(configuration: Configuration, budget: dict, n_train: int) -> tuple[int, int]:
    """Return the updates and the epochs of a trial that no patience ends before its limits.

    `budget` has at least one of `max_epochs` and `max_updates`; the last epoch may be a part.
    """
    batch_size = configuration.batch_size
    limits = {name: budget[name] for name in ("max_epochs", "max_updates")}
    updates = count_updates(n_train, batch_size, **limits)
    return updates, math.ceil(updates / math.ceil(n_train / batch_size))


def training_minutes(
    manifest: str | Path,
    configuration: Configuration,
    budget: dict,
    n_trials: int = 1,
    *,
    constraints: dict | None = None,
) -> int:
    """Return a generous time in minutes for training `n_trials` like this one to their limit.

    Where the folder has a test split, their errors on it are measured, too. With
    `search.constraints`, no more than the networks take that these allow.
    """
    n_inputs, n_outputs, splits = _read_sizes(manifest)
    n_train = splits["training"]
    _, epochs = updates_and_epochs(configuration, budget, n_train)
    updates_per_epoch = math.ceil(n_train / configuration.batch_size)
    most = most_operations(constraints) if constraints else math.inf
    n_operations = min(most, configuration.count_operations(n_inputs, n_outputs))
    n_samples = 6 * n_train + 2 * splits["validation"]
    epoch = n_samples * n_operations / FLOPS_PER_SECOND + updates_per_epoch * SECONDS_PER_UPDATE
    errors = _n_evaluated(splits) * n_operations / FLOPS_PER_SECOND
    return math.ceil(10 + n_trials * (epochs * epoch + errors) / 60)


def own_training_minutes(
    manifest: str | Path, networks: list[tuple[Configuration, NetworkSize]], budget: dict
) -> int:
    """Return a generous time in minutes for training networks of the user's own to the limit.

    Where the folder has a test split, their errors on it are measured, too.
    """
    _, _, splits = _read_sizes(manifest)
    seconds = 0.0
    for configuration, size in networks:
        updates, epochs = updates_and_epochs(configuration, budget, splits["training"])
        n_samples = 6 * splits["training"] + 2 * splits["validation"]
        n_samples = epochs * n_samples + _n_evaluated(splits)
        seconds += n_samples * size.n_operations / OWN_FLOPS_PER_SECOND
        seconds += updates * SECONDS_PER_UPDATE
    return math.ceil(10 + seconds / 60)


def _n_evaluated(splits: dict[str, int]) -> int:
    """Return twice the samples that errors are measured on: a multiply-add is two operations.

    A subset has no test split, and no errors are measured on it.
    """
    return 2 * (splits["validation"] + splits["test"]) if splits["test"] else 0


def _read_sizes(manifest: str | Path) -> tuple[int, int, dict[str, int]]:
    """Return the numbers of inputs and of outputs, and of the samples of each split.

    Raises FileNotFoundError while the folder is not prepared.
    """
    with _made_again_if_damaged(manifest):
        description = read_json(manifest)
        # A subset has no test split.
        splits = {"test": 0} | description["splits"]
        if min(splits["training"], splits["validation"]) < 1:
            raise ValueError("a split is empty")
        return len(description["inputs"]), len(description["outputs"]), splits


@contextmanager
def _made_again_if_damaged(path: Lists) -> Iterator[None]:
    """Take a result that is damaged for one that is not there: it is about to be made again."""
    try:
        yield
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileNotFoundError(errno.ENOENT, "damaged", str(path)) from error


def listed_configuration(path: str | Path, trial: int) -> Configuration:
    """Return the configuration of a trial in a list; FileNotFoundError until that is drawn."""
    with _made_again_if_damaged(path):
        return read_configurations(path, range(trial, trial + 1))[0]


def listed_networks(lists: Lists, trials: range) -> list[tuple[Configuration, NetworkSize]]:
    """Return the networks of the user's own in a list; FileNotFoundError until they are drawn."""
    with _made_again_if_damaged(lists):
        networks = read_networks(lists, trials)
        return [(configuration, size) for configuration, size in networks if size is not None]


def largest_configuration(space: dict) -> Configuration:
    """Return the largest network of a space with its largest batch."""
    return _configuration(space, int(bounds(space["width"])[1]), space["n_hidden_layers"]["max"])


def middle_configuration(space: dict) -> Configuration:
    """Return a network about as costly as the average one of a space, or somewhat more costly."""
    layers, widths = space["n_hidden_layers"], space["width"]
    if isinstance(widths, dict):
        steps = [(i + 0.5) / WIDTHS_OF_RANGE for i in range(WIDTHS_OF_RANGE)]
        widths = [integer(widths, u) for u in steps]
    # The mean product of two independent widths is the square of their mean. That of two equal ones
    # is their mean square, and of tapering ones it lies between the two.
    power = 1 if patterns_of(space) == [INDEPENDENT] else 2
    mean_width = (sum(width**power for width in widths) / len(widths)) ** (1 / power)
    n_layers = math.ceil((layers["min"] + layers["max"]) / 2)
    return _configuration(space, math.ceil(mean_width), n_layers)


def _configuration(space: dict, width: int, n_layers: int) -> Configuration:
    return Configuration(
        hidden_widths=(width,) * n_layers,
        learning_rate=0.0,
        batch_size=largest_batch(space),
        activation="",
        optimizer="",
        weight_decay=0.0,
        dropout=0.0,
    )
