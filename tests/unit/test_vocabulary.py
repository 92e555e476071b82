"""Every transform, activation and optimizer is known wherever its name must be.

Adding one means: the schema, the exporters, the Fortran reader, the page on model.txt and the tests
of the exports learn it, too. A place that is forgotten fails here by its name.
"""

import re
from pathlib import Path

import exported_model
import numpy as np
import pytest
import torch

from twostep.config.resolve import load_schema
from twostep.config.sentences import list_keys
from twostep.data.transforms import TRANSFORMS
from twostep.export import onnx_functions, text_format, torchscript_format
from twostep.training.activations import IN_PLACE
from twostep.training.configuration import Configuration
from twostep.training.network import ACTIVATIONS, OUTPUT_ACTIVATIONS, build_network
from twostep.training.optimizers import OPTIMIZERS

REPOSITORY = Path(__file__).parents[2]
READER = (REPOSITORY / "examples/fortran/twostep_model.f90").read_text(encoding="utf-8")
FORMAT = (REPOSITORY / "docs/model_format.md").read_text(encoding="utf-8")
# These need no code where a value stays what it is.
UNCHANGED = {"none", "linear"}


def choices(path: str) -> set[str]:
    """Return the names that the schema allows for a key."""
    entry = dict(list_keys(load_schema()))[path]
    return set(entry.get("enum") or entry["anyOf"][0]["enum"])


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("search.space.activation", ACTIVATIONS),
        ("search.space.optimizer", OPTIMIZERS),
        ("training.output_activation", OUTPUT_ACTIVATIONS),
        ("dataset.inputs[].transform", TRANSFORMS),
        ("dataset.outputs[].transform", TRANSFORMS),
    ],
)
def test_the_schema_knows_them(path, names):
    assert choices(path) == set(names)


def test_the_trainer_knows_every_activation_in_place():
    modules = {**ACTIVATIONS, **OUTPUT_ACTIVATIONS}
    assert {name for name, module in modules.items() if module not in IN_PLACE} == set()


def test_the_text_format_knows_every_activation():
    assert set(text_format.ACTIVATIONS) == {*ACTIVATIONS, *OUTPUT_ACTIVATIONS}


def test_torchscript_knows_every_transform_and_its_inverse():
    assert set(torchscript_format.TRANSFORMS) == set(TRANSFORMS)
    assert set(torchscript_format.INVERSES) == set(TRANSFORMS)


def test_onnx_knows_every_transform_its_inverse_and_every_activation():
    assert set(onnx_functions.TRANSFORMS) == set(TRANSFORMS)
    assert set(onnx_functions.INVERSES) == set(TRANSFORMS)
    assert set(onnx_functions.ACTIVATIONS) == {*ACTIVATIONS, *OUTPUT_ACTIVATIONS}


def test_the_fortran_reader_knows_them_in_each_of_its_choices():
    """Two choices apply or invert a transform, a third one tells where it overflows."""
    chosen = [
        set(re.findall(r"case \('(\w+)'\)", block))
        for block in re.findall(
            r"select case \((?:transform|activation)\).*?end select", READER, re.S
        )
    ]
    transforms, activations = set(TRANSFORMS) - UNCHANGED, {*ACTIVATIONS, *OUTPUT_ACTIVATIONS}
    assert sorted(map(sorted, chosen)) == sorted(
        map(sorted, [transforms, transforms, transforms, activations - UNCHANGED])
    )


def test_the_page_on_the_text_format_explains_them():
    for name in (*TRANSFORMS, *ACTIVATIONS, *OUTPUT_ACTIVATIONS):
        assert f"`{name}`" in FORMAT, name


def test_the_tests_of_the_exports_try_every_transform():
    assert {feature["transform"] for feature in exported_model.INPUTS} == set(TRANSFORMS)
    assert set(exported_model.OUTPUTS) == set(TRANSFORMS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_oracle_of_the_exports_computes_every_activation(name):
    """By hand and by torch: of one layer with one unit."""
    x = np.linspace(-3, 3, 13)
    configuration = Configuration((1,), 1e-3, 1, name, "adam", 0.0, 0.0)
    activation = build_network(configuration, 1, 1, "linear")[1]
    expected = activation(torch.from_numpy(x)).numpy()
    assert exported_model.activate(name, x) == pytest.approx(expected, abs=1e-12)
