"""Every transform, activation and optimizer is known wherever its name must be.

Adding one means: the schema, the exporters, the Fortran reader, the page on model.txt and the tests
of the exports learn it, too. A place that is forgotten fails here by its name.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import exported_model
import numpy as np
import pytest
import torch

from twostep.config.schema import load_schema
from twostep.config.sentences import list_keys
from twostep.data.transforms import TRANSFORMS
from twostep.export import onnx_functions, physical_network, text_format
from twostep.training.activations import IN_PLACE
from twostep.training.configuration import Configuration
from twostep.training.network import ACTIVATIONS, OUTPUT_ACTIVATIONS, build_network
from twostep.training.optimizers import OPTIMIZERS

REPOSITORY = Path(__file__).parents[2]
READER = (REPOSITORY / "examples/fortran/twostep_model.f90").read_text(encoding="utf-8")
FORMAT = (REPOSITORY / "docs/model_format.md").read_text(encoding="utf-8")
DEFAULT = (REPOSITORY / "config/config.yaml").read_text(encoding="utf-8")
ALL_ACTIVATIONS = (*ACTIVATIONS, *OUTPUT_ACTIVATIONS)
# These need no code where a value stays what it is.
UNCHANGED = {"none", "linear"}


def choices(path: str) -> set[str]:
    """Return the names that the schema allows for a key."""
    entry = dict(list_keys(load_schema()))[path]
    return set(entry.get("enum") or entry["anyOf"][0]["enum"])


def assert_knows(place: str, known: Iterable[str], wanted: Iterable[str]) -> None:
    """Fail with the file that lacks a name or has one too many."""
    assert set(known) == set(wanted), place


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
    assert_knows(f"{path} in workflow/schemas/config.schema.yaml", choices(path), names)


def test_the_trainer_knows_every_activation_in_place():
    modules = {**ACTIVATIONS, **OUTPUT_ACTIVATIONS}
    # The cross-entropy is computed from the sums before it.
    del modules["softmax"]
    known = [name for name, module in modules.items() if module in IN_PLACE]
    assert_knows("IN_PLACE in training/activations.py", known, modules)


def test_the_text_format_knows_every_activation():
    assert_knows("export/text_format.py", text_format.ACTIVATIONS, ALL_ACTIVATIONS)


def test_the_traced_formats_know_every_transform_and_its_inverse():
    for known in (physical_network.TRANSFORMS, physical_network.INVERSES):
        assert_knows("export/physical_network.py", known, TRANSFORMS)


def test_onnx_knows_every_transform_its_inverse_and_every_activation():
    for known in (onnx_functions.TRANSFORMS, onnx_functions.INVERSES):
        assert_knows("export/onnx_functions.py", known, TRANSFORMS)
    assert_knows("export/onnx_functions.py", onnx_functions.ACTIVATIONS, ALL_ACTIVATIONS)


def test_the_fortran_reader_knows_them_in_each_of_its_choices():
    """One choice applies a transform within its domain, the other inverts it."""
    place = "examples/fortran/twostep_model.f90"
    transforms = fortran_choices("transform")
    assert len(transforms) == 2
    for known in transforms:
        assert_knows(f"select case (transform) in {place}", known, set(TRANSFORMS) - UNCHANGED)
    (activations,) = fortran_choices("activation")
    wanted = set(ALL_ACTIVATIONS) - UNCHANGED
    assert_knows(f"select case (activation) in {place}", activations, wanted)
    # A name that is not in its list is refused.
    listed = re.search(r"layer%activation == \[.*?::(.*?)\]", READER, re.DOTALL)
    assert_knows(f"read_layer in {place}", re.findall(r"'(\w+)'", listed[1]), ALL_ACTIVATIONS)


def fortran_choices(kind: str) -> list[list[str]]:
    """Return the cases of each choice by a transform or an activation."""
    blocks = re.findall(rf"select case \((?:feature%)?{kind}\).*?end select", READER, re.DOTALL)
    return [re.findall(r"case \('(\w+)'\)", block) for block in blocks]


def test_the_page_on_the_text_format_explains_them():
    for name in (*TRANSFORMS, *ALL_ACTIVATIONS):
        assert f"`{name}`" in FORMAT, f"docs/model_format.md does not explain {name}"


@pytest.mark.parametrize("names", [ACTIVATIONS, OPTIMIZERS])
def test_the_comment_in_the_default_config_lists_them(names):
    assert f"list to draw from: {', '.join(names)}." in DEFAULT, "config/config.yaml"


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
