"""Run an exported model with onnxruntime, which is all that this needs beside numpy.

    python examples/run_onnx.py results/<study>/export/selected

Prints what the model says of itself, its outputs for the inputs of reference.csv, in physical
units, and how far these are from the outputs in that table, relative to the largest value of each
output there.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

folder = Path(sys.argv[1])
session = onnxruntime.InferenceSession(folder / "model.onnx")
metadata = session.get_modelmeta().custom_metadata_map
features = {role: json.loads(metadata[role]) for role in ("inputs", "outputs")}
for role, described in features.items():
    for feature in described:
        print(f"{role}: {feature['name']} [{feature['unit']}]")

table = np.loadtxt(folder / "reference.csv", delimiter=",", skiprows=1, ndmin=2)
n_inputs = len(features["inputs"])
inputs, expected = table[:, :n_inputs], table[:, n_inputs:]

# (n_samples, n_inputs) -> (n_samples, n_outputs), float64, any number of samples.
[outputs] = session.run(["outputs"], {"inputs": inputs})

# The model does not look at its ranges: a program that may leave them should.
low, high = (np.array([feature[key] for feature in features["inputs"]]) for key in ("min", "max"))
outside = ((inputs < low) | (inputs > high)).any(axis=1)
print(outputs)
# Of each output by itself, as their units may differ.
size = np.abs(expected).max(axis=0)
difference = np.abs(outputs - expected).max(axis=0) / np.where(size > 0, size, 1)
print(f"Largest difference from the table: {difference.max():.2g} of an output's largest value")
print(f"Samples outside the range of the training data: {outside.sum()} of {len(inputs)}")
