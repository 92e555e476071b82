"""The Fortran reader of exported models compiles without a warning and gives their outputs."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from exported_model import (
    IMAGE,
    INPUTS,
    WITH_UNSCALED,
    assert_same,
    compute_by_hand,
    export,
    physical_inputs,
    predict,
    save_made_up,
)

from twostep.export.text_format import write_text_model
from twostep.model.model import load_model
from twostep.training.network import ACTIVATIONS

SOURCES = Path(__file__).parents[2] / "examples" / "fortran"
# Beside the strictest warnings: what climate models are compiled with to find their faults.
FLAGS = ["-std=f2008", "-Wall", "-Wextra", "-Werror", "-O2"]
TRAPS = ["-fcheck=all", "-ffpe-trap=invalid,zero,overflow"]
ALL_OUTPUTS = ["log10", "none", "log1p", "logit"]
KINDS = [
    *({"activation": name, "outputs": ALL_OUTPUTS} for name in ACTIVATIONS),
    {"activation": "tanh", "output_activation": "sigmoid"},
    {"output_activation": "softmax", "outputs": ["none"] * 3},
    {"inputs": INPUTS[1:2], "outputs": ["log10"], "hidden_widths": (40, 3, 40)},
    WITH_UNSCALED,
    IMAGE,
]


def compile_with(folder: Path, flags: list[str], main: Path = SOURCES / "run_model.f90") -> Path:
    """Compile the reader with a main program in a folder; return the executable."""
    if shutil.which("gfortran") is None:
        pytest.fail("gfortran is missing: install the Debian package gfortran", pytrace=False)
    sources = [SOURCES / "twostep_model.f90", main]
    command = ["gfortran", *FLAGS, *flags, "-J", folder, "-o", folder / "program", *sources]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return folder / "program"


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    """The example, compiled."""
    return compile_with(tmp_path_factory.mktemp("fortran"), TRAPS)


@pytest.fixture(scope="session")
def untrapped(tmp_path_factory) -> Path:
    """The example, compiled such that overflow within the network goes on."""
    return compile_with(tmp_path_factory.mktemp("fortran"), ["-fcheck=all"])


def run(program: Path, model: Path, table: Path) -> subprocess.CompletedProcess:
    return subprocess.run([program, model, table], capture_output=True, text=True)


def assert_one_sentence(process: subprocess.CompletedProcess, beginning: str) -> None:
    """Check that a program has failed with one line that begins so, and no backtrace."""
    assert process.returncode == 1
    assert process.stderr.startswith(beginning)
    assert len(process.stderr.splitlines()) == 1


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
    difference = float(process.stderr.split("Largest difference from the table:")[1].split()[0])
    assert 0 <= difference < 1e-5


def test_the_difference_is_relative_to_the_size_of_an_output(program, tmp_path):
    model, manifest = save_made_up(tmp_path / "prepare", outputs=["log10", "logit"])
    export(model, manifest, tmp_path)
    names, *rows = (tmp_path / "reference.csv").read_text().splitlines()
    values = np.array([row.split(",") for row in rows], float)
    # The table has the double of the first output: half of its largest value is the difference.
    values[:, -2] *= 2
    table = tmp_path / "doubled.csv"
    np.savetxt(table, values, delimiter=",", fmt="%.17g", header=names, comments="")
    process = run(program, tmp_path / "model.txt", table)
    assert "Largest difference from the table: 5.00E-01 of an output's" in process.stderr


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


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values()))[:60])
def test_overflow_in_the_network_gives_what_the_trained_one_does(untrapped, tmp_path, kind):
    """Large inputs overflow single precision, and what is not a number stays so."""
    if "inputs" in kind:
        kind = kind | {"inputs": INPUTS[:1]}
    model, _ = save_made_up(tmp_path / "prepare", **kind)
    content = torch.load(model, weights_only=True)
    # So much that every unit overflows: otherwise the order of summation would matter.
    content["weights"]["0.weight"][:, 0] *= 1000
    torch.save(content, model)
    write_text_model(tmp_path / "model.txt", load_model(model), {})
    inputs = physical_inputs(3, inputs=kind.get("inputs", INPUTS))
    inputs[:, 0] = [5e39, -5e39, 280.0]
    expected = predict(model, inputs)
    outputs = run_on(untrapped, tmp_path, inputs, expected.shape[1])
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)
    assert np.isfinite(outputs[2]).all()
    assert np.isnan(outputs[:2]).any() == (kind.get("activation") != "tanh")


@pytest.mark.parametrize(
    "kind",
    [
        {"activation": "silu"},
        {"activation": "tanh", "output_activation": "sigmoid"},
        {"activation": "tanh", "output_activation": "softmax", "outputs": ["none"] * 3},
        {"activation": "relu", "outputs": ["logit"]},
    ],
    ids=["silu", "sigmoid", "softmax", "logit"],
)
@pytest.mark.parametrize("bias", [-120.0, 120.0, -1000.0])
def test_saturation_raises_no_exception(program, tmp_path, kind, bias):
    model, manifest = save_made_up(tmp_path / "prepare", **kind)
    content = torch.load(model, weights_only=True)
    names = [name for name in content["weights"] if name.endswith("bias")]
    biases = content["weights"][names[0 if kind["activation"] == "silu" else -1]]
    # A softmax depends on differences.
    biases[: 1 if kind.get("output_activation") == "softmax" else None].fill_(bias)
    torch.save(content, model)
    export(model, manifest, tmp_path)
    inputs = physical_inputs(5)
    expected = predict(model, inputs)
    outputs = run_on(program, tmp_path, inputs, expected.shape[1])
    # Single precision has no digits left near its smallest number.
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-37)


SHAPES = """
program shapes
   use, intrinsic :: iso_fortran_env, only: real64
   use, intrinsic :: ieee_arithmetic, only: ieee_is_nan
   use twostep_model, only: load_model, model_type, predict
   implicit none
   type(model_type) :: model
   real(real64) :: inputs(9, 2)

   inputs = 0.5_real64
   call load_model('model.txt', model)
   print *, ieee_is_nan(predict(model, inputs(:4, :)))
   print *, ieee_is_nan(predict(model, inputs))
   print *, ieee_is_nan(predict(model, inputs(:5, :)))
end program shapes
"""


def test_another_number_of_inputs_gives_nan(tmp_path):
    model, manifest = save_made_up(tmp_path / "prepare")
    export(model, manifest, tmp_path)
    (tmp_path / "shapes.f90").write_text(SHAPES)
    program = compile_with(tmp_path, TRAPS, tmp_path / "shapes.f90")
    process = subprocess.run([program], capture_output=True, text=True, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == ["T", "T", "T", "T", "F", "F"]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("twostep_model 1", "twostep_model 2", "this reader knows version 1 only"),
        ("transform log10", "transform log2", "unknown transform log2"),
        ("7 relu", "7 reloo", "unknown activation reloo"),
        ("layers 3", "layer 3", 'found "layer 3" where "layers" is due'),
        ("end", "", 'found "" where "end" is due'),
        ("layers 3", "layers 3 4", "2 numbers on a line where 1 are due"),
        ("layers 3", "layers 2.5", "the number of layers is none"),
        ("layer 12 7", "layer 12", 'found "layer 12 relu" where units in, units out'),
        ("7 1 linear", "7 1 linear 2", 'found "layer 7 1 linear 2" where units in, units out'),
        ("layer 12 7", "layer 11 7", "13 numbers on a line where 12 are due"),
        ("layer 12 7", "layer 0 7", "a layer without units"),
        ("layer 7 1 ", "layer 7 2 ", "1 numbers on a line where 8 are due"),
        ("inputs 5", "inputs 4", 'found "name cloud" where "outputs" is due'),
        ("scaling 300.0 50.0", "scaling 300.0", "1 numbers on a line where 2 are due"),
        ("scaling 300.0 50.0", "scaling 300.0 2*5", 'found "300.0 2*5" where numbers are due'),
        ("scaling 300.0 50.0", "scaling 300.0 5-+", 'found "300.0 5-+" where numbers are due'),
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
    assert_one_sentence(process, f"The model cannot be read: {sentence}")


def test_a_missing_or_cut_file_ends_with_a_sentence(program, tmp_path):
    process = run(program, tmp_path / "model.txt", tmp_path / "reference.csv")
    assert_one_sentence(process, f"The model cannot be read: there is no file {tmp_path}/model.txt")
    model, manifest = save_made_up(tmp_path / "prepare")
    export(model, manifest, tmp_path)
    text = (tmp_path / "model.txt").read_text()
    # After each line, and within those that hold something.
    ends = np.cumsum([len(line) for line in text.splitlines(keepends=True)])
    for end in [0, *ends[:-1:4], *(ends[:-1:5] - 4)]:
        (tmp_path / "model.txt").write_text(text[:end])
        process = run(program, tmp_path / "model.txt", tmp_path / "reference.csv")
        assert_one_sentence(process, "The model cannot be read: ")


@pytest.mark.parametrize("added", [" 0.5", " x", "\n0.5"])
def test_more_on_a_line_of_weights_is_refused(program, tmp_path, added):
    model, manifest = save_made_up(tmp_path / "prepare")
    export(model, manifest, tmp_path)
    lines = (tmp_path / "model.txt").read_text().splitlines()
    lines[-2] += added
    (tmp_path / "model.txt").write_text("\n".join(lines) + "\n")
    process = run(program, tmp_path / "model.txt", tmp_path / "reference.csv")
    assert_one_sentence(process, "The model cannot be read: ")


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (None, "There is no table"),
        ("", "The table has no samples"),
        ("names\n", "The table has no samples"),
        ("names\n1,2\n", "The table must have the inputs and outputs of the model on each line"),
        ("names\nx\n", "The table must have the inputs and outputs of the model on each line"),
    ],
)
def test_a_table_that_it_does_not_understand_ends_with_a_sentence(
    program, tmp_path, table, sentence
):
    model, manifest = save_made_up(tmp_path / "prepare")
    export(model, manifest, tmp_path)
    path = tmp_path / "table.csv"
    if table is not None:
        path.write_text(table)
    process = run(program, tmp_path / "model.txt", path)
    assert_one_sentence(process, sentence)
    assert str(path) in process.stderr


def test_without_a_table_it_tells_its_usage(program):
    process = subprocess.run([program], capture_output=True, text=True)
    assert_one_sentence(process, "usage: run_model model.txt reference.csv")
