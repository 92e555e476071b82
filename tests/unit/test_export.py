"""Exported models of all kinds give the trained network's outputs, and say what they are."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exported_model import (
    IMAGE,
    INPUTS,
    NAMES,
    WITH_UNSCALED,
    assert_same,
    compute_by_hand,
    export,
    physical_inputs,
    predict,
    save_made_up,
)

from twostep.data.transforms import standardise, to_physical
from twostep.export import export as exporting
from twostep.export.export import largest_difference
from twostep.export.text_format import read_text_model
from twostep.model.model import load_model
from twostep.training.network import ACTIVATIONS
from twostep.util.errors import UserError

# torch prefers formats of its own now.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

REPOSITORY = Path(__file__).parents[2]
ALL_OUTPUTS = ["log10", "none", "log1p", "logit"]


def load_onnx(folder):
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return lambda inputs: session.run(["outputs"], {"inputs": inputs})[0]


def load_pt2(folder):
    module = torch.export.load(folder / "model.pt2").module()
    return lambda inputs: module(torch.from_numpy(inputs)).numpy()


def load_torchscript(folder):
    module = torch.jit.load(folder / "model.pt")
    return lambda inputs: module(torch.from_numpy(inputs)).numpy()


def load_text(folder):
    return read_text_model(folder / "model.txt").predict


LOADS = {"onnx": load_onnx, "pt2": load_pt2, "torchscript": load_torchscript, "text": load_text}
KINDS = [
    *({"activation": name, "outputs": ALL_OUTPUTS} for name in ACTIVATIONS),
    {"activation": "tanh", "output_activation": "sigmoid"},
    {"output_activation": "softmax", "outputs": ["none"] * 3},
    {"activation": "silu", "output_activation": "sigmoid", "outputs": ALL_OUTPUTS},
    WITH_UNSCALED,
    IMAGE,
    # Nothing to gather: a single transform, and a network without dropout.
    {"inputs": INPUTS[1:2], "outputs": ["log10"], "dropout": 0.0, "hidden_widths": (5,)},
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model with every transform, its path and the folder that it was exported to."""
    folder = tmp_path_factory.mktemp("exported")
    model, manifest = save_made_up(folder / "prepare", outputs=ALL_OUTPUTS)
    export(model, manifest, folder)
    return model, folder


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind.values()))[:60])
def test_each_format_computes_what_the_weights_say(tmp_path, kind):
    model, manifest = save_made_up(tmp_path / "prepare", **kind)
    differences = export(model, manifest, tmp_path)
    assert differences.keys() == LOADS.keys() and max(differences.values()) <= 1e-5
    inputs = physical_inputs(inputs=kind.get("inputs", INPUTS))
    expected = compute_by_hand(model, inputs)
    assert_same(predict(model, inputs), expected)
    for load in LOADS.values():
        run = load(tmp_path)
        assert_same(run(inputs), expected)
        # Any number of samples, each by itself.
        assert_same(np.vstack([run(inputs[i : i + 1]) for i in range(20)]), expected[:20])


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_outputs_are_nan_outside_the_domain_and_only_there(exported, load):
    model, folder = exported
    inputs = np.repeat(physical_inputs(1), 9, axis=0)
    outside = [(0, np.nan), (0, np.inf), (1, 0.0), (1, -1.0), (2, -1.0), (4, 0.0), (4, 1.0)]
    for row, (column, value) in enumerate([*outside, (0, 1e300)]):
        inputs[row, column] = value
    outputs = load(folder)(inputs)
    assert np.isnan(outputs[:8]).all() and np.isfinite(outputs[8]).all()
    np.testing.assert_array_equal(np.isnan(predict(model, inputs)), np.isnan(outputs))


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_tiny_values_keep_their_digits(tmp_path, load):
    """log1p and its inverse near 0, a logit near its ends: where naive formulas lose digits."""
    inputs = [
        {"name": "x", "units": "1", "transform": "log1p", "mean": 1e-13, "std": 1e-13},
        {"name": "y", "units": "1", "transform": "logit", "mean": -30.0, "std": 5.0},
    ]
    model, manifest = save_made_up(tmp_path / "prepare", inputs=inputs, outputs=["log1p", "logit"])
    content = torch.load(model, weights_only=True)
    content["outputs"][0] |= {"mean": 0.0, "std": 1e-13}
    content["outputs"][1] |= {"mean": -30.0, "std": 1.0}
    torch.save(content, model)
    export(model, manifest, tmp_path)
    values = np.column_stack([np.linspace(1e-14, 3e-13, 50), np.logspace(-18, -8, 50)])
    outputs, expected = load(tmp_path)(values), predict(model, values)
    assert_same(outputs, expected)
    assert 0 < np.abs(expected).max() < 1e-10 and len(np.unique(outputs[:, 0])) == 50


def test_metadata_name_the_inputs_and_the_origin(exported):
    model, folder = exported
    content = torch.load(model, weights_only=True)
    digest = hashlib.sha256(b"".join(x.numpy().tobytes() for x in content["weights"].values()))
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    extra, extra_of_pt2 = {"metadata.json": ""}, {"metadata.json": ""}
    torch.jit.load(folder / "model.pt", _extra_files=extra)
    torch.export.load(folder / "model.pt2", extra_files=extra_of_pt2)
    text = read_text_model(folder / "model.txt")
    onnx_metadata = session.get_modelmeta().custom_metadata_map
    for metadata in (onnx_metadata, json.loads(extra["metadata.json"]), text.metadata):
        assert metadata["study"] == "made_up"
        assert (metadata["trial"], metadata["seed"]) == ("17", "3")
        assert metadata["data"] == content["data_hash"]
        assert metadata["weights_sha256"] == digest.hexdigest()
        assert f"torch {torch.__version__}" in metadata["exported_with"]
    assert json.loads(extra["metadata.json"]) == onnx_metadata
    assert json.loads(extra_of_pt2["metadata.json"]) == onnx_metadata
    num = json.loads(onnx_metadata["inputs"])[1]
    assert (num["name"], num["unit"], num["transform"]) == ("num[a]", "cm-3", "log10")
    assert (num["min"], num["max"], num["mean"], num["std"]) == (0.25, 3.5, 2.5, 0.9)
    names = [output["name"] for output in json.loads(onnx_metadata["outputs"])]
    assert names == ["rate", "fn", "snow", "share"]
    # In the text they are lines of their own.
    kept = ("name", "units", "transform", "min", "max", "mean", "std")
    assert [text.inputs[1][key] for key in kept] == [content["inputs"][1][key] for key in kept]
    assert text.inputs[1]["long_name"] == "a quantity"
    shapes = {value.name: value.shape for value in (*session.get_inputs(), *session.get_outputs())}
    assert shapes == {"inputs": ["n_samples", 5], "outputs": ["n_samples", 4]}


def test_the_onnx_graph_needs_no_recent_runtime(exported):
    graph = onnx.load(exported[1] / "model.onnx")
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", 17)]
    assert graph.ir_version == 8
    assert "Dropout" not in {node.op_type for node in graph.graph.node}


def test_the_same_model_gives_the_same_bytes(exported, tmp_path):
    """Of another process, as every export of the workflow is one."""
    model, _ = exported
    program = "from exported_model import *; import sys; export(*map(Path, sys.argv[1:]))"
    folders = [tmp_path / "one", tmp_path / "another"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, model, model.parent / "manifest.json", folder],
            env={**os.environ, "PYTHONPATH": f"{REPOSITORY}/workflow/scripts:{REPOSITORY}/tests"},
        )
        for folder in folders
    ]
    assert [process.wait() for process in processes] == [0, 0]
    contents = [
        {name: (folder / name).read_bytes() for name in NAMES.values()} for folder in folders
    ]
    assert contents[0] == contents[1]
    assert str(REPOSITORY).encode() not in b"".join(contents[0].values())


def test_reference_values_are_test_rows_with_the_networks_outputs(exported):
    model, folder = exported
    with (folder / "reference.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [*(feature["name"] for feature in INPUTS), "rate", "fn", "snow", "share"]
    table = np.array(rows, float)
    assert len(table) == 32
    np.testing.assert_array_equal(table[:, 5:], predict(model, table[:, :5])[:32])
    scaled = np.load(model.parent / "test_inputs.npy")[:32, 0].astype(float)
    np.testing.assert_array_equal(table[:, 0], scaled * 17.0 + 280.0)


def test_a_format_that_differs_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    model, manifest = save_made_up(tmp_path / "prepare")
    monkeypatch.setattr(exporting, "TOLERANCE", 1e-12)
    monkeypatch.setattr(exporting, "ROUNDING_ERRORS", 0)
    with pytest.raises(UserError, match=r"as ONNX it differs from the trained network by .*e-0\d"):
        export(model, manifest, tmp_path / "export")
    assert list((tmp_path / "export").iterdir()) == []


def test_formats_may_differ_by_what_single_precision_makes(tmp_path, monkeypatch):
    """As where large inputs are not scaled: small differences of large numbers."""
    kind = {"hidden_widths": (2,), "dropout": 0.0}
    path, manifest = save_made_up(tmp_path / "prepare", **kind)
    rows = exporting.read_checked_rows(str(manifest), load_model(path))
    assert 0 < rows.rounding < 1e-6 and rows.tolerance == exporting.TOLERANCE
    content = torch.load(path, weights_only=True)
    first, biases, last, _ = content["weights"].values()
    biases += 1e5
    first[1] = first[0] + 0.3
    last[0] = torch.tensor([1.0, -1.0])
    torch.save(content, path)
    rows = exporting.read_checked_rows(str(manifest), load_model(path))
    assert rows.tolerance == exporting.ROUNDING_ERRORS * rows.rounding > 100 * exporting.TOLERANCE
    # By how much they do depends on the machine.
    differences = {"onnx": 2 * rows.rounding, "pt2": 0.0, "torchscript": 0.0, "text": 0.0}
    monkeypatch.setattr(exporting, "measure_differences", lambda *_: differences)
    assert export(path, manifest, tmp_path / "export") == differences
    differences["onnx"] *= 2
    with pytest.raises(UserError, match="as ONNX it differs"):
        export(path, manifest, tmp_path / "export")
    # A network that overflows says nothing of rounding.
    assert replace(rows, rounding=np.inf).tolerance == exporting.TOLERANCE


def test_a_trial_without_weights_is_refused(tmp_path):
    model, manifest = save_made_up(tmp_path / "prepare", has_weights=False)
    with pytest.raises(UserError, match="holds no weights: killed by SIGKILL 2 times"):
        export(model, manifest, tmp_path / "export")


def test_differences_are_relative_to_the_larger_of_value_and_scale():
    expected = np.array([[10.0, 0.1], [20.0, 0.2]])
    scale = np.array([5.0, 0.4])
    off = np.array([[0.1, 0.0], [0.0, 0.02]])
    assert largest_difference(expected + off, expected, scale) == pytest.approx(0.02 / 0.4)
    off[1, 1] = 0.0
    assert largest_difference(expected - off, expected, scale) == pytest.approx(0.1 / 10)
    assert largest_difference(expected, expected, 0 * scale) == 0.0
    assert largest_difference(expected[:, :1], expected, scale) == np.inf


def test_a_difference_is_measured_by_what_the_networks_output_is_worth(tmp_path):
    """The last digits of single precision are many of 10**y, where y varies over decades."""
    path, manifest = save_made_up(tmp_path / "prepare", outputs=["log10", "none"])
    model = load_model(path)
    model.outputs[0]["std"] = 3.0
    # Such that it says more than the true values.
    model.network[-2].bias.data += 2
    rows = exporting.read_checked_rows(str(manifest), model)
    scaled = model.predict_scaled(standardise(rows.inputs, model.inputs))
    np.testing.assert_array_equal(rows.predicted, model.predict(rows.inputs))
    # No transform: a unit of the network's output is worth its scaling.
    np.testing.assert_allclose(rows.scale[:, 1], model.outputs[1]["std"])
    off = to_physical(scaled + np.array([2e-6, 0.0]), model.outputs)
    assert (np.abs(off - rows.predicted)[:, 0] / rows.predicted[:, 0]).max() > 1.3e-5
    assert largest_difference(off, rows.predicted, rows.scale) == pytest.approx(2e-6, rel=0.01)
    assert largest_difference(10 * off, rows.predicted, rows.scale) > 1.0


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (np.nan, np.nan, 0.0),
        (np.inf, np.inf, 0.0),
        (np.inf, -np.inf, np.inf),
        (np.nan, 1.0, np.inf),
        (1.0, np.nan, np.inf),
        (1.0, np.inf, np.inf),
    ],
)
def test_what_is_not_finite_must_be_so_in_both(one, other, difference):
    values, expected = (np.array([[1.0], [value]]) for value in (one, other))
    assert largest_difference(values, expected, np.array([1.0])) == difference


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("twostep_model 1", "twostep_model 2"),
        ("\nend\n", "\n"),
        ("relu", "reloo"),
        ("layer 5 12", "layer 5 11"),
        ("\nscaling ", "\nscale "),
    ],
)
def test_a_damaged_text_is_refused(exported, tmp_path, old, new):
    text = (exported[1] / "model.txt").read_text()
    assert old in text
    (tmp_path / "model.txt").write_text(text.replace(old, new, 1))
    with pytest.raises(UserError, match=r"model.txt is no whole model in the format"):
        read_text_model(tmp_path / "model.txt")


@pytest.mark.parametrize(
    ("program", "given"),
    [("run_onnx.py", "."), ("run_torch.py", "model.pt2"), ("run_torch.py", "model.pt")],
)
def test_the_examples_run(exported, program, given):
    process = subprocess.run(
        [sys.executable, REPOSITORY / "examples" / program, exported[1] / given],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    difference = process.stdout.split("Largest difference from the table: ")[1].split()[0]
    assert 0 <= float(difference) < 1e-5
    # Such as that TorchScript is deprecated.
    assert not process.stderr
