"""The errors of a saved model on the splits that did not train it."""

from twostep.data.arrays import load_split
from twostep.model.metrics import block_losses, measure_errors
from twostep.model.model import load_model
from twostep.util.files import read_json

# Into so many parts the validation split is divided to tell the standard error of a loss.
N_BLOCKS = 50


def evaluate(model: str, record: dict, manifest: str) -> dict:
    """Return the errors of a saved model on the test split of the folder with this manifest.

    Beside them, as `validation_blocks`, the mean loss of each of some random parts of the
    validation split, from which standard errors follow.

    A trial that failed before its first epoch ended has no weights, and so no errors.
    """
    inputs, targets = load_split(manifest, "test")
    if record["best_epoch"] is None:
        return {
            "n_test": len(targets),
            "test_loss": None,
            "overall": {},
            "per_output": {},
            "validation_blocks": [],
        }
    predict = load_model(model).predict_scaled
    blocks = block_losses(predict, *load_split(manifest, "validation"), N_BLOCKS)
    return {
        **measure_errors(predict, inputs, targets, read_json(manifest)["outputs"]),
        "validation_blocks": blocks.tolist(),
    }
