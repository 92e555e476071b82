"""Trial records: JSON lines on disk, flat rows in tables."""

import json
from collections.abc import Container, Iterable
from pathlib import Path

from twostep.training.configuration import DEFAULTS
from twostep.util.columns import is_fully_connected
from twostep.util.files import damaged, write_text

# The settings of a configuration beside its widths, in the order of the tables' columns.
SETTINGS = ("learning_rate", "batch_size", "activation", "optimizer", "weight_decay", "dropout")
# Those of them that a network of the user's own has, too.
OWN_SETTINGS = ("learning_rate", "batch_size", "optimizer", "weight_decay")
# Outcomes that follow from the trial's key: to train it again would only repeat them. The others
# have to do with the machine, and the trial is trained again whenever its job runs again.
REPEATABLE = ("ok", "diverged")


def write_lines(path: str | Path, records: Iterable[dict]) -> None:
    """Write one record per line, whole or not at all."""
    write_text(path, "".join(json.dumps(record, allow_nan=False) + "\n" for record in records))


def read_lines(paths: Iterable[str | Path]) -> list[dict]:
    """Read the records of several files, in their order; UserError if one is damaged."""
    return [record for path in paths for record in _read_lines(path)]


def _read_lines(path: str | Path) -> list[dict]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
        records = [json.loads(line) for line in lines]
    except ValueError as error:
        raise damaged(path) from error
    if not all(isinstance(record, dict) and "trial" in record for record in records):
        raise damaged(path)
    return records


def flatten_configuration(record: dict, further: Iterable[str] = ()) -> dict:
    """Return the table columns that describe a record's network and its training settings.

    `further` are the settings that most studies leave at their defaults and this one does not.
    """
    configuration = record["configuration"]
    return {
        "n_parameters": record["n_parameters"],
        "n_operations": record["n_operations"],
        **_network(configuration),
        **{name: configuration[name] for name in settings_of(configuration)},
        **{name: configuration.get(name, DEFAULTS[name]) for name in further},
    }


def settings_of(names: Container[str]) -> tuple[str, ...]:
    """Return the settings that a configuration has: its keys are given, or a table's columns."""
    return SETTINGS if is_fully_connected(names) else OWN_SETTINGS


def _network(configuration: dict) -> dict:
    """Return the columns that describe a network: layers, or hyperparameters of the user's own."""
    if "hyperparameters" in configuration:
        return dict(sorted(configuration["hyperparameters"].items()))
    widths = configuration["hidden_widths"]
    return {"n_hidden_layers": len(widths), "hidden_widths": "-".join(map(str, widths))}


def flatten_result(record: dict, output_names: list[str]) -> dict:
    """Return the table columns that describe what a record's training came to."""
    losses, best = record["val_loss_per_output"], record["best_epoch"]
    return {
        "epochs": record["epochs"],
        "best_epoch": best,
        "updates": record["updates"],
        "stop_reason": record["stop_reason"],
        "min_val_loss": record["min_val_loss"],
        # Of the epoch with that loss; dropout, if any, was at work.
        "train_loss": record["train_loss"][best - 1] if best else None,
        **{f"val_loss[{name}]": losses.get(name) for name in output_names},
        "collapsed_outputs": ";".join(record["collapsed_outputs"]),
    }
