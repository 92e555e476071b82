"""Whether prepared values are those that another reader finds in the file."""

import json
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.spatial import cKDTree

TRANSFORMS = {"none": lambda values: values, "log10": np.log10}
# Of standardised values in single precision.
TOLERANCE = 1e-4


def wrong_values(manifest: Path, data: Path, sample_dimension: str) -> str:
    """Return what is wrong with the prepared arrays of a file; nothing if nothing is.

    Each prepared row must be one of the file's, as xarray decodes them. It may be one that xarray
    does not take for missing only.
    """
    description = json.loads(manifest.read_text())
    features = [*description["inputs"], *description["outputs"]]
    prepared = np.concatenate(
        [
            np.hstack(
                [
                    np.load(manifest.with_name(f"{split}_{part}.npy"))
                    for part in ("inputs", "targets")
                ]
            )
            for split in description["splits"]
        ]
    ).astype(float)
    if not np.isfinite(prepared).all():
        return "prepared values are not finite"
    raw = _read(data, sample_dimension, list(dict.fromkeys(f["variable"] for f in features)))
    if raw.shape[1] != len(features):
        return f"{raw.shape[1]} columns are in the file, and {len(features)} features"
    with np.errstate(all="ignore"):
        columns = [
            (TRANSFORMS[feature["transform"]](values) - feature["mean"]) / feature["std"]
            for feature, values in zip(features, raw.T, strict=True)
        ]
    known = np.column_stack(columns)
    known = known[np.isfinite(known).all(axis=1)]
    if len(prepared) > len(known):
        return f"{len(prepared)} rows were prepared of {len(known)} usable ones"
    distance, _ = cKDTree(known).query(prepared)
    n_strange = int((distance > TOLERANCE * (1 + np.abs(prepared).max(axis=1))).sum())
    return f"{n_strange} of {len(prepared)} prepared rows are not in the file" if n_strange else ""


def _read(data: Path, sample_dimension: str, variables: list[str]) -> np.ndarray:
    """Return all features of the variables (n_samples, n_features), NaN where missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if data.is_dir():
            dataset = xr.open_zarr(data, consolidated=False, decode_times=False, chunks=None)
        else:
            dataset = xr.open_dataset(data, engine="netcdf4", decode_times=False)
        with dataset:
            arrays = [
                dataset[name].transpose(sample_dimension, ...).to_numpy().astype(float)
                for name in variables
            ]
    return np.hstack([array.reshape(len(array), -1) for array in arrays])
