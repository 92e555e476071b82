"""What a config may say of networks of the user's own."""

import pytest
import yaml
from synthetic_study import retrained_table, selection_table, trials_table

from twostep.config.own_networks import COLUMNS, OF_FULLY_CONNECTED, OF_TEST
from twostep.config.resolve import resolve_config
from twostep.trials.space import count_configurations
from twostep.util.errors import UserError

MINIMAL = """
study: s
dataset: {files: data.nc, inputs: [{name: t}], outputs: [{name: y}]}
network: {file: network.py}
search:
  n_trials: 4
  space:
    hyperparameters: {channels: [8, 16], rate: {min: 0.1, max: 0.5}}
retrain: {top_k: 2}
"""


def config(**hyperparameters):
    loaded = yaml.safe_load(MINIMAL)
    if hyperparameters:
        loaded["search"]["space"]["hyperparameters"] = hyperparameters
    return loaded


def complaint(given) -> str:
    with pytest.raises(UserError) as caught:
        resolve_config(given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_space_has_what_describes_the_networks_and_nothing_else():
    resolved = resolve_config(config())
    space = resolved["search"]["space"]
    assert not set(OF_FULLY_CONNECTED) & set(space)
    assert space["hyperparameters"] == {
        "channels": [8, 16],
        "rate": {"min": 0.1, "max": 0.5, "log": False, "integer": False},
    }
    assert space["learning_rate"] == 0.001
    assert resolve_config(resolved) == resolved


def test_without_a_file_nothing_is_new_in_the_space():
    given = config()
    del given["network"], given["search"]["space"]
    resolved = resolve_config(given)
    assert "hyperparameters" not in resolved["search"]["space"]
    assert resolved["network"] == {"file": None}
    assert resolve_config(resolved) == resolved


def test_a_network_may_have_no_hyperparameters():
    given = config()
    given["search"]["space"] = {"learning_rate": {"min": 1e-3, "max": 1e-1}}
    assert resolve_config(given)["search"]["space"]["hyperparameters"] == {}


def test_numbers_have_the_type_that_is_written():
    text = "{a: 1e-3, b: [1e-3, 2.5E2], c: 3, d: true, e: {min: 2, max: 64, integer: true}, f: x}"
    space = resolve_config(config(**yaml.safe_load(text)))["search"]["space"]["hyperparameters"]
    assert space["a"] == 0.001 and space["b"] == [0.001, 250.0]
    assert isinstance(space["c"], int) and space["d"] is True and space["f"] == "x"
    assert [type(space["e"][end]) for end in ("min", "max")] == [int, int]


def test_the_configurations_of_a_space_are_counted():
    few = config(a=[1, 2, 3], b={"min": 1, "max": 4, "integer": True}, c="x")
    space = resolve_config(few)["search"]["space"]
    assert count_configurations(space) == 12
    assert count_configurations(resolve_config(config())["search"]["space"]) == float("inf")
    few["search"]["n_trials"] = 13
    assert "only 12 different configurations" in complaint(few)


@pytest.mark.parametrize("name", OF_FULLY_CONNECTED)
def test_what_describes_fully_connected_networks_is_refused(name):
    given = config()
    values = {"n_hidden_layers": {"min": 1, "max": 2}, "width": [8], "dropout": 0.1}
    given["search"]["space"][name] = values.get(name, "equal" if "pattern" in name else "relu")
    sentence = complaint(given)
    assert f"search.space.{name}" in sentence and "under search.space.hyperparameters" in sentence


def test_another_precision_than_float32_is_refused():
    given = config()
    given["search"]["precision"] = "bfloat16"
    assert "networks of your own train in float32 alone" in complaint(given)


def test_hyperparameters_without_a_file_are_refused():
    given = config()
    del given["network"]
    assert "network.file is null" in complaint(given)


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        ({"a": []}, ["hyperparameters.a"]),
        ({"a": [1, 1]}, ["a must not name 1 twice"]),
        ({"a": None}, ["hyperparameters.a must be", "not empty (null)"]),
        ({"a": {"min": 1}}, ["a.max is missing"]),
        ({"a": {"min": 1, "max": 2, "step": 1}}, ["a.step is not a known key"]),
        ({"a": {"min": 3, "max": 2}}, ["a: min (3)", "max (2)"]),
        ({"a": {"min": 0, "max": 2, "log": True}}, ["a: min is 0", "above 0"]),
        ({"a": {"min": -1, "max": 2, "log": True}}, ["a: min is -1", "above 0"]),
        ({"a": {"min": 0.5, "max": 2, "integer": True}}, ["whole numbers"]),
        ({"a": [1, True]}, ["a must hold values of one kind"]),
        ({"a": [1, "x"]}, ["a must hold values of one kind"]),
        ({"a": ["1e-3", 0.5, 0.001]}, ["a holds 0.001 twice"]),
        ({"a": "12"}, ["a has the text '12'", "without quotes"]),
        ({"a": ["x", "nan"]}, ["a has the text 'nan'"]),
        ({"a": float("nan")}, ["hyperparameters.a must be"]),
        ({"a": {"b": {}}}, ["a.b is not a known key"]),
        ({"a b": 1}, ["'a b' is no name"]),
        ({"learning_rate": 1}, ["learning_rate has the name of another column"]),
        ({"test_x": 1}, ["test_x has the name of another column"]),
    ],
)
def test_a_mistake_is_one_sentence(hyperparameters, words):
    sentence = complaint(config(**hyperparameters))
    assert all(word in sentence for word in words), sentence


def test_names_that_are_no_text_are_told():
    given = config()
    given["search"]["space"]["hyperparameters"] = {1: 2}
    assert "is no name" in complaint(given)


def test_no_column_of_the_tables_can_be_a_hyperparameter():
    trials = trials_table()
    retrained = retrained_table({"0.05": trials})
    tables = [trials, retrained, selection_table(retrained)]
    names = {name for table in tables for name in table if "[" not in name}
    allowed = {"n_hidden_layers", "activation", "dropout"}
    free = {name for name in names - allowed - COLUMNS if not name.startswith(OF_TEST)}
    assert not free
