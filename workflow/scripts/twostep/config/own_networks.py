"""What a config says of networks of the user's own: contradictions, and what it then means."""

import math
import re
from collections.abc import Iterator

from twostep.config.sentences import describe_given
from twostep.trials.hyperparameters import KEY
from twostep.trials.ranges import listed
from twostep.trials.settings import FURTHER

# What describes fully connected networks in the search space, and no others.
OF_FULLY_CONNECTED = ("n_hidden_layers", "width", "width_pattern", "activation", "dropout")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
# Text that a table would give back as something else.
NO_TEXT = re.compile(r"[-+]?(\d.*|\.\d.*|inf|infinity|nan|true|false)|\s.*|.*\s|", re.IGNORECASE)
# YAML 1.1, which Snakemake reads, takes 1e-5 for text because it lacks a decimal point.
EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d{1,3}")
# Columns of the tables, in which each hyperparameter has one of its own.
COLUMNS = {
    *FURTHER,
    *("hidden_widths", "collapsed_outputs", "message", "stop_reason", "data", "host", "processor"),
    *("torch", "numpy", "threads"),
    *("rank", "trial", "seed", "status", "control", "choice", "model", "failed", "mean_loss"),
    *("n_parameters", "n_operations", "learning_rate", "batch_size", "optimizer", "weight_decay"),
    *("n_train", "n_validation", "epochs", "best_epoch", "updates", "min_val_loss", "train_loss"),
    *("val_loss", "relative_val_loss", "val_loss_error", "difference_error", "validation_parts"),
    *("mean_width", "relative_narrowest", "width_pattern", "weight_bytes"),
}
OF_TEST = "test_"


def contradictions_in_networks(config: dict, given: dict) -> Iterator[str]:
    """Yield a sentence for each thing that contradicts `network.file`, or its absence.

    `config` has its defaults, `given` is what the user has written.
    """
    path, space = config["network"]["file"], config["search"]["space"]
    if path is None:
        if space.get(KEY):
            yield (
                f"search.space.{KEY} is given, but network.file is null, and fully connected "
                "networks have none: take it out, or name the file of your networks"
            )
        return
    named = given.get("search", {}).get("space", {})
    for name in OF_FULLY_CONNECTED:
        if name in named:
            yield (
                f"search.space.{name} describes fully connected networks, but network.file is "
                f"{describe_given(path)}: take it out, or name it under search.space.{KEY}"
            )
    for name, values in space[KEY].items():
        yield from _contradictions_in_name(name)
        yield from _contradictions_in_values(f"search.space.{KEY}.{name}", values)


def _contradictions_in_name(name: object) -> Iterator[str]:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield (
            f"search.space.{KEY}: {describe_given(name)} is no name for a hyperparameter: take "
            "letters, digits and underscores, at most 60, the first one a letter"
        )
    elif name in COLUMNS or name.startswith(OF_TEST):
        yield (
            f"search.space.{KEY}.{name} has the name of another column of the tables: take "
            f"another name, such as own_{name}"
        )


def _contradictions_in_values(key: str, values: object) -> Iterator[str]:
    if isinstance(values, dict):
        ends = values["min"], values["max"]
        if values["integer"] and not all(float(end).is_integer() for end in ends):
            yield f"{key}: integer is true, but min and max are not both whole numbers"
        return
    typed = [_typed(value) for value in listed(values)]
    if len({_kind(value) for value in typed}) > 1:
        yield f"{key} must hold values of one kind: numbers, texts, or true and false"
    for i, value in enumerate(typed):
        if value in typed[:i]:
            yield f"{key} holds {describe_given(value)} twice: take one of them out"
    for value in listed(values):
        if isinstance(value, str) and not EXPONENT.fullmatch(value) and NO_TEXT.fullmatch(value):
            yield (
                f"{key} has the text {describe_given(value)}, which tables cannot tell from other "
                "values: take a word, or a number without quotes"
            )


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "truth"
    return "text" if isinstance(value, str) else "number"


def settle_networks(config: dict) -> None:
    """Leave in the search space only what describes the networks; type their hyperparameters."""
    space = config["search"]["space"]
    if config["network"]["file"] is None:
        space.pop(KEY, None)
        return
    for name in OF_FULLY_CONNECTED:
        space.pop(name, None)
    space[KEY] = {name: _typed_dimension(values) for name, values in space[KEY].items()}
    for entry in config["search"]["enqueue"]:
        if KEY in entry:
            entry[KEY] = {name: _typed(value) for name, value in entry[KEY].items()}


def _typed_dimension(values: object) -> object:
    if isinstance(values, list):
        return [_typed(value) for value in values]
    if not isinstance(values, dict):
        return _typed(values)
    if values["integer"]:
        return values | {"min": int(values["min"]), "max": int(values["max"])}
    return values


def _typed(value: object) -> object:
    """Return a number for text that is one, e.g. 1e-3, and other values as they are."""
    if isinstance(value, str) and EXPONENT.fullmatch(value) and math.isfinite(float(value)):
        return float(value)
    return value
