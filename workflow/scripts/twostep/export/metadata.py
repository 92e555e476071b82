"""What the files of an exported model say of it, the same in each format and without a clock."""

import json

import numpy as np
import onnx
import onnxruntime
import torch

from twostep.export.layers import hash_state, hash_weights, list_layers
from twostep.model.model import Model

PRECISION = "float64 in and out; transforms and scaling in float64, the network in float32"


def describe(model: Model, study: str) -> dict[str, str]:
    """Return where a model comes from, as texts of one line each."""
    packages = {"numpy": np, "onnx": onnx, "onnxruntime": onnxruntime, "torch": torch}
    exported_with = ", ".join(f"{name} {used.__version__}" for name, used in packages.items())
    return {
        "study": study,
        "trial": str(model.record["trial"]),
        "seed": str(model.record["seed"]),
        "data": model.data_hash,
        "weights_sha256": hash_state(model.network)
        if model.is_own
        else hash_weights(list_layers(model.network)),
        "precision": PRECISION,
        "trained_with": f"torch {model.timing['torch']}",
        "exported_with": exported_with,
    }


def describe_features(features: list[dict]) -> list[dict]:
    """Return the inputs or outputs in their order, as they are named in metadata."""
    return [
        {
            "name": feature["name"],
            "quantity": feature["long_name"],
            "unit": feature["units"],
            "transform": feature["transform"],
            "mean": feature["mean"],
            "std": feature["std"],
            "min": feature["min"],
            "max": feature["max"],
        }
        for feature in features
    ]


def describe_all(model: Model, study: str) -> dict[str, str]:
    """Return the same with the inputs and outputs, in their order, as JSON."""
    return describe(model, study) | {
        role: json.dumps(describe_features(features))
        for role, features in (("inputs", model.inputs), ("outputs", model.outputs))
    }
