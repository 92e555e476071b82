"""Error measures of predictions on a split, in physical units."""

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from twostep.data.arrays import chunks
from twostep.data.transforms import to_physical
from twostep.model.split_loss import Split, SplitLoss

# Errors on the test split, in physical units; the names of table columns follow.
METRICS = ("mse", "rmse", "mae", "r2")
# Rows taken at a time, which bounds the memory.
CHUNK = 65536


Predict = Callable[[np.ndarray], np.ndarray]


def mean_losses(predict: Predict, split: Split, loss: SplitLoss) -> np.ndarray:
    """Return the mean losses of predictions on a split, (n_means,).

    `predict` maps standardised inputs to outputs in the units of the loss.
    """
    total, weight = np.zeros((2, len(loss.shares)))
    for rows in chunks(len(split), CHUNK):
        losses, weights = loss.weighed(predict(split.inputs[rows]), split, rows)
        total += losses.sum(axis=0)
        weight += weights.sum(axis=0)
    return total / weight


def block_losses(predict: Predict, split: Split, loss: SplitLoss, n_blocks: int) -> np.ndarray:
    """Return the mean loss of each of `n_blocks` blocks of rows, as equal in size as can be.

    As rows are in random order, the blocks are random samples: their spread tells the standard
    error of the loss, and that of the differences of two models, of the difference of their losses.
    Fewer blocks are returned where there are fewer rows. `predict` is as for `mean_losses`.
    """
    n_blocks = min(n_blocks, len(split))
    edges = np.linspace(0, len(split), n_blocks + 1).astype(int)

    def block_of(rows: slice) -> np.ndarray:
        return np.searchsorted(edges, np.arange(rows.start, rows.stop), side="right") - 1

    return _total_losses(predict, split, loss, block_of, n_blocks) / np.diff(edges)


def unit_losses(
    predict: Predict, split: Split, loss: SplitLoss, units: np.ndarray, n_parts: int
) -> np.ndarray:
    """Return what takes the place of `block_losses` where samples are alike within units.

    Parameters
    ----------
    predict : maps standardised inputs to outputs in the units of the loss
    split, loss : the samples, and what is measured
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
    totals = _total_losses(predict, split, loss, lambda rows: part_of_unit[units[rows]], len(sizes))
    mean = totals.sum() / sizes.sum()
    return mean + (totals - sizes * mean) / sizes.mean()


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
    predict: Predict,
    split: Split,
    loss: SplitLoss,
    part_of: Callable[[slice], np.ndarray],
    n_parts: int,
) -> np.ndarray:
    """Return the sum of the losses of each part's samples, (n_parts,)."""
    loss_of_rows = _plain_losses if not loss.objective.is_weighed else _linear_losses
    totals = np.zeros(n_parts)
    for rows, losses in loss_of_rows(predict, split, loss):
        totals += np.bincount(part_of(rows), weights=losses, minlength=n_parts)
    return totals


def _plain_losses(
    predict: Predict, split: Split, loss: SplitLoss
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows with the loss of each, (n_rows,), where all values count alike."""
    for rows in chunks(len(split), CHUNK):
        losses = loss.losses(predict(split.inputs[rows]), split.targets[rows])
        yield rows, losses.mean(axis=1)


def _linear_losses(
    predict: Predict, split: Split, loss: SplitLoss
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows with what each contributes to the loss, (n_rows,), where values have weights.

    The mean of all is the loss. As this is a ratio, the difference of a row's losses from the means
    is taken times the row's weights over the mean weights (linearisation).
    """
    total, weight = np.zeros((2, len(loss.shares)))
    for rows in chunks(len(split), CHUNK):
        losses, weights = loss.weighed(predict(split.inputs[rows]), split, rows)
        total += losses.sum(axis=0)
        weight += weights.sum(axis=0)
    means = total / weight
    for rows in chunks(len(split), CHUNK):
        losses, weights = loss.weighed(predict(split.inputs[rows]), split, rows)
        beyond = (losses - weights * means) / (weight / len(split))
        yield rows, (means + beyond) @ loss.shares


def measure_errors(predict: Predict, split: Split, loss: SplitLoss, outputs: list[dict]) -> dict:
    """Return the errors of predictions on a split.

    Parameters
    ----------
    predict : maps standardised inputs to outputs in the units of the loss
    split, loss : the samples, and the loss of the study
    outputs : the outputs of the manifest

    Returns
    -------
    dict with `n_test`, `test_loss` (in the units of the loss), the means over the outputs of `mse`,
    `rmse`, `mae` (physical units) and `r2` under `overall`, and the same for each output under
    `per_output`. Samples count by their weights, and a target that is missing does not count. Where
    a prediction overflows, they are None.
    """
    n_outputs = split.targets.shape[1]
    squares, absolutes, sums, sums_of_squares, weight = np.zeros((5, n_outputs))
    total = np.zeros(len(loss.shares))
    # Variances are taken about the first sample, so that large means cost no digits.
    origin = to_physical(np.nan_to_num(split.targets[:1]), outputs)
    for rows in chunks(len(split), CHUNK):
        scaled, weights = predict(split.inputs[rows]), split.weigh(rows)
        truth = to_physical(np.nan_to_num(split.targets[rows]), outputs)
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.where(weights > 0, to_physical(scaled, outputs) - truth, 0.0)
            squares += (weights * error**2).sum(axis=0)
            absolutes += (weights * np.abs(error)).sum(axis=0)
        total += loss.weighed(scaled, split, rows)[0].sum(axis=0)
        sums += (weights * (truth - origin)).sum(axis=0)
        sums_of_squares += (weights * (truth - origin) ** 2).sum(axis=0)
        weight += weights.sum(axis=0)
    variance = sums_of_squares / weight - (sums / weight) ** 2
    per_output = {
        output["name"]: {
            "mse": finite(mse),
            "rmse": finite(math.sqrt(mse)),
            "mae": finite(mae),
            "r2": finite(1 - mse / spread) if spread > 0 else None,
        }
        for output, mse, mae, spread in zip(
            outputs, squares / weight, absolutes / weight, variance, strict=True
        )
    }
    return {
        "n_test": len(split),
        "test_loss": finite(loss.combine(total / weight[: len(total)])),
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
        **{f"test_{metric}": overall.get(metric) for metric in (*METRICS, *_further(overall))},
        **{
            f"test_{metric}[{name}]": errors.get(metric)
            for name in output_names
            for errors in [per_output.get(name, {})]
            for metric in (*METRICS, *_further(errors))
        },
    }


def mean_of(errors: Iterable[float | None]) -> float:
    """Return the mean of an error over some outputs; NaN if one of them has none."""
    values = [math.nan if error is None else float(error) for error in errors]
    return math.fsum(values) / len(values)


def _further(errors: dict) -> list[str]:
    """Return what is measured of probabilities alone."""
    return [metric for metric in errors if metric not in METRICS]


def finite(value: float) -> float | None:
    """Return a number, or None if it is not finite, which JSON has no word for."""
    return float(value) if math.isfinite(value) else None


def _mean(per_output: dict[str, dict], metric: str) -> float | None:
    values = [errors[metric] for errors in per_output.values()]
    return None if None in values else math.fsum(values) / len(values)
