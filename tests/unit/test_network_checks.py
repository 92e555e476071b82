"""How networks of the user's own are drawn: sizes, constraints, a sentence for each mistake."""

import re
from pathlib import Path

import pytest
import yaml
from own_networks import MANIFEST, SOURCE, write_network

from twostep.config.resolve import resolve_config
from twostep.training.configuration import NetworkSize
from twostep.training.network_file import plan_network
from twostep.trials.configurations import read_networks, write_configurations
from twostep.trials.own_configurations import draw_own
from twostep.util.errors import UserError

SPACE = {
    "hyperparameters": {"width": [4, 8, 16], "share": {"min": 0.0, "max": 0.5}},
    "learning_rate": {"min": 1e-3, "max": 1e-1},
    "batch_size": 32,
    "optimizer": "adam",
    "weight_decay": 0.0,
}
NONE = {"max_parameters": None, "max_operations": None}
OF_BOTH = {"width": 4, "share": 0.1}


def draw(folder, n_trials=20, *, source=SOURCE, space=SPACE, constraints=NONE, n_needed=None):
    return draw_own(
        space,
        n_trials,
        plan_network(str(write_network(folder, source))),
        MANIFEST,
        seed=1,
        constraints=constraints,
        n_needed=n_trials if n_needed is None else n_needed,
    )


def test_sizes_are_counted_by_the_network_itself(tmp_path):
    configurations, sizes = draw(tmp_path)
    for configuration, size in zip(configurations, sizes, strict=True):
        width = dict(configuration.hyperparameters)["width"]
        # Dense layers with biases, and scale and shift of the batch normalisation.
        assert size == NetworkSize(4 * width + 2 * width + (width + 1) * 2, 3 * width + 2 * width)
    assert {dict(each.hyperparameters)["width"] for each in configurations} == {4, 8, 16}
    assert len(set(configurations)) == 20


def test_the_operations_of_a_convolution_are_counted(tmp_path):
    source = """from torch import nn

def build(hyperparameters, inputs, n_outputs):
    hyperparameters["width"], hyperparameters["share"]
    return nn.Sequential(
        nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 5, 2), nn.Flatten(), nn.Linear(10, n_outputs)
    )
"""
    _, sizes = draw(tmp_path, 1, source=source)
    # Five channels at two places of two inputs each; then 10 x 2.
    assert sizes == [NetworkSize(5 * 3 + 22, 5 * 2 * 2 + 20)]


def test_the_list_is_prefix_stable_and_does_not_depend_on_the_code(tmp_path):
    few, _ = draw(tmp_path, 5)
    many, _ = draw(tmp_path, 12, source=SOURCE.replace("Tanh", "ReLU"))
    assert many[:5] == few


def test_a_small_space_is_drawn_without_repetitions(tmp_path):
    space = SPACE | {
        "hyperparameters": {"width": {"min": 4, "max": 7, "integer": True}, "share": [0.0, 0.1]},
        "learning_rate": 0.01,
    }
    configurations, _ = draw(tmp_path, 8, space=space)
    assert len(set(configurations)) == 8


def test_constraints_hold_for_all(tmp_path):
    limits = {"max_parameters": 66, "max_operations": None}
    _, sizes = draw(tmp_path, constraints=limits)
    assert max(size.n_parameters for size in sizes) == 66
    _, sizes = draw(tmp_path, constraints={"max_parameters": None, "max_operations": 20})
    assert {size.n_operations for size in sizes} == {20}
    with pytest.raises(UserError, match=r"search.constraints leaves too few.*0 were found"):
        draw(tmp_path, constraints={"max_parameters": 5, "max_operations": None})


def test_the_list_comes_back_from_its_file_with_the_sizes(tmp_path):
    configurations, sizes = draw(tmp_path)
    write_configurations(tmp_path / "list.jsonl", configurations, sizes)
    found = read_networks(tmp_path / "list.jsonl", range(3, 9))
    assert found == list(zip(configurations, sizes, strict=True))[3:9]


def test_entries_that_were_left_out_are_told(tmp_path, caplog):
    lost = {**MANIFEST, "variables": {**MANIFEST["variables"], "t": {"shape": [5]}}}
    draw_own(
        SPACE,
        3,
        plan_network(str(write_network(tmp_path))),
        lost,
        seed=1,
        constraints=NONE,
        n_needed=3,
    )
    assert any("`t` has lost entries" in each and "(2,)" in each for each in caplog.messages)


def changed(old: str, new: str) -> str:
    assert old in SOURCE
    return SOURCE.replace(old, new)


def returning(expression: str, before: str = "") -> str:
    """Return a file whose network is an expression; it reads both hyperparameters."""
    return f"""import random

import numpy as np
import torch
from torch import nn

{before}

def build(hyperparameters, inputs, n_outputs):
    hyperparameters["width"], hyperparameters["share"]
    return {expression}
"""


def module(forward: str, layer: str = "nn.Linear(3, 2)") -> str:
    """Return a file with a network of one layer whose `forward` returns an expression."""
    return returning(
        "Own()",
        f"""
class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = {layer}

    def forward(self, x):
        return {forward}
""",
    )


MISTAKES = {
    "import": ("import nowhere\n", ["cannot be imported", "ModuleNotFoundError", "(line 1 of"]),
    "at import": ("x = 1\n1 / 0\n", ["cannot be imported", "ZeroDivisionError", "(line 2 of"]),
    "exit": ("import sys\nsys.exit(3)\n", ["cannot be imported", "SystemExit"]),
    "no build": ("x = 1\n", ["no function `build`", "build(hyperparameters, inputs, n_outputs)"]),
    "arguments": (
        "def build(hyperparameters):\n    pass\n",
        ["raises an error", "TypeError", "positional argument"],
    ),
    "raises": (
        returning("no_such_name"),
        ["with share: ", "width: ", "raises an error: NameError", "no_such_name", "(line 11 of"],
    ),
    "exits": (returning("exit()"), ["raises an error: SystemExit"]),
    "no module": (returning("3"), ["returns int", "must return a torch.nn.Module"]),
    "no parameters": (returning("nn.Flatten()"), ["without learnable parameters"]),
    "frozen": (
        returning("nn.Linear(3, n_outputs).requires_grad_(False)"),
        ["without learnable parameters"],
    ),
    "lazy": (returning("nn.LazyLinear(n_outputs)"), ["lazy modules"]),
    "number of inputs": (
        returning("nn.Linear(4, n_outputs)"),
        ["fails for inputs of (3, 3)", "RuntimeError", "3x3 and 4x2"],
    ),
    "shape": (returning("nn.Linear(3, 1)"), ["maps (3, 3) to (3, 1)", "must be (3, 2)"]),
    "squeezed": (module("self.layer(x).squeeze()"), ["maps (1, 3) to (2,)", "must be (1, 2)"]),
    "tuple": (module("(self.layer(x), 1)"), ["returns tuple, not a tensor"]),
    "double outputs": (module("self.layer(x).double()"), ["outputs of torch.float64", "float32"]),
    "double parameters": (
        module("self.layer(x.double()).float()", "nn.Linear(3, 2).double()"),
        ["parameters of torch.float64", "float32"],
    ),
    "another each time": (
        module("self.layer(x) + self.shift").replace(
            "self.layer = ", "self.shift = random.random()\n        self.layer = "
        ),
        ["another network each time", "torch alone"],
    ),
    "noise": (
        module("self.layer(x) + torch.rand(1)"),
        ["outputs differ each time in evaluation mode"],
    ),
    "numpy": (
        module("torch.from_numpy(self.layer(x).detach().numpy())"),
        ["do not depend on its parameters", "operations must be those of torch"],
    ),
    "training alone": (
        module("self.layer(x) if not self.training else 1 / 0"),
        ["fails in training mode", "ZeroDivisionError"],
    ),
    "unknown hyperparameter": (
        changed('["share"]', '["dropout"]'),
        ["reads the hyperparameter 'dropout'", "it has share, width"],
    ),
    "ignored hyperparameter": (
        changed('hyperparameters["share"]', "0.1"),
        ["hyperparameters.share has no effect", "never reads it"],
    ),
    "state": (
        returning(
            "Own()",
            """
class Own(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)

    def get_extra_state(self):
        return {"x": 1}

    def set_extra_state(self, state):
        pass
""",
        ),
        ["state_dict holds more than tensors"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_faulty_file_is_one_sentence(tmp_path, mistake):
    source, words = MISTAKES[mistake]
    with pytest.raises(UserError) as caught:
        draw(tmp_path, source=source)
    sentence = str(caught.value)
    assert "network.py" in sentence
    assert all(word in sentence for word in words), sentence


def test_a_hyperparameter_that_only_some_networks_use_is_none_that_is_ignored(tmp_path):
    source = changed('hyperparameters["share"]', 'hyperparameters["share"] if width > 4 else 0.0')
    assert len(draw(tmp_path, source=source)[0]) == 20


def test_hyperparameters_may_be_looked_at_as_a_mapping(tmp_path):
    source = """from torch import nn

def build(hyperparameters, inputs, n_outputs):
    return make(n_outputs, **hyperparameters)

def make(n_outputs, width, share):
    return nn.Linear(3, n_outputs)
"""
    assert len(draw(tmp_path, source=source)[0]) == 20


def test_outputs_that_are_not_finite_are_no_mistake_because_such_a_trial_diverges(tmp_path):
    assert len(draw(tmp_path, 3, source=module("self.layer(x) * float('nan')"))[0]) == 3


def test_the_example_of_the_docs_is_accepted(tmp_path):
    text = (Path(__file__).parents[2] / "docs/networks.md").read_text(encoding="utf-8")
    source, *_ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    config, hyperparameters = (
        yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    )
    space = SPACE | {"hyperparameters": config["search"]["space"]["hyperparameters"]}
    assert len(draw(tmp_path, 10, source=source, space=space)[0]) == 10
    # The other block is as the schema wants it.
    data = {"inputs": [{"name": "t"}], "outputs": [{"name": "y"}], "files": "data.nc"}
    config |= {"study": "s", "dataset": data}
    config["search"]["space"] |= hyperparameters
    resolved = resolve_config(config)["search"]["space"]["hyperparameters"]
    assert set(resolved) == {"kernel", "norm", "dropout", "channels"}
