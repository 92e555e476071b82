"""Error measures of predictions on a split, in physical units."""

import math
from collections.abc import Callable, Iterable

import numpy as np

from twostep.data.arrays import chunks
from twostep.data.transforms import to_physical

# Errors on the test split, in physical units; the names of table columns follow.
METRICS = ("mse", "rmse", "mae", "r2")
# Rows taken at a time, which bounds the memory.
CHUNK = 65536


def mean_squared_errors(
    predict: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Return the mean squared error of each output, (n_outputs,), in the units of the loss."""
    total = np.zeros(targets.shape[1])
    for rows in chunks(len(targets), CHUNK):
        total += ((predict(inputs[rows]) - targets[rows]) ** 2).sum(axis=0)
    return total / len(targets)


def block_losses(
    predict: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    n_blocks: int,
) -> np.ndarray:
    """Return the mean loss of each of `n_blocks` blocks of rows, as equal in size as can be.

    As rows are in random order, the blocks are random samples: their spread tells the standard
    error of the loss, and that of the differences of two models, of the difference of their losses.
    Fewer blocks are returned where there are fewer rows.
    """
    n_blocks = min(n_blocks, len(targets))
    edges = np.linspace(0, len(targets), n_blocks + 1).astype(int)

    def block_of(rows: slice) -> np.ndarray:
        return np.searchsorted(edges, np.arange(rows.start, rows.stop), side="right") - 1

    return _total_losses(predict, inputs, targets, block_of, n_blocks) / np.diff(edges)


def unit_losses(
    predict: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    units: np.ndarray,
    n_parts: int,
) -> np.ndarray:
    """Return what takes the place of `block_losses` where samples are alike within units.

    Parameters
    ----------
    predict : maps standardised inputs to outputs in the units of the loss
    inputs, targets : (n_samples, n_inputs) and (n_samples, n_outputs), as prepared
    units : (n_samples,), the number of each sample's block or group
    n_parts : the most parts that are made of whole units

    Returns
    -------
    One number for each part, (n_parts,) or fewer. Their mean is the loss, and their spread tells
    its standard error as that of equally large blocks would: from the mean loss of a part, the
    difference from the loss is taken times the part's size over the mean size (linearisation of a
    ratio). As this is linear in the losses, it holds for differences of models, too.
    """
    part_of_unit, sizes = _divide(units, n_parts)
    totals = _total_losses(
        predict, inputs, targets, lambda rows: part_of_unit[units[rows]], len(sizes)
    )
    loss = totals.sum() / sizes.sum()
    return loss + (totals - sizes * loss) / sizes.mean()


def _divide(units: np.ndarray, n_parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of each unit, (n_units,), and the size of each part, (n_parts,), in samples.

    Units of consecutive numbers stand together, as they may be alike, too. There are no more parts
    than equally large units would give the same precision, so that no part is much smaller.
    """
    sizes = np.zeros(int(units.max()) + 1)
    for rows in chunks(len(units), CHUNK):
        sizes += np.bincount(units[rows], minlength=len(sizes))
    n_parts = min(n_parts, round(sizes.sum() ** 2 / (sizes**2).sum()))
    middle = sizes.cumsum() - sizes / 2
    cells = (middle * n_parts / sizes.sum()).astype(int).clip(max=n_parts - 1)
    parts = np.bincount(cells, weights=sizes)
    # A unit that is larger than a cell leaves others empty.
    filled = parts > 0
    return (filled.cumsum() - 1)[cells], parts[filled]


def _total_losses(
    predict: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    part_of: Callable[[slice], np.ndarray],
    n_parts: int,
) -> np.ndarray:
    """Return the sum of the losses of each part's samples, (n_parts,)."""
    totals = np.zeros(n_parts)
    for rows in chunks(len(targets), CHUNK):
        losses = ((predict(inputs[rows]) - targets[rows]) ** 2).mean(axis=1)
        totals += np.bincount(part_of(rows), weights=losses, minlength=n_parts)
    return totals


def measure_errors(
    predict: Callable[[np.ndarray], np.ndarray],
    inputs: np.ndarray,
    targets: np.ndarray,
    outputs: list[dict],
) -> dict:
    """Return the errors of predictions on a split.

    Parameters
    ----------
    predict : maps standardised inputs to outputs in the units of the loss
    inputs, targets : (n_samples, n_inputs) and (n_samples, n_outputs), as prepared
    outputs : the outputs of the manifest

    Returns
    -------
    dict with `n_test`, `test_loss` (mean squared error in the units of the loss), the means over
    the outputs of `mse`, `rmse`, `mae` (physical units) and `r2` under `overall`, and the same
    for each output under `per_output`. Where a prediction overflows, they are None.
    """
    n_samples, n_outputs = targets.shape
    loss, squares, absolutes, sums, sums_of_squares = np.zeros((5, n_outputs))
    # Variances are taken about the first sample, so that large means cost no digits.
    origin = to_physical(targets[:1], outputs)
    for rows in chunks(n_samples, CHUNK):
        scaled, truth = predict(inputs[rows]), to_physical(targets[rows], outputs)
        with np.errstate(over="ignore", invalid="ignore"):
            error = to_physical(scaled, outputs) - truth
            loss += ((scaled - targets[rows]) ** 2).sum(axis=0)
            squares += (error**2).sum(axis=0)
            absolutes += np.abs(error).sum(axis=0)
        sums += (truth - origin).sum(axis=0)
        sums_of_squares += ((truth - origin) ** 2).sum(axis=0)
    variance = sums_of_squares / n_samples - (sums / n_samples) ** 2
    per_output = {
        output["name"]: {
            "mse": _finite(mse),
            "rmse": _finite(math.sqrt(mse)),
            "mae": _finite(mae),
            "r2": _finite(1 - mse / spread) if spread > 0 else None,
        }
        for output, mse, mae, spread in zip(
            outputs, squares / n_samples, absolutes / n_samples, variance, strict=True
        )
    }
    return {
        "n_test": n_samples,
        "test_loss": _finite(loss.mean() / n_samples),
        "overall": {metric: _mean(per_output, metric) for metric in METRICS},
        "per_output": per_output,
    }


def flatten_errors(errors: dict, output_names: list[str]) -> dict[str, float | None]:
    """Return errors on the test split as columns, e.g. `test_rmse` and `test_rmse[fn]`.

    A model that failed has none.
    """
    overall, per_output = errors["overall"], errors["per_output"]
    return {
        "test_loss": errors["test_loss"],
        **{f"test_{metric}": overall.get(metric) for metric in METRICS},
        **{
            f"test_{metric}[{name}]": per_output.get(name, {}).get(metric)
            for name in output_names
            for metric in METRICS
        },
    }


def mean_of(errors: Iterable[float | None]) -> float:
    """Return the mean of an error over some outputs; NaN if one of them has none."""
    values = [math.nan if error is None else float(error) for error in errors]
    return math.fsum(values) / len(values)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _mean(per_output: dict[str, dict], metric: str) -> float | None:
    values = [errors[metric] for errors in per_output.values()]
    return None if None in values else math.fsum(values) / len(values)
