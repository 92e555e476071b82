"""The search space: what is drawn, and that it depends on nothing but seed, space and id."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twostep.training.configuration import Configuration
from twostep.trials.configurations import (
    draw_configurations,
    read_configurations,
    write_configurations,
)
from twostep.trials.space import count_configurations, random_configurations
from twostep.util.errors import UserError
from twostep.util.fingerprint import hash_values

SPACE = {
    "n_hidden_layers": {"min": 1, "max": 3},
    "width": [8, 16, 32],
    "learning_rate": 0.001,
    "batch_size": 64,
    "activation": "relu",
    "optimizer": "adam",
    "weight_decay": 0,
    "dropout": 0,
}


def take(space, n, seed=1):
    return list(itertools.islice(random_configurations(space, seed=seed), n))


def test_parameters_and_operations_by_hand():
    configuration = take(SPACE, 1)[0]
    network = Configuration(**{**configuration.to_dict(), "hidden_widths": (8, 4)})
    assert network.count_parameters(16, 4) == (16 * 8 + 8) + (8 * 4 + 4) + (4 * 4 + 4)
    assert network.count_operations(16, 4) == 16 * 8 + 8 * 4 + 4 * 4


def test_the_networks_of_the_paper_have_known_sizes():
    """Sizes of the networks in the parcel problem, 16 inputs and 4 outputs."""
    settings_ = take(SPACE, 1)[0].to_dict()
    for widths, n_parameters in [((8,), 172), ((16, 16), 612), ((32, 32, 32), 2788)]:
        configuration = Configuration(**{**settings_, "hidden_widths": widths})
        assert configuration.count_parameters(16, 4) == n_parameters


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 39), st.integers(0, 2**32))
def test_the_list_is_prefix_stable_and_without_duplicates(n, seed):
    few, all_of_them = take(SPACE, n, seed), take(SPACE, 39, seed)
    assert all_of_them[:n] == few
    # 3 + 9 + 27 configurations exist, and each appears exactly once.
    assert len(set(all_of_them)) == 39 == count_configurations(SPACE)


def test_another_seed_gives_other_configurations():
    assert take(SPACE, 20, seed=1) != take(SPACE, 20, seed=2)


def test_depth_is_uniform_and_widths_are_drawn_per_layer():
    space = {**SPACE, "n_hidden_layers": {"min": 4, "max": 6}, "width": [2**k for k in range(12)]}
    drawn = take(space, 3000)
    depths = [len(configuration.hidden_widths) for configuration in drawn]
    for depth in (4, 5, 6):
        assert abs(depths.count(depth) / 3000 - 1 / 3) < 0.04
    assert any(len(set(configuration.hidden_widths)) == 6 for configuration in drawn)


def test_ranges_and_choices_are_searched():
    space = {
        **SPACE,
        "learning_rate": {"min": 1e-5, "max": 1e-1},
        "weight_decay": {"min": 1e-6, "max": 1e-2},
        "dropout": {"min": 0.0, "max": 0.5},
        "batch_size": [16, 32],
        "activation": ["relu", "tanh"],
        "optimizer": ["adam", "sgd"],
    }
    drawn = take(space, 2000)
    rates = [configuration.learning_rate for configuration in drawn]
    assert min(rates) >= 1e-5 and max(rates) <= 1e-1
    # Log-uniform: half of the draws lie below the geometric middle.
    assert abs(sum(rate < 1e-3 for rate in rates) / 2000 - 0.5) < 0.05
    dropouts = [configuration.dropout for configuration in drawn]
    assert abs(sum(dropouts) / 2000 - 0.25) < 0.02
    for key, choices in [("batch_size", {16, 32}), ("activation", {"relu", "tanh"})]:
        assert {getattr(configuration, key) for configuration in drawn} == choices
    assert count_configurations(space) == math.inf


SEARCHED = {
    **SPACE,
    "optimizer": ["adam", "sgd", "rmsprop"],
    "learning_rate_schedule": ["constant", "cosine", "one_cycle"],
    "warmup": {"min": 0.1, "max": 0.5},
    "momentum": {"min": 0.5, "max": 0.9},
    "beta1": {"min": 0.8, "max": 0.95},
    "beta2": 0.99,
    "max_gradient_norm": {"min": 0.01, "max": 100.0},
}


def test_further_settings_are_searched_where_they_are_used():
    drawn = take(SEARCHED, 3000)
    for configuration in drawn:
        is_cycle = configuration.learning_rate_schedule == "one_cycle"
        assert 0.1 <= configuration.warmup <= 0.5 if is_cycle else configuration.warmup == 0
        is_sgd, is_adam = (configuration.optimizer == name for name in ("sgd", "adam"))
        assert 0.5 <= configuration.momentum <= 0.9 if is_sgd else configuration.momentum == 0
        assert 0.8 <= configuration.beta1 <= 0.95 if is_adam else configuration.beta1 == 0.9
        assert configuration.beta2 == (0.99 if is_adam else 0.999)
    schedules = [configuration.learning_rate_schedule for configuration in drawn]
    for schedule in ("constant", "cosine", "one_cycle"):
        assert abs(schedules.count(schedule) / 3000 - 1 / 3) < 0.04
    norms = [configuration.max_gradient_norm for configuration in drawn]
    assert min(norms) >= 0.01 and max(norms) <= 100
    assert abs(sum(norm < 1 for norm in norms) / 3000 - 0.5) < 0.05


def test_further_settings_do_not_change_what_is_drawn_of_the_others():
    # Without repetitions, which are drawn again.
    plain = {**SPACE, "optimizer": SEARCHED["optimizer"], "learning_rate": {"min": 1e-4, "max": 1}}
    searched = {**SEARCHED, "learning_rate": plain["learning_rate"]}
    for one, other in zip(take(plain, 50), take(searched, 50), strict=True):
        for name in ("hidden_widths", "learning_rate", "batch_size", "optimizer"):
            assert getattr(one, name) == getattr(other, name)


def test_a_setting_multiplies_the_configurations_that_use_it():
    few = {**SPACE, "learning_rate_schedule": ["constant", "linear", "one_cycle"]}
    assert count_configurations(few) == 3 * 39
    assert len(set(take(few, 3 * 39))) == 3 * 39
    momentum = {"momentum": {"min": 0.0, "max": 0.9}, "warmup": {"min": 0.1, "max": 0.2}}
    assert count_configurations({**SPACE, "optimizer": ["adam", "rmsprop"], **momentum}) == 2 * 39
    assert count_configurations({**SPACE, "optimizer": ["adam", "sgd"], **momentum}) == math.inf
    assert count_configurations({**few, **momentum}) == math.inf
    assert count_configurations({**SPACE, "max_gradient_norm": None}) == 39


def test_a_configuration_names_only_what_is_not_at_its_default():
    """So that records and lists of plain studies are what they always were."""
    (plain,) = take({**SPACE, "warmup": 0.05, "momentum": 0.0, "max_gradient_norm": None}, 1)
    assert list(plain.to_dict()) == [
        "hidden_widths",
        "learning_rate",
        "batch_size",
        "activation",
        "optimizer",
        "weight_decay",
        "dropout",
    ]
    for configuration in take(SEARCHED, 20):
        assert Configuration.from_dict(configuration.to_dict()) == configuration


def test_a_range_of_one_value_is_not_continuous():
    assert count_configurations({**SPACE, "dropout": {"min": 0.1, "max": 0.1}}) == 39
    assert count_configurations({**SPACE, "batch_size": [16, 32, 64]}) == 117


@pytest.mark.parametrize("widths", [(8,), (8, 16)])
def test_configurations_survive_json(widths):
    configuration = Configuration(widths, 1e-3, 64, "relu", "adam", 0.0, 0.0)
    assert Configuration.from_dict(configuration.to_dict()) == configuration


# A space with ranges, and one that is so small that most draws are repetitions.
@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (
            {**SPACE, "dropout": {"min": 0.0, "max": 0.5}, "optimizer": ["adam", "sgd"]},
            "17eda86a12f9426490441498615c5b98",
        ),
        ({**SPACE, "n_hidden_layers": {"min": 1, "max": 4}}, "58267c730fe3c0dbed9fa84e9079618e"),
    ],
)
def test_the_list_is_the_same_with_every_version(space, expected):
    """Another one would train the trials of all studies again."""
    drawn = draw_configurations(space, range(100), seed=1)
    assert hash_values([configuration.to_dict() for configuration in drawn]) == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 39), st.integers(0, 39))
def test_any_range_of_the_list_comes_back_from_its_file(tmp_path_factory, start, stop):
    path = tmp_path_factory.mktemp("list") / "configurations.jsonl"
    drawn = take(SPACE, 39)
    write_configurations(path, drawn)
    trials = range(min(start, stop), max(start, stop))
    assert read_configurations(path, trials) == drawn[trials.start : trials.stop]
    assert draw_configurations(SPACE, trials, seed=1) == drawn[trials.start : trials.stop]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: content.replace(b'"trial": 5', b'"trial": 6'),
        lambda content: content.replace(b"hidden_widths", b"hidden_heights"),
        lambda content: content.replace(b"[", b"7"),
        lambda content: b"[]\n" * 39,
        lambda content: b"\xff" + content,
    ],
)
def test_a_damaged_list_is_told(tmp_path, damage):
    path = tmp_path / "configurations.jsonl"
    write_configurations(path, take(SPACE, 39))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"configurations.jsonl is damaged: delete it and run"):
        read_configurations(path, range(4, 39))
