"""The config: defaults, one clear sentence for each mistake, and documentation that is true."""

import copy
import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from make_readme import README, markdown_row, readme_with_tables

from twostep.config.preflight import check_data
from twostep.config.resolve import resolve_config
from twostep.config.schema import load_schema
from twostep.config.sentences import list_keys
from twostep.data.sizes import fraction_name
from twostep.parcel.generate import MODES
from twostep.training.configuration import DEFAULTS
from twostep.trials.settings import FURTHER
from twostep.util.errors import UserError

REPOSITORY = Path(__file__).parents[2]
MINIMAL = {
    "study": "mine",
    "dataset": {
        "files": "data.nc",
        "inputs": [{"name": "tair"}, {"name": "rh"}],
        "outputs": [{"name": "fn"}],
    },
}
MISSING = object()


def changed(changes: dict) -> dict:
    """Return the minimal config with values set at dotted paths; MISSING takes a key out."""
    config = copy.deepcopy(MINIMAL)
    for path, value in changes.items():
        *parents, key = path.split(".")
        section = config
        for parent in parents:
            section = section.setdefault(parent, {})
        if value is MISSING:
            del section[key]
        else:
            section[key] = value
    return config


def complaint(config) -> str:
    """Return the sentence about a bad config, which must be fit to be read."""
    with pytest.raises(UserError) as caught:
        resolve_config(config)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert not re.search(r"[{}<>]|Traceback|ValidationError|OrderedDict|None\b|True\b", sentence)
    assert len(sentence) < 320
    return sentence


def test_ten_lines_are_enough_and_the_papers_values_are_the_defaults():
    resolved = resolve_config(MINIMAL)
    assert resolved["seed"] == 1
    assert resolved["dataset"] == {
        "files": "data.nc",
        "group": None,
        "sample_dimension": ["sample"],
        "inputs": [
            {"name": "tair", "transform": "none", "units": None, "scale": "standardise"},
            {"name": "rh", "transform": "none", "units": None, "scale": "standardise"},
        ],
        "outputs": [
            {"name": "fn", "transform": "none", "units": None, "weight": 1, "missing": "drop"}
        ],
        "sample_weight": None,
        "max_dropped": 0.05,
        "constant_features": "refuse",
    }
    assert resolved["training"] == {
        "loss": "mse",
        "huber_delta": 1,
        "output_activation": "sigmoid",
        "gpu": 0,
        "jobs_per_gpu": 1,
    }
    assert resolved["search"] == {
        "n_trials": 1000,
        "sampler": "random",
        "generation_size": 100,
        "precision": "float32",
        "enqueue": [],
        "fractions": [0.05],
        "shard_size": 20,
        "rungs": [],
        "max_failed": 0.2,
        "n_validation": 10000,
        "budget": {
            "max_epochs": 100,
            "max_updates": None,
            "patience_epochs": 5,
            "patience_updates": None,
        },
        "constraints": {"max_parameters": None, "max_operations": None},
        "space": {
            "n_hidden_layers": {"min": 1, "max": 20, "log": False},
            "width": [8, 16, 32, 64, 128, 256, 512, 1024, 2048],
            "width_pattern": "independent",
            "learning_rate": 0.001,
            "batch_size": 1024,
            "activation": "relu",
            "optimizer": "adam",
            "weight_decay": 0.0,
            "dropout": 0.0,
            "learning_rate_schedule": "constant",
            "warmup": 0.05,
            "momentum": 0.0,
            "beta1": 0.9,
            "beta2": 0.999,
            "max_gradient_norm": None,
        },
    }
    assert resolved["retrain"]["budget"] == {
        "max_epochs": 200,
        "max_updates": None,
        "patience_epochs": None,
        "patience_updates": None,
    }
    assert resolved["split"] == {
        "method": "random",
        "validation": 0.1,
        "test": 0.1,
        "variable": None,
        "n_blocks": 50,
    }


@pytest.mark.parametrize(
    ("loss", "activation"),
    [
        ("mse", "sigmoid"),
        ("mae", "sigmoid"),
        ("huber", "sigmoid"),
        ("binary_cross_entropy", "sigmoid"),
        ("cross_entropy", "softmax"),
    ],
)
def test_the_output_activation_follows_the_loss(loss, activation):
    resolved = resolve_config(changed({"training.loss": loss}))
    assert resolved["training"]["output_activation"] == activation
    assert resolve_config(resolved) == resolved
    given = changed({"training.loss": loss, "training.output_activation": None})
    assert resolve_config(given) == resolved


def test_the_given_config_is_left_alone_and_shares_nothing_with_the_result():
    config = copy.deepcopy(MINIMAL)
    resolved = resolve_config(config)
    assert config == MINIMAL
    resolved["dataset"]["inputs"][0]["name"] = "other"
    resolved["search"]["space"]["width"].append(1)
    resolved["generate"]["modes"].clear()
    assert config == MINIMAL
    assert resolve_config(config)["search"]["space"]["width"][-1] == 2048
    assert len(resolve_config(config)["generate"]["modes"]) == 4


def test_given_values_win_over_defaults_at_any_depth():
    resolved = resolve_config(
        changed({"search.space.n_hidden_layers": {"max": 4}, "search.budget.patience_epochs": None})
    )
    assert resolved["search"]["space"]["n_hidden_layers"] == {"min": 1, "max": 4, "log": False}
    assert resolved["search"]["budget"]["patience_epochs"] is None
    assert resolved["search"]["budget"]["max_epochs"] == 100


@pytest.mark.parametrize("schedule", ["one_cycle", ["constant", "linear"]])
def test_a_schedule_takes_the_default_patience_out_of_both_steps(schedule):
    resolved = resolve_config(changed({f"{SPACE}.learning_rate_schedule": schedule}))
    for step in ("search", "retrain"):
        budget = resolved[step]["budget"]
        assert (budget["patience_epochs"], budget["patience_updates"]) == (None, None)
    assert resolved["search"]["budget"]["max_epochs"] == 100
    assert resolve_config(resolved) == resolved
    # A constant rate alone leaves it.
    constant = resolve_config(changed({f"{SPACE}.learning_rate_schedule": ["constant"]}))
    assert constant["search"]["budget"]["patience_epochs"] == 5


def test_a_training_without_further_settings_has_the_defaults_of_the_space():
    """But for the warm-up, which only a schedule has."""
    space = resolve_config(MINIMAL)["search"]["space"]
    assert {name: space[name] for name in FURTHER} == {**DEFAULTS, "warmup": 0.05}


def test_the_order_of_keys_in_the_file_does_not_show():
    reversed_config = dict(reversed(MINIMAL.items()))
    assert json.dumps(resolve_config(reversed_config)) == json.dumps(resolve_config(MINIMAL))


def test_the_modes_are_those_of_the_generator():
    modes = load_schema()["properties"]["generate"]["properties"]["modes"]
    assert set(modes["items"]["enum"]) == set(MODES)


@pytest.mark.parametrize(
    ("name", "n_samples"),
    [
        ("config.yaml", 4000),
        ("flights.yaml", None),
        ("late.yaml", None),
        ("photos.yaml", None),
        ("words.yaml", None),
        ("paper.yaml", 4000),
        ("paper-modern.yaml", 16_000),
    ],
)
def test_the_shipped_configs_resolve(name, n_samples):
    config = yaml.safe_load((REPOSITORY / "config" / name).read_text())
    resolved = resolve_config(config)
    assert resolve_config(resolved) == resolved
    if n_samples is None:
        return
    n_training = resolved["generate"]["n_samples"] * (
        1 - resolved["split"]["validation"] - resolved["split"]["test"]
    )
    assert n_training * resolved["search"]["fractions"][0] == pytest.approx(n_samples)


def test_the_papers_config_holds_the_papers_settings():
    resolved = resolve_config(yaml.safe_load((REPOSITORY / "config" / "paper.yaml").read_text()))
    defaults = resolve_config(MINIMAL)
    assert resolved["search"]["n_trials"] == 10000
    assert resolved["retrain"]["top_k"] == 50
    for path in (("search", "space"), ("search", "budget"), ("retrain", "budget")):
        assert resolved[path[0]][path[1]] == defaults[path[0]][path[1]]


def test_numbers_that_yaml_takes_for_text_are_numbers():
    text = """
    study: mine
    dataset: {files: data.nc, inputs: [{name: tair}], outputs: [{name: fn}]}
    search:
      n_trials: 1e2
      fractions: [1e-5, "0.5", 1]
      space: {learning_rate: {min: 1e-5, max: 1E-2}, batch_size: [16.0, "32"], weight_decay: 0}
    """
    search = resolve_config(yaml.safe_load(text))["search"]
    assert search["n_trials"] == 100 and isinstance(search["n_trials"], int)
    assert search["fractions"] == [0.00001, 0.5, 1.0]
    assert search["space"]["learning_rate"] == {"min": 1e-5, "max": 1e-2, "log": True}
    # One number has one form, since a change of its text would otherwise rerun trials.
    assert json.dumps(search["space"]["batch_size"]) == "[16, 32]"
    assert json.dumps(search["space"]["weight_decay"]) == "0.0"


@pytest.mark.parametrize(
    ("fraction", "name"),
    [
        (0.05, "0.05"),
        (1, "1"),
        (1.0, "1"),
        (1e-5, "0.00001"),
        (0.00001, "0.00001"),
        (2.5e-5, "0.000025"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
    ],
)
def test_fraction_names(fraction, name):
    assert fraction_name(fraction) == name


@given(st.floats(min_value=1e-12, max_value=1))
def test_fraction_names_are_plain_decimals_that_keep_the_number(fraction):
    assert re.fullmatch(r"[0-9.]+", fraction_name(fraction))
    assert float(fraction_name(fraction)) == fraction


SPACE = "search.space"
GENERATED = ("tair", "pressure", "rh", "wbar", "num_aer", "r_aer", "kappa")


@pytest.mark.parametrize(
    ("changes", "fragments"),
    [
        # Unknown keys.
        ({"search.n_trails": 6}, ["search.n_trails is not", "mean search.n_trials?"]),
        ({"study": MISSING, "stduy": "x"}, ["stduy is not a known key", "did you mean study?"]),
        ({"retrian": {"top_k": 1}}, ["retrian is not", "did you mean retrain?"]),
        ({"search.top_k": 5}, ["search.top_k is not", "did you mean retrain.top_k?"]),
        ({"files": "x.nc"}, ["files is not", "did you mean dataset.files?"]),
        ({"seeds": 2}, ["seeds is not", "did you mean seed or retrain.seeds?"]),
        (
            {"search.max_epochs": 5},
            ["search.max_epochs", "mean search.budget.max_epochs or retrain.budget.max_epochs?"],
        ),
        ({f"{SPACE}.lr": 1}, ["search.space.lr is not", "known here:", "learning_rate"]),
        ({f"{SPACE}.WIDTH": [1]}, ["search.space.WIDTH", "did you mean search.space.width or"]),
        (
            {f"{SPACE}.learning_rate": {"min": 1e-4, "maxi": 1e-2}},
            ["search.space.learning_rate.maxi", "did you mean search.space.learning_rate.max?"],
        ),
        (
            {"dataset.inputs": [{"name": "a"}, {"name": "b", "trasform": "log10"}]},
            ["dataset.inputs, entry 2, trasform", "did you mean dataset.inputs, entry 2, trans"],
        ),
        (
            {"dataset.outputs": [{"name": "fn", "label": "1"}]},
            ["dataset.outputs, entry 1, label", "known here: name, transform"],
        ),
        ({"a\nb": 1}, ["a b is not a known key"]),
        # An unknown key explains a missing one better than the reverse.
        ({"dataset.outputs": MISSING, "dataset.output": []}, ["did you mean dataset.outputs?"]),
        # Missing keys.
        ({"study": MISSING}, ["study is missing", "text", "letters"]),
        ({"dataset": MISSING}, ["dataset is missing", "inputs, outputs"]),
        ({"dataset.inputs": MISSING}, ["dataset.inputs is missing", "name: tair"]),
        (
            {"dataset.inputs": [{"transform": "log10"}]},
            ["dataset.inputs, entry 1, name is missing"],
        ),
        ({f"{SPACE}.dropout": {"min": 0.1}}, ["search.space.dropout.max is missing", "below 1"]),
        ({f"{SPACE}.dropout": {}}, ["search.space.dropout.min is missing"]),
        # Types.
        ({"search.n_trials": "many"}, ["search.n_trials must be an integer", "not 'many'"]),
        ({"search.n_trials": 2.5}, ["search.n_trials must be an integer", "not 2.5"]),
        ({"search.n_trials": [1]}, ["search.n_trials must be an integer", "not a list"]),
        ({"search.n_trials": True}, ["search.n_trials must be", "not true", "yes"]),
        ({f"{SPACE}.dropout": False}, ["search.space.dropout must be a number", "false", "no"]),
        ({"search.n_trials": None}, ["search.n_trials", "empty (null)", "take the line out"]),
        ({"search.fractions": 0.05}, ["search.fractions must be a non-empty list", "not 0.05"]),
        ({"search.fractions": ["few"]}, ["search.fractions, entry 1", "not 'few'"]),
        ({"search.fractions": [float("nan")]}, ["search.fractions, entry 1", "number", "nan"]),
        ({f"{SPACE}.learning_rate": float("inf")}, ["learning_rate must be a number", "not inf"]),
        ({f"{SPACE}.learning_rate": 10**400}, ["learning_rate must be a number above 0"]),
        ({"search.n_trials": "1e400"}, ["search.n_trials must be an integer", "not '1e400'"]),
        ({"study": None}, ["study must be text", "not empty (null)"]),
        ({"study": 2023}, ["study must be text", "not 2023; put it in quotes"]),
        ({"dataset": None}, ["dataset must be a mapping", "empty (null)"]),
        ({"dataset": "data.nc"}, ["dataset must be a mapping", "not 'data.nc'"]),
        ({"search": 5}, ["search must be a mapping with the keys n_trials", "not 5"]),
        ({"retrain": None}, ["retrain must be a mapping", "take the line out to get the default"]),
        ({"search.budget": [1]}, ["search.budget must be a mapping", "not a list"]),
        ({"dataset.inputs": ["tair"]}, ["dataset.inputs, entry 1", "name: tair", "not 'tair'"]),
        ({"dataset.inputs": {"tair": "log10"}}, ["dataset.inputs must be a non-empty list"]),
        ({"dataset.inputs": [{"name": 5}]}, ["entry 1, name must be the name", "not 5; put it in"]),
        ({f"{SPACE}.n_hidden_layers": 3}, ["n_hidden_layers must be a mapping", "min, max"]),
        ({f"{SPACE}.width": 64}, ["search.space.width must be a non-empty list", "not 64"]),
        ({f"{SPACE}.batch_size": "all"}, ["batch_size must be an integer", "a list", "a mapping"]),
        ({f"{SPACE}.batch_size": {"min": 1}}, ["search.space.batch_size.max is missing"]),
        ({f"{SPACE}.learning_rate": "fast"}, ["learning_rate must be a number above 0, or a list"]),
        (
            {f"{SPACE}.width": {"min": 8, "max": 64, "log": "no"}},
            ["search.space.width.log must be true or false, not 'no'"],
        ),
        ({"search.constraints": {"max_parameters": 0.5}}, ["max_parameters must be an integer"]),
        # Ranges and choices.
        ({"search.n_trials": 0}, ["search.n_trials must be an integer from 1 to 1000000, not 0"]),
        ({"search.fractions": [1.5]}, ["search.fractions, entry 1", "at most 1", "not 1.5"]),
        (
            {"search.fractions": [0.1, 0]},
            ["search.fractions, entry 2", "above 0 and at most 1, not 0"],
        ),
        ({"seed": -1}, ["seed must be an integer of at least 0, not -1"]),
        ({f"{SPACE}.dropout": 1}, ["search.space.dropout", "below 1", "not 1"]),
        (
            {f"{SPACE}.learning_rate": {"min": 0, "max": 1}},
            ["search.space.learning_rate.min must be a number above 0, not 0"],
        ),
        ({f"{SPACE}.activation": "ReLU"}, ["one of relu", "not 'ReLU'", "did you mean relu?"]),
        ({"dataset.outputs": [{"name": "fn", "transform": "log"}]}, ["log10, log1p or logit?"]),
        ({f"{SPACE}.width_pattern": "taper"}, ["independent, equal, tapering", "mean tapering?"]),
        ({f"{SPACE}.optimizer": ["adm"]}, ["search.space.optimizer, entry 1", "mean adam?"]),
        (
            {"split.method": "block"},
            ["split.method must be one of random", "did you mean blocks?"],
        ),
        ({"training.output_activation": "Linear"}, ["did you mean linear?"]),
        ({"generate.modes": ["coarse", "aitkin"]}, ["generate.modes, entry 2", "mean aitken?"]),
        ({"select.cost": "params"}, ["select.cost must be one of parameters, operations"]),
        ({"training.loss": "rmse"}, ["training.loss must be one of mse", "did you mean mse?"]),
        ({"search.precision": "bf16"}, ["search.precision must be one of float32, bfloat16"]),
        (
            {"search.precision": "bfloat16", "training.gpu": 1},
            ["search.precision is bfloat16", "training.gpu is 1", "take one of them out"],
        ),
        ({"training.huber_delta": 0}, ["training.huber_delta must be a number above 0"]),
        (
            {"dataset.outputs": [{"name": "fn", "weight": 0}]},
            ["dataset.outputs, entry 1, weight must be a number above 0, not 0"],
        ),
        (
            {"dataset.outputs": [{"name": "fn", "missing": "masked"}]},
            ["entry 1, missing must be one of drop, mask", "did you mean mask?"],
        ),
        ({"dataset.sample_weight": 2}, ["dataset.sample_weight must be null, or the name of"]),
        # Lists.
        ({"dataset.inputs": []}, ["dataset.inputs must be a non-empty list", "an empty list"]),
        ({"dataset.files": []}, ["dataset.files must be null, or a path", "not an empty list"]),
        ({"dataset.files": ""}, ["dataset.files must be null, or a path", "not empty text"]),
        ({"dataset.files": ["a.nc", ""]}, ["dataset.files, entry 2 must be a path"]),
        ({"dataset.files": 5}, ["dataset.files must be null, or a path", "not 5"]),
        ({"search.fractions": []}, ["search.fractions must be a non-empty list"]),
        ({"search.fractions": ["1e-5", 0.00001]}, ["search.fractions", "twice", "1e-05"]),
        ({f"{SPACE}.width": [8, 16, 8.0]}, ["search.space.width", "twice", "8"]),
        ({f"{SPACE}.batch_size": [64, 64]}, ["search.space.batch_size", "twice", "64"]),
        ({f"{SPACE}.learning_rate": ["1e-3", 0.001]}, ["learning_rate", "twice", "0.001"]),
        ({f"{SPACE}.batch_size": []}, ["search.space.batch_size must be", "an empty list"]),
        ({f"{SPACE}.activation": ["relu", "relu"]}, ["search.space.activation", "'relu'"]),
        ({"generate.modes": ["coarse", "single"]}, ["generate.modes", "combine 'single'"]),
        ({"generate.modes": ["coarse", "coarse"]}, ["generate.modes", "twice", "'coarse'"]),
        # The study's name.
        ({"study": "../elsewhere"}, ["study must be", "begins with", "not '../elsewhere'"]),
        ({"study": ""}, ["study must be", "not empty text"]),
        ({"study": "a b"}, ["study must be", "not 'a b'"]),
        ({"study": "a\n"}, ["study must be", "not 'a\\n'"]),
        ({"study": ".hidden"}, ["study must be", "not '.hidden'"]),
        ({"study": "a/b"}, ["study must be", "not 'a/b'"]),
        ({"study": "größe"}, ["study must be", "not 'größe'"]),
        # Numbers that no float holds.
        ({"study": 10**5000}, ["study must be text", "not inf"]),
        ({"search.n_trials": 10**5000}, ["search.n_trials must be an integer from 1", "not inf"]),
        ({"seed": "1" * 5000}, ["seed must be an integer of at least 0", "..."]),
        ({f"{SPACE}.n_hidden_layers": {"max": 10**400}}, ["n_hidden_layers.max must", "not inf"]),
        ({f"{SPACE}.n_hidden_layers": {"min": -(10**400)}}, ["layers.min must", "not -inf"]),
        ({"retrain.top_k": 10**400}, ["retrain.top_k must be an integer from 1", "not inf"]),
        ({"study": "a" * 101}, ["study must be", "at most 100", "..."]),
        # Contradictions.
        (
            {"training.loss": "cross_entropy", "training.output_activation": "sigmoid"},
            ["output_activation is sigmoid, but training.loss = cross_entropy needs softmax"],
        ),
        (
            {"training.loss": "binary_cross_entropy", "training.output_activation": "linear"},
            ["is linear, but training.loss = binary_cross_entropy needs sigmoid"],
        ),
        (
            {"training.output_activation": "softmax"},
            ["is softmax, but training.loss = mse needs sigmoid or linear"],
        ),
        (
            {"training.huber_delta": 0.5, "training.loss": "mae"},
            ["training.huber_delta has no effect, because training.loss is mae"],
        ),
        (
            {
                "training.loss": "cross_entropy",
                "dataset.outputs": [{"name": "kind"}, {"name": "fn"}],
            },
            ["dataset.outputs has 2 entries, but training.loss = cross_entropy takes a single"],
        ),
        *(
            (
                {
                    "training.loss": "cross_entropy",
                    "dataset.outputs": [{"name": "kind", key: value}],
                },
                [f"entry 1, {key} is {value!r}, but training.loss = cross_entropy takes", because],
            )
            for key, value, because in (
                ("transform", "log10", "none alone, because classes have no transform"),
                ("weight", 2, "1 alone, because a single output has no other weight"),
                ("missing", "mask", "drop alone, because a sample without its class has no part"),
            )
        ),
        (
            {
                "training.loss": "cross_entropy",
                "dataset.files": None,
                "dataset.inputs": [{"name": "tair"}],
            },
            ["cross_entropy needs classes, but dataset.files is null"],
        ),
        (
            {
                "dataset.files": None,
                "dataset.inputs": [{"name": "tair"}],
                "dataset.sample_weight": "area",
            },
            ["dataset.sample_weight: the embedded parcel model", "no variable 'area'"],
        ),
        (
            {"dataset.files": None, "dataset.inputs": [{"name": "tair", "units": "K"}]},
            ["dataset.inputs, entry 1, units is 'K'", "has units of its own: take this key out"],
        ),
        (
            {"retrain.until.probability": 0.05, "retrain.controls": 5},
            ["retrain.controls is 5", "retrain.until needs at least 6 controls"],
        ),
        (
            {"retrain.until.probability": 0.05, "retrain.until.round_size": 7, "retrain.top_k": 8},
            ["retrain.until", "retrain.top_k, which is 8", "at least 8 finalists", "round_size"],
        ),
        # A single round.
        (
            {"retrain.until.probability": 0.05, "retrain.top_k": 10},
            [
                "retrain.top_k, which is 10",
                "retrain.until.round_size to 8 or more, and top_k above it",
            ],
        ),
        ({"retrain.until.probability": 0}, ["retrain.until.probability", "0"]),
        ({"retrain.top_k": 7, "search.n_trials": 6}, ["retrain.top_k is 7", "n_trials is only 6"]),
        (
            {
                "search.n_trials": 13,
                "retrain.top_k": 1,
                f"{SPACE}.n_hidden_layers": {"max": 2},
                f"{SPACE}.width": [4, 8, 16],
                f"{SPACE}.dropout": {"min": 0.1, "max": 0.1},
            },
            ["search.n_trials is 13", "search.space has only 12 different"],
        ),
        ({f"{SPACE}.n_hidden_layers": {"min": 3, "max": 2}}, ["n_hidden_layers: min (3)", "(2)"]),
        (
            {
                "search.n_trials": 10,
                "retrain.top_k": 1,
                f"{SPACE}.n_hidden_layers": {"max": 2},
                f"{SPACE}.width": {"min": 4, "max": 6},
                f"{SPACE}.width_pattern": ["equal", "tapering"],
            },
            ["search.n_trials is 10", "search.space has only 9 different"],
        ),
        ({f"{SPACE}.width": {"min": 9, "max": 8}}, ["width: min (9)", "max (8)"]),
        (
            {f"{SPACE}.weight_decay": {"min": 0, "max": 1}},
            ["search.space.weight_decay: min is 0", "above 0, or log: false"],
        ),
        ({f"{SPACE}.dropout": {"min": 0, "max": 0.5, "log": True}}, ["dropout: min is 0"]),
        (
            # 2 inputs, 8 units, 1 output, at least: files may have several of each.
            {"search.constraints": {"max_parameters": 32}},
            ["search.constraints.max_parameters is 32", "smallest network", "at least 33"],
        ),
        (
            {"search.constraints": {"max_operations": 23}},
            ["search.constraints.max_operations is 23", "at least 24 operations"],
        ),
        (
            # 16 inputs and 4 outputs, since the data are generated.
            {
                "dataset.files": MISSING,
                "dataset.inputs": [{"name": name} for name in GENERATED],
                "search.constraints": {"max_parameters": 171},
            },
            ["search.constraints.max_parameters is 171", "at least 172"],
        ),
        ({f"{SPACE}.dropout": {"min": 0.5, "max": 0.1}}, ["dropout: min (0.5)", "max (0.1)"]),
        (
            {"search.budget": {"max_epochs": None}},
            ["search.budget must limit max_epochs, max_updates or both"],
        ),
        ({"retrain.budget": {"max_epochs": None}}, ["retrain.budget must limit"]),
        (
            {
                f"{SPACE}.learning_rate_schedule": ["constant", "cosine"],
                "search.budget.patience_epochs": 5,
            },
            [
                "search.budget.patience_epochs is 5",
                "learning_rate_schedule has cosine",
                "take one of them out",
            ],
        ),
        (
            {
                f"{SPACE}.learning_rate_schedule": "linear",
                "retrain.budget": {"patience_updates": 100},
            },
            ["retrain.budget.patience_updates is 100", "has linear"],
        ),
        (
            {
                f"{SPACE}.learning_rate_schedule": "linear",
                "search.budget": {"max_epochs": None, "max_updates": None},
            },
            ["search.budget must limit max_epochs, max_updates or both"],
        ),
        (
            {f"{SPACE}.momentum": 0.9},
            ["momentum has no effect", "optimizer does not have sgd: take it out, or add sgd"],
        ),
        (
            {f"{SPACE}.optimizer": ["sgd", "rmsprop"], f"{SPACE}.beta2": {"min": 0.9, "max": 0.99}},
            ["beta2 has no effect", "add adam or adamw"],
        ),
        (
            {f"{SPACE}.learning_rate_schedule": "cosine", f"{SPACE}.warmup": 0.1},
            ["warmup has no effect", "learning_rate_schedule does not have one_cycle"],
        ),
        (
            {f"{SPACE}.optimizer": "sgd", f"{SPACE}.momentum": {"min": 0.9, "max": 0.1}},
            ["search.space.momentum: min (0.9)", "max (0.1)"],
        ),
        (
            {f"{SPACE}.max_gradient_norm": 0},
            ["max_gradient_norm must be null, or a number above 0"],
        ),
        ({f"{SPACE}.optimizer": "sgd", f"{SPACE}.momentum": 1}, ["momentum must be", "below 1"]),
        ({f"{SPACE}.learning_rate_schedule": "cos"}, ["learning_rate_schedule must be one of"]),
        ({"split": {"validation": 0.5, "test": 0.5}}, ["split.validation (0.5)", "less than 1"]),
        (
            {"dataset.inputs": [{"name": "a"}, {"name": "a"}]},
            ["dataset.inputs must not name 'a' twice"],
        ),
        (
            {"dataset.outputs": [{"name": "a"}, {"name": "a"}]},
            ["dataset.outputs must not name 'a' twice"],
        ),
        ({"dataset.outputs": [{"name": "rh"}]}, ["'rh' is in both dataset.inputs and"]),
        (
            {"dataset.files": None, "dataset.inputs": [{"name": "rh"}, {"name": "presure"}]},
            ["dataset.inputs, entry 2", "files is null", "'presure'", "did you mean 'pressure'?"],
        ),
        (
            {"dataset.files": None, "dataset.outputs": [{"name": "precipitation"}]},
            ["dataset.outputs, entry 1", "no variable 'precipitation'", "it has tair, pressure"],
        ),
        (
            {"dataset.files": None, "dataset.group": "measurements"},
            ["dataset.group is 'measurements'", "files is null", "no groups"],
        ),
        (
            {"dataset.files": None, "dataset.sample_dimension": "time"},
            ["dataset.sample_dimension is 'time'", "files is null", "'sample'"],
        ),
    ],
)
def test_a_mistake_is_one_sentence(changes, fragments):
    sentence = complaint(changed(changes))
    for fragment in fragments:
        assert fragment in sentence


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {f"{SPACE}.dropout": 1},
            "search.space.dropout must be a number of at least 0 and below 1, or a list of them, "
            "or a mapping with min and max, not 1",
        ),
        (
            {f"{SPACE}.activation": "tahn"},
            "search.space.activation must be one of relu, elu, gelu, silu, tanh, leaky_relu, or a "
            "list of them, not 'tahn'; did you mean tanh?",
        ),
        (
            {"search.budget.max_epochs": 0},
            "search.budget.max_epochs must be an integer of at least 1 or null, not 0",
        ),
        (
            {"dataset.files": datetime.date(2024, 1, 31)},
            "dataset.files must be null, or a path, or a non-empty list, each entry a path, "
            "not 2024-01-31; put it in quotes",
        ),
        ({"search.fractions": [0.05, 0.05]}, "search.fractions must not name 0.05 twice"),
    ],
)
def test_whole_sentences(changes, sentence):
    assert complaint(changed(changes)) == sentence


@pytest.mark.parametrize(
    ("config", "fragments"),
    [
        (None, ["the config must be a mapping with the keys study, seed", "empty (null)"]),
        ([1], ["the config must be a mapping", "not a list"]),
        ("study", ["the config must be a mapping", "not 'study'"]),
        ({}, ["study is missing"]),
        ({**MINIMAL, True: 1}, ["true (as YAML reads yes", "is not a known key"]),
        ({**MINIMAL, 5: 1}, ["5 is not a known key"]),
    ],
)
def test_what_is_hardly_a_config(config, fragments):
    sentence = complaint(config)
    for fragment in fragments:
        assert fragment in sentence


def test_generated_data_need_no_files():
    resolved = resolve_config(
        changed({"dataset.files": MISSING, "dataset.outputs": [{"name": "smax"}]})
    )
    assert resolved["dataset"]["files"] is None


def test_edges_that_are_allowed():
    space = {
        "n_hidden_layers": {"min": 1, "max": 2},
        "width": [4, 8, 16],
        "dropout": {"min": 0, "max": 0},
    }
    for changes in (
        {"search.n_trials": 12, "retrain.top_k": 12, "search.space": space},
        # A continuous range has no end of configurations.
        {"search.n_trials": 13, "search.space": {**space, "dropout": {"min": 0, "max": 0.1}}},
        {"search.n_trials": 13, "search.space": {**space, "learning_rate": [1e-3, 1e-2]}},
        {f"{SPACE}.weight_decay": {"min": 0, "max": 1, "log": False}},
        {"search.constraints": {"max_parameters": 33, "max_operations": 24}},
        # Features that are dropped may leave a single one.
        {
            "search.constraints": {"max_parameters": 25},
            "dataset.constant_features": "drop",
        },
        {"retrain.top_k": 1000},
        {"retrain.budget": {"max_epochs": None, "max_updates": 10}},
        {"search.fractions": [1]},
        {"split": {"validation": 0.5, "test": 0.49}},
        {"study": "2023-a_b.c"},
    ):
        changes = {"retrain.top_k": 1, **changes}
        resolved = resolve_config(changed(changes))
        assert resolve_config(resolved) == resolved


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("1e-3"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.sampled_from(["min", "max", "name"]), inner, max_size=3)
    ),
    max_leaves=6,
)
PATHS = [path for path, _ in list_keys(load_schema()) if "[]" not in path]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), ANYTHING)
def test_any_value_anywhere_resolves_for_good_or_is_one_sentence(path, value):
    *parents, key = path.split(".")
    if parents[-1:] and parents[-1] in ("learning_rate", "weight_decay", "dropout"):
        value = {"min": 0.1, "max": 0.2, key: value}
        *parents, key = parents
    config = changed({".".join([*parents, key]): value})
    try:
        resolved = resolve_config(config)
    except UserError as error:
        assert "\n" not in str(error) and len(str(error)) < 400
    else:
        assert resolve_config(resolved) == resolved
        assert json.dumps(resolve_config(resolved)) == json.dumps(resolved)


@pytest.mark.parametrize(
    "path",
    [
        path
        for path, entry in list_keys(load_schema())
        if entry.get("type") == "object" and "[]" not in path
    ],
)
def test_a_section_without_content_is_a_mistake(path):
    assert complaint(changed({path: None})).startswith(f"{path} must be a mapping with the keys")


def list_places(value: object, place: tuple = ()):
    """Yield the keys and indices that lead to every section, list and leaf of a config."""
    yield place
    entries = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else entries:
        yield from list_places(inner, (*place, key))


SHIPPED = [
    yaml.safe_load((REPOSITORY / "config" / name).read_text(encoding="utf-8"))
    for name in (
        "config.yaml",
        "flights.yaml",
        "late.yaml",
        "paper.yaml",
        "paper-modern.yaml",
        "photos.yaml",
        "words.yaml",
    )
]
# What YAML can make of a value or a key, and what is hard to compare, to print or to hash.
ODD = st.sampled_from([[], [None], {}, {"a": {}}, "1e400", "1" * 5000, 10**5000, -(10**400)])
ODD_KEYS = st.sampled_from(["min", "n_trails", "", "a\nb", 5, 0.5, True, None, (1, 2)])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SHIPPED), st.data())
def test_any_mutation_of_a_shipped_config_resolves_or_is_one_line(shipped, data):
    config = copy.deepcopy(shipped)
    *parents, last = data.draw(st.sampled_from(list(list_places(config))[1:]))
    section = config
    for key in parents:
        section = section[key]
    value = data.draw(ANYTHING | ODD)
    if isinstance(section, dict) and data.draw(st.booleans()):
        last = data.draw(ODD_KEYS)
    section[last] = value
    try:
        resolved = resolve_config(config)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert resolve_config(resolved) == resolved


def test_a_fraction_smaller_than_a_batch_is_found_before_any_job(tmp_path):
    memory = tmp_path / "headers.json"
    changes = {"dataset.files": None, "generate": {"n_samples": 10000}}
    with pytest.raises(UserError) as caught:
        check_data(resolve_config(changed(changes)), [], memory)
    assert str(caught.value) == (
        "search.fractions: 0.05 of 8000 training samples are 400, fewer than one batch of 1024 "
        "(search.space.batch_size): take a larger fraction or a smaller batch"
    )
    # How many samples the blocks of the training split have is not known so early.
    changes["split"] = {"method": "blocks"}
    with pytest.raises(UserError, match=r"0\.05 of 10000 samples before the split are 500, fewer"):
        check_data(resolve_config(changed(changes)), [], memory)
    changes["search"] = {"space": {"batch_size": [64, 400]}}
    check_data(resolve_config(changed(changes)), [], memory)
    assert not memory.exists()


def test_the_module_loads_without_the_numerical_libraries():
    code = (
        "import sys, twostep.config.resolve\n"
        "print([n for n in ('numpy', 'torch', 'xarray', 'pandas') if n in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"


def list_objects(schema: dict):
    """Yield every schema of a mapping within a schema."""
    if "properties" in schema:
        yield schema
    for inner in (
        *schema.get("properties", {}).values(),
        *schema.get("anyOf", []),
        *([schema["items"]] if "items" in schema else []),
    ):
        yield from list_objects(inner)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(load_schema())


def test_every_mapping_is_closed_and_every_key_is_described_and_typed():
    for schema in list_objects(load_schema()):
        assert schema["additionalProperties"] is False
        for key, entry in schema["properties"].items():
            assert entry["description"].endswith("."), key
            assert {"type", "enum", "anyOf"} & set(entry), key
            has_default = {"default", "default_of"} & set(entry)
            assert bool(has_default) != (key in schema.get("required", [])), key


def test_every_default_is_allowed():
    for _, entry in list_keys(load_schema()):
        if "default" in entry:
            jsonschema.validate(entry["default"], entry)


def test_the_readme_has_every_key_as_the_schema_has_it():
    if README.read_text(encoding="utf-8") != readme_with_tables():
        pytest.fail("config/README.md and the schema differ: run python config/make_readme.py")


def test_a_pipe_does_not_end_a_cell():
    row = markdown_row("key", {"type": "string", "default": "a|b", "description": "a or|b."})
    assert re.split(r"(?<!\\)\|", row)[1:-1] == [" `key` ", " text ", r' `"a\|b"` ', r" a or\|b. "]


def test_the_readmes_examples_are_true():
    text = README.read_text(encoding="utf-8")
    blocks = [
        yaml.safe_load(block) for block in re.findall(r"```yaml\n\s*(.*?)```", text, re.DOTALL)
    ]
    examples = [block for block in blocks if "dataset" in block]
    (own,) = [block for block in examples if "study" in block]
    (classes,) = [block for block in examples if "study" not in block]
    assert resolve_config(own)["dataset"]["files"] == "data/*.nc"
    assert resolve_config(MINIMAL | classes)["training"]["output_activation"] == "softmax"
    assert f"\n{complaint(changed({'search.n_trails': 5}))}\n" in text
    splits = re.findall(r"^split: .*$", text, re.MULTILINE)
    assert len(splits) == 4
    for line in splits:
        resolve_config(MINIMAL | yaml.safe_load(line))


@pytest.mark.parametrize("readme", [README, README.parents[1] / "README.md"])
def test_no_documented_command_has_its_target_taken_for_a_config(readme):
    commands = re.findall(r"snakemake [^`#\n]*", readme.read_text(encoding="utf-8"))
    assert commands
    for command in commands:
        for name in re.findall(r"--configfile (\S+(?: [^-\s]\S*)*)", command):
            assert all(path.endswith(".yaml") for path in name.split()), command
