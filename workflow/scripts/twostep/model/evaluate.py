"""The errors of a saved model on the splits that did not train it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from twostep.data.validation_units import load_validation_units
from twostep.model.class_metrics import measure_class_errors, measure_each_class
from twostep.model.metrics import block_losses, measure_errors, unit_losses
from twostep.model.model import load_model
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.objective import Objective
from twostep.util.files import read_json

# Into so many parts the validation split is divided to tell the standard error of a loss.
N_BLOCKS = 50
# Fewer parts of whole blocks or groups do not tell it.
FEWEST_PARTS = 10


def evaluate(model: str | Path, record: dict, manifest: str, objective: Objective) -> dict:
    """Return the errors of a saved model on the test split of the folder with this manifest.

    `objective` is what the model was trained for.

    Beside them, as `validation_blocks`, the loss of each of some parts of the validation split,
    from which standard errors follow: of random ones, or of whole blocks or groups if the split was
    by these. There are none if the validation split has too few of them.

    A trial that failed before its first epoch ended has no weights, and so no errors.
    """
    test = Split.load(manifest, "test")
    if record["best_epoch"] is None:
        return {
            "n_test": len(test),
            "test_loss": None,
            "overall": {},
            "per_output": {},
            "validation_blocks": [],
        }
    predict = load_model(model, run_code=True).predict_scaled
    outputs = read_json(manifest)["outputs"]
    loss = SplitLoss.of(objective, outputs)
    errors = measure_errors(predict, test, loss, outputs)
    if loss.of_probabilities:
        errors["overall"] |= measure_class_errors(predict, test, loss)
    if not loss.by_output:
        each = measure_each_class(predict, test, list(errors["per_output"]))
        for name, shares in each.items():
            errors["per_output"][name] |= shares
    return {
        **errors,
        "validation_blocks": _validation_blocks(predict, manifest, loss).tolist(),
    }


def _validation_blocks(
    predict: Callable[[np.ndarray], np.ndarray], manifest: str, loss: SplitLoss
) -> np.ndarray:
    """Return the losses of parts of the validation split, (n_parts,), or nothing."""
    validation = Split.load(manifest, "validation")
    units = load_validation_units(manifest)
    if units is None:
        return block_losses(predict, validation, loss, N_BLOCKS)
    losses = unit_losses(predict, validation, loss, units, N_BLOCKS)
    return losses if len(losses) >= FEWEST_PARTS else losses[:0]
