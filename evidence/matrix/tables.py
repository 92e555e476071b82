"""The tables of a matrix as they are committed: one for each column, compressed."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from twostep.training.configuration import Configuration, NetworkSize
from twostep.trials.records import flatten_configuration
from twostep.util.columns import network_columns
from twostep.util.files import atomic_path
from twostep.util.tables import read_table

SUFFIX = ".csv.xz"
# Losses have so many digits, and so many within a curve.
DIGITS, CURVE_DIGITS = 6, 4
CURVE = "val_curve"
NETWORK = ("n_parameters", "n_operations", "n_hidden_layers", "hidden_widths")
# What a timing says of where it was measured.
MACHINE = ("processor", "torch", "numpy")


def column_table(entries: Iterable[dict]) -> pd.DataFrame:
    """Return the table of a column from the entries of its trials.

    Losses are those of the study, in its units. `val_loss` is that on the search's
    validation sample, `val_loss_all` and the errors on the test split are those of the same
    weights, of the best epoch. Seconds are processor seconds, of one thread. The curve holds the
    validation loss after each epoch.
    """
    rows = []
    for entry in entries:
        record, timing, errors = entry["record"], entry["timing"], entry["errors"]
        best = record["best_epoch"]
        rows.append(
            {
                "trial": record["trial"],
                "status": record["status"],
                "n_train": record["n_train"],
                "epochs": record["epochs"],
                "best_epoch": best,
                "updates": record["updates"],
                "train_loss": _rounded(record["train_loss"][best - 1] if best else None),
                "val_loss": _rounded(record["min_val_loss"]),
                **{name: _rounded(error) for name, error in errors.items()},
                "train_seconds": _rounded(timing["train_cpu_seconds"]),
                "validation_seconds": _rounded(timing["validation_cpu_seconds"]),
                **{name: timing[name] for name in MACHINE},
                CURVE: " ".join(f"{loss:.{CURVE_DIGITS}g}" for loss in record["val_loss"]),
            }
        )
    return pd.DataFrame(rows).sort_values("trial", ignore_index=True)


def samplers_table(
    found: dict[str, tuple[list[dict], dict[int, dict], set[int]]], seconds: Callable[[dict], float]
) -> pd.DataFrame:
    """Return the table of searches by different samplers, one row per trial of each.

    `found` has for each sampler the entries of the search in the order of the trials, those of the
    retrained ones by trial, and which of these are controls. `val_loss` is that of step 1;
    `val_loss_all` and `test_loss` are those after retraining, missing for all others. `seconds`
    tells the processor seconds that an entry's training in step 1 takes.
    """
    rows = []
    for sampler, (entries, retrained, controls) in found.items():
        for trial, entry in enumerate(entries):
            flat = flatten_configuration(entry["record"])
            errors = retrained[trial]["errors"] if trial in retrained else {}
            rows.append(
                {
                    "sampler": sampler,
                    "trial": trial,
                    "status": entry["record"]["status"],
                    **{name: flat[name] for name in (*NETWORK, "learning_rate")},
                    "val_loss": _rounded(entry["record"]["min_val_loss"]),
                    "seconds": _rounded(seconds(entry)),
                    "control": trial in controls,
                    "val_loss_all": _rounded(errors.get("val_loss_all")),
                    "test_loss": _rounded(errors.get("test_loss")),
                }
            )
    return pd.DataFrame(rows)


def trials_table(
    networks: Iterable[tuple[Configuration, NetworkSize | None]], n_inputs: int, n_outputs: int
) -> pd.DataFrame:
    """Return what each trial's network is; how it is trained depends on the column.

    `networks` are configurations, with the sizes of networks of the user's own. Of these the table
    has the hyperparameters in the place of layers.
    """
    rows = []
    for trial, (configuration, own_size) in enumerate(networks):
        size = own_size or NetworkSize(
            configuration.count_parameters(n_inputs, n_outputs),
            configuration.count_operations(n_inputs, n_outputs),
        )
        flat = flatten_configuration({"configuration": configuration.to_dict(), **size._asdict()})
        names = network_columns(flat) if own_size else (*NETWORK[2:], "activation")
        rows.append({"trial": trial, **size._asdict(), **{name: flat[name] for name in names}})
    return pd.DataFrame(rows)


def write_compressed(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as compressed CSV, whole or not at all, the same bytes for the same table."""
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, compression="xz")


def read_column(path: str | Path) -> pd.DataFrame:
    """Read the table of a column, with its trials as the index; curves stay texts."""
    return read_table(path).set_index("trial")


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
