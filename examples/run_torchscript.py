"""Run an exported model as TorchScript, as FTorch and libtorch do.

    python examples/run_torchscript.py results/<study>/export/selected

Prints the outputs for the inputs of reference.csv, in physical units, and how far these are from
the outputs in that table.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

folder = Path(sys.argv[1])
extra_files = {"metadata.json": ""}
model = torch.jit.load(folder / "model.pt", _extra_files=extra_files)
metadata = json.loads(extra_files["metadata.json"])
n_inputs = len(json.loads(metadata["inputs"]))

table = np.loadtxt(folder / "reference.csv", delimiter=",", skiprows=1, ndmin=2)
inputs, expected = table[:, :n_inputs], table[:, n_inputs:]
with torch.inference_mode():
    outputs = model(torch.from_numpy(inputs)).numpy()
print(outputs)
print(f"Largest difference from the table: {np.abs(outputs - expected).max():.2g}")
