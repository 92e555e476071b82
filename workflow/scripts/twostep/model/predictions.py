"""What the selected model predicts for the test split, beside the truth, in a NetCDF file."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from twostep.data.test_sample import load_test_sample
from twostep.data.transforms import standardise, to_physical
from twostep.util.files import damaged, read_json
from twostep.util.netcdf import write_netcdf

PARTS = ("input", "true", "predicted")


@dataclass(frozen=True)
class Predictions:
    """Inputs, true and predicted outputs of test samples, all in physical units.

    `inputs` and `outputs` describe the columns in order, each with `name`, `units`, `long_name`
    and `transform`; `input` is (n_samples, n_inputs), `true` and `predicted` are (n_samples,
    n_outputs).
    """

    inputs: list[dict]
    outputs: list[dict]
    input: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    n_test: int

    @property
    def error(self) -> np.ndarray:
        """Predicted minus true, (n_samples, n_outputs)."""
        return self.predicted - self.true


def predict(
    predict_scaled: Callable[[np.ndarray], np.ndarray], manifest: str | Path
) -> Predictions:
    """Return a model's predictions for a sample of the test split, in the folder of this manifest.

    `predict_scaled` is that method of the model; what only reads predictions need not load torch.

    Inputs and truth are the very values of the files.
    """
    inputs, true = load_test_sample(manifest)
    description = read_json(manifest)
    scaled = predict_scaled(standardise(inputs, description["inputs"]))
    return Predictions(
        description["inputs"],
        description["outputs"],
        inputs,
        true,
        to_physical(scaled, description["outputs"]),
        description["splits"]["test"],
    )


def write_predictions(path: str | Path, predictions: Predictions, model: dict[str, int]) -> None:
    """Write predictions as NetCDF: one variable for each input, true and predicted output.

    The variable of an output `fn` is called `true_fn` or `predicted_fn`, that of an input
    `input_<name>`; each has its exact name as the attribute `feature`, its units and its
    `long_name`. `model` becomes attributes of the file: the model's trial and its repetition, as
    `seed`.
    """
    variables: dict[str, tuple[str, np.ndarray, dict]] = {}
    for part in PARTS:
        features = predictions.inputs if part == "input" else predictions.outputs
        for feature, column in zip(features, getattr(predictions, part).T, strict=True):
            attributes = {key: feature[key] for key in ("units", "long_name", "transform")}
            attributes |= {"feature": feature["name"], "part": part}
            name = _variable_name(f"{part}_{feature['name']}", variables)
            variables[name] = ("sample", column, attributes)
    title = "Predictions of the selected model for samples of the test split, in physical units"
    attributes = {"title": title, "n_test": predictions.n_test, **model}
    write_netcdf(path, xr.Dataset(variables, attrs=attributes))


def read_predictions(path: str | Path) -> Predictions:
    """Read what `write_predictions` wrote; UserError if it is damaged."""
    try:
        with xr.open_dataset(path, engine="netcdf4", decode_cf=False) as data:
            columns: dict[str, list] = {part: [] for part in PARTS}
            features: dict[str, list] = {part: [] for part in PARTS}
            for variable in data.data_vars.values():
                part = variable.attrs["part"]
                columns[part].append(variable.to_numpy())
                kept = ("units", "long_name", "transform")
                described = {key: str(variable.attrs[key]) for key in kept}
                features[part].append({"name": variable.attrs["feature"]} | described)
            arrays = {part: np.stack(columns[part], axis=1) for part in PARTS}
            n_test = int(data.attrs["n_test"])
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, PermissionError | FileNotFoundError):
            raise
        raise damaged(path) from error
    return Predictions(features["input"], features["true"], **arrays, n_test=n_test)


def _variable_name(name: str, taken: dict) -> str:
    """Return a name that NetCDF takes: a slash would end a group's name, and blanks the name."""
    name = re.sub(r"[/\x00-\x1f\x7f]", "_", name).strip()
    while name in taken:
        name += "_"
    return name
