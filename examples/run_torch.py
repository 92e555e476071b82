"""Run an exported model with torch: model.pt2, or as TorchScript model.pt, as FTorch does.

    python examples/run_torch.py results/<study>/export/selected
    python examples/run_torch.py results/<study>/export/selected/model.pt

Of a folder it takes model.pt2. Prints the outputs for the inputs of reference.csv beside it, in
physical units, and how far these are from the outputs in that table, relative to the largest value
of each output there.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

path = Path(sys.argv[1])
if path.is_dir():
    path /= "model.pt2"
extra_files = {"metadata.json": ""}
if path.suffix == ".pt2":
    model = torch.export.load(path, extra_files=extra_files).module()
else:
    model = torch.jit.load(path, _extra_files=extra_files)
metadata = json.loads(extra_files["metadata.json"])
n_inputs = len(json.loads(metadata["inputs"]))

table = np.loadtxt(path.with_name("reference.csv"), delimiter=",", skiprows=1, ndmin=2)
inputs, expected = table[:, :n_inputs], table[:, n_inputs:]
with torch.inference_mode():
    outputs = model(torch.from_numpy(inputs)).numpy()
print(outputs)
# Of each output by itself, as their units may differ.
size = np.abs(expected).max(axis=0)
difference = np.abs(outputs - expected).max(axis=0) / np.where(size > 0, size, 1)
print(f"Largest difference from the table: {difference.max():.2g} of an output's largest value")
