"""The handover of a trained model: files for other programs, checked before they appear."""

import copy
import csv
import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from twostep.data.arrays import load_split
from twostep.data.transforms import standardise, to_physical
from twostep.export.metadata import describe, describe_all
from twostep.export.onnx_format import run_onnx, write_onnx
from twostep.export.pt2_format import run_pt2, write_pt2
from twostep.export.text_format import read_text_model, write_text_model
from twostep.export.torchscript_format import run_torchscript, write_torchscript
from twostep.export.traced_onnx import write_traced_onnx
from twostep.model.model import Model, load_model
from twostep.util.errors import UserError
from twostep.util.files import atomic_path
from twostep.util.text import one_line

log = logging.getLogger(__name__)

TOLERANCE = 1e-5
# Where inputs are large, such as codes that are not scaled, single precision itself makes larger
# errors, which depend on the order of additions. A difference of so many of them may be, too.
ROUNDING_ERRORS = 3
# Not the value and the standard deviation alone: the last digit of single precision of a network's
# output changes 10**output by several times more, relative to its size.
MEASURE = (
    "the largest of the value, the output's standard deviation and what a unit of the network's "
    "own, standardised output is worth there"
)
# The difference that the worth is taken from.
STEP = 1e-3
N_CHECKED = 4096
N_REFERENCE = 32
FORMATS = {"onnx": "ONNX", "pt2": "pt2", "torchscript": "TorchScript", "text": "text"}


@dataclass(frozen=True)
class CheckedRows:
    """Test samples in physical units, (n_samples, n_inputs), and what the trained network says.

    `predicted` is (n_samples, n_outputs), and so is `scale`: the larger of the standard deviation
    of the output's true values and of what a unit of the network's own output is worth there, both
    in physical units. `rounding` is the largest difference that single precision makes, relative to
    these.
    """

    inputs: np.ndarray
    predicted: np.ndarray
    scale: np.ndarray
    rounding: float

    @property
    def tolerance(self) -> float:
        """The largest difference that a format may have."""
        errors = ROUNDING_ERRORS * self.rounding
        return max(TOLERANCE, errors) if np.isfinite(errors) else TOLERANCE


def read_checked_rows(manifest: str, model: Model) -> CheckedRows:
    """Return the first rows of the test split, which are a random sample of it."""
    inputs, targets = (array[:N_CHECKED] for array in load_split(manifest, "test"))
    physical = to_physical(inputs, model.inputs)
    standardised = standardise(physical, model.inputs)
    scaled = model.predict_scaled(standardised)
    exact = _predict_exactly(model, standardised, scaled)
    with np.errstate(over="ignore", invalid="ignore"):
        predicted = to_physical(scaled, model.outputs)
        # A target may be missing.
        deviation = np.nanstd(to_physical(targets, model.outputs), axis=0)
        exact = to_physical(exact, model.outputs)
        worth = np.abs(to_physical(scaled + STEP, model.outputs) - predicted) / STEP
    scale = np.maximum(*(np.where(np.isfinite(size), size, 0.0) for size in (deviation, worth)))
    rounding = largest_difference(exact, predicted, scale)
    return CheckedRows(physical, predicted, scale, rounding)


def _predict_exactly(model: Model, inputs: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Return what a network says in double precision, or `scaled` if it knows only single one."""
    double = replace(model, network=copy.deepcopy(model.network).double())
    try:
        return double.predict_scaled(inputs.astype(np.float64))
    except Exception:  # the code of a network of the user's own may do anything
        if not model.is_own:
            raise
        return scaled


def export_model(
    model: str | Path,
    manifest: str,
    study: str,
    files: dict[str, str],
    write_card: Callable[[Model, dict[str, float], dict[str, str]], str],
) -> dict[str, float]:
    """Write a model in all formats, with a model card and reference values; return differences.

    Parameters
    ----------
    model : path of the saved model
    manifest : path of the manifest of the prepared data, whose test split is used
    study : name of the study
    files : paths of `onnx`, `pt2`, `torchscript`, `reference` and `card`, and of `text` for fully
        connected networks
    write_card : returns the card's text, given the model, the differences, and why formats are
        missing

    Returns
    -------
    {format: largest difference from the trained network on test rows}, relative to the largest of
    the value, the output's standard deviation and what a unit of the network's own output is worth.
    A format that torch cannot write of a network of the user's own is missing, and its file empty.

    Raises UserError, and leaves no file, if a format differs by more than the tolerance of the
    rows, or if the trial failed and has no weights.
    """
    trained = load_model(model, run_code=True)
    rows = read_checked_rows(manifest, trained)
    with ExitStack() as stack:
        places = {name: stack.enter_context(atomic_path(path)) for name, path in files.items()}
        _write_reference(places["reference"], trained, rows)
        if trained.is_own:
            differences, missing = _write_traced(places, trained, study, rows)
        else:
            write_onnx(places["onnx"], trained, describe_all(trained, study))
            write_pt2(places["pt2"], trained, describe_all(trained, study))
            write_torchscript(places["torchscript"], trained, describe_all(trained, study))
            write_text_model(places["text"], trained, describe(trained, study))
            differences, missing = measure_differences(places, rows), {}
            _check(differences, rows, model)
        places["card"].write_text(write_card(trained, differences, missing), encoding="utf-8")
    return differences


def _write_traced(
    places: dict[str, Path], model: Model, study: str, rows: CheckedRows
) -> tuple[dict[str, float], dict[str, str]]:
    """Write a network of the user's own in each format that torch can write.

    Return the differences, and why there is none of the other formats.
    """
    formats: dict[str, tuple[Callable, Callable]] = {
        "onnx": (write_traced_onnx, run_onnx),
        "pt2": (write_pt2, run_pt2),
        "torchscript": (write_torchscript, run_torchscript),
    }
    differences, missing = {}, {}
    for name, (write, run) in formats.items():
        try:
            write(places[name], model, describe_all(model, study))
            found = largest_difference(run(places[name], rows.inputs), rows.predicted, rows.scale)
            # Written so that NaN fails.
            if not found <= rows.tolerance:
                raise ValueError(f"its outputs differ by {found:.2g}, relative to {MEASURE}")
            differences[name] = found
            log.info("%s: largest difference %.2g", name, found)
        except Exception as error:  # torch raises whatever it finds first
            if isinstance(error, OSError):
                raise
            missing[name] = one_line(f"{type(error).__name__}: {error}")
            log.warning("the network cannot be written as %s: %s", FORMATS[name], missing[name])
            places[name].write_bytes(b"")
    return differences, missing


def measure_differences(files: Mapping[str, str | Path], rows: CheckedRows) -> dict[str, float]:
    """Run the files of each format and return their largest differences, by format."""
    outputs = {
        "onnx": run_onnx(files["onnx"], rows.inputs),
        "pt2": run_pt2(files["pt2"], rows.inputs),
        "torchscript": run_torchscript(files["torchscript"], rows.inputs),
        "text": read_text_model(files["text"]).predict(rows.inputs),
    }
    return {
        name: largest_difference(values, rows.predicted, rows.scale)
        for name, values in outputs.items()
    }


def largest_difference(values: np.ndarray, expected: np.ndarray, scale: np.ndarray) -> float:
    """Return the largest difference relative to the larger of the expected value and the scale.

    `values` and `expected` are (n_samples, n_outputs); `scale` is, too, or (n_outputs,). Where one
    of the former is not finite, the other must be the same, or the difference is infinite.
    """
    if values.shape != expected.shape:
        return np.inf
    finite = np.isfinite(values) & np.isfinite(expected)
    if not np.array_equal(values[~finite], expected[~finite], equal_nan=True):
        return np.inf
    # The smallest normal number keeps 0 / 0 out; a difference from 0 without a scale remains huge.
    size = np.maximum(np.abs(expected), np.maximum(scale, np.finfo(float).tiny))
    with np.errstate(invalid="ignore", over="ignore"):
        relative = np.abs(values - expected) / size
    return float(relative[finite].max(initial=0.0))


def _check(differences: dict[str, float], rows: CheckedRows, model: str | Path) -> None:
    n_rows, tolerance = len(rows.inputs), rows.tolerance
    log.info("what single precision makes on these rows: %.2g", rows.rounding)
    for name, difference in differences.items():
        log.info("%s: largest difference on %d test rows %.2g", name, n_rows, difference)
        # Written so that NaN fails.
        if not difference <= tolerance:
            raise UserError(
                f"{model} was not exported: as {FORMATS[name]} it differs from the trained network "
                f"by {difference:.2g}, relative to {MEASURE}, on {n_rows:,} test rows, and "
                f"{tolerance:.2g} is allowed"
            )


def _write_reference(path: Path, model: Model, rows: CheckedRows) -> None:
    """Write some test rows with the trained network's outputs, with all digits."""
    names = [feature["name"] for feature in (*model.inputs, *model.outputs)]
    table = np.column_stack([rows.inputs, rows.predicted])
    table = table[np.isfinite(table).all(axis=1)][:N_REFERENCE]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(" ".join(name.split()) for name in names)
        writer.writerows(table.tolist())
