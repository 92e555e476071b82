"""The Fortran reader of exported models compiles without a warning and gives their outputs."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exported_model import (
    INPUTS,
    assert_same,
    compute_by_hand,
    export,
    physical_inputs,
    predict,
    save_made_up,
)

from twostep.network import ACTIVATIONS

SOURCES = Path(__file__).parents[2] / "examples" / "fortran"
# Beside the strictest warnings: what climate models are compiled with to find their faults.
FLAGS = ["-std=f2008", "-Wall", "-Wextra", "-Werror", "-O2"]
TRAPS = ["-fcheck=all", "-ffpe-trap=invalid,zero,overflow"]
ALL_OUTPUTS = ["log10", "none", "log1p", "logit"]
KINDS = [
    *({"activation": name, "outputs": ALL_OUTPUTS} for name in ACTIVATIONS),
    {"activation": "tanh", "output_activation": "sigmoid"},
    {"inputs": INPUTS[1:2], "outputs": ["log10"], "hidden_widths": (40, 3, 40)},
]


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    """The example, compiled."""
    if shutil.which("gfortran") is None:
        pytest.fail("gfortran is missing: install the Debian package gfortran", pytrace=False)
    folder = tmp_path_factory.mktemp("fortran")
    sources = [SOURCES / name for name in ("twostep_model.f90", "run_model.f90")]
    command = ["gfortran", *FLAGS, *TRAPS, "-J", folder, "-o", folder / "run_model", *sources]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return folder / "run_model"


def run(program: Path, model: Path, table: Path) -> subprocess.CompletedProcess:
    return subprocess.run([program, model, table], capture_output=True, text=True)


def run_on(program: Path, folder: Path, inputs: np.ndarray, n_outputs: int) -> np.ndarray:
    """Return the outputs of the exported model in a folder for inputs, (n_samples, n_inputs)."""
    table = folder / "table.csv"
    rows = np.column_stack([inputs, np.zeros((len(inputs), n_outputs))])
    np.savetxt(table, rows, delimiter=",", fmt="%.17g", header="names", comments="")
    process = run(program, folder / "model.txt", table)
    assert process.returncode == 0, process.stderr
    return np.array([line.split() for line in process.stdout.splitlines()], float)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values()))[:60])
def test_it_computes_what_the_weights_say(program, tmp_path, kind):
    model, manifest = save_made_up(tmp_path / "prepare", **kind)
    export(model, manifest, tmp_path)
    inputs = physical_inputs(inputs=kind.get("inputs", INPUTS))
    expected = compute_by_hand(model, inputs)
    assert_same(run_on(program, tmp_path, inputs, expected.shape[1]), expected)


def test_it_compares_with_the_reference_values(program, tmp_path):
    model, manifest = save_made_up(tmp_path / "prepare", outputs=["log10", "logit"])
    export(model, manifest, tmp_path)
    process = run(program, tmp_path / "model.txt", tmp_path / "reference.csv")
    assert process.returncode == 0, process.stderr
    assert len(process.stdout.splitlines()) == 32
    difference = float(process.stderr.split("Largest difference from the table:")[1])
    assert 0 <= difference < 1e-5


def test_outputs_are_nan_outside_the_domain_and_only_there(program, tmp_path):
    model, manifest = save_made_up(tmp_path / "prepare", outputs=ALL_OUTPUTS)
    export(model, manifest, tmp_path)
    inputs = np.repeat(physical_inputs(1), 10, axis=0)
    outside = [(0, np.nan), (0, 1e300), (3, np.inf), (1, 0.0), (1, -1.0), (2, -1.0), (2, -7.0)]
    outside += [(4, 0.0), (4, 1.0)]
    for row, (column, value) in enumerate(outside):
        inputs[row, column] = value
    outputs = run_on(program, tmp_path, inputs, 4)
    assert np.isnan(outputs[:9]).all() and np.isfinite(outputs[9]).all()
    np.testing.assert_array_equal(np.isnan(predict(model, inputs)), np.isnan(outputs))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("twostep_model 1", "twostep_model 2", "this reader knows version 1 only"),
        ("transform log10", "transform log2", "unknown transform log2"),
        ("7 relu", "7 reloo", "unknown activation reloo"),
        ("layers 3", "layer 3", 'found "layer 3" where "layers" is due'),
        ("end", "", 'found "" where "end" is due'),
    ],
)
def test_a_file_that_it_does_not_understand_ends_with_a_sentence(
    program, tmp_path, old, new, sentence
):
    model, manifest = save_made_up(tmp_path / "prepare")
    export(model, manifest, tmp_path)
    text = (tmp_path / "model.txt").read_text()
    assert old in text
    (tmp_path / "model.txt").write_text(new.join(text.rsplit(old, 1)))
    process = run(program, tmp_path / "model.txt", tmp_path / "reference.csv")
    assert process.returncode != 0
    assert f"The model cannot be read: {sentence}" in process.stderr
