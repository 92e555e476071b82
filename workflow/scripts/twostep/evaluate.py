"""The errors of a saved model on the test split."""

from twostep.arrays import load_split
from twostep.files import read_json
from twostep.metrics import measure_errors
from twostep.model import load_model


def evaluate(model: str, record: dict, manifest: str) -> dict:
    """Return the errors of a saved model on the test split of the folder with this manifest.

    A trial that failed before its first epoch ended has no weights, and so no errors.
    """
    inputs, targets = load_split(manifest, "test")
    if record["best_epoch"] is None:
        return {"n_test": len(targets), "test_loss": None, "overall": {}, "per_output": {}}
    predict = load_model(model).predict_scaled
    return measure_errors(predict, inputs, targets, read_json(manifest)["outputs"])
