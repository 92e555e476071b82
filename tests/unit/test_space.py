"""The search space: what is drawn, and that it depends on nothing but seed, space and id."""

import itertools
import math
from collections import Counter

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from small_study import REPOSITORY

from twostep.config.resolve import resolve_config
from twostep.training.configuration import Configuration
from twostep.trials.configurations import (
    draw_configurations,
    read_configurations,
    write_configurations,
)
from twostep.trials.constraints import (
    Constraints,
    make_constraints,
    most_operations,
    most_parameters,
)
from twostep.trials.ranges import integer, number
from twostep.trials.space import count_configurations, largest_batch, random_configurations
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
        "learning_rate": {"min": 1e-5, "max": 1e-1, "log": True},
        "weight_decay": {"min": 1e-6, "max": 1e-2, "log": True},
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


# Ranges


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 1000),
    st.integers(0, 1000),
    st.booleans(),
    st.floats(0, 1, exclude_max=True),
)
def test_integers_lie_within_their_range_and_reach_both_ends(low, length, log, u):
    values = {"min": low, "max": low + length, "log": log}
    assert low <= integer(values, u) <= low + length
    assert integer(values, 0.0) == low
    assert integer(values, math.nextafter(1, 0)) == low + length


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-8, 1e3), st.floats(0, 1e3), st.booleans(), st.floats(0, 1, exclude_max=True))
def test_numbers_lie_within_their_range(low, length, log, u):
    drawn = number({"min": low, "max": low + length, "log": log}, u)
    assert low * (1 - 1e-12) <= drawn <= (low + length) * (1 + 1e-12)


def test_integers_of_a_logarithmic_range_have_weights_of_one_over_themselves():
    drawn = [integer({"min": 1, "max": 64, "log": True}, (i + 0.5) / 10_000) for i in range(10_000)]
    assert drawn.count(1) / 10_000 == pytest.approx(math.log(1.5 / 0.5) / math.log(129), abs=1e-3)
    assert drawn.count(32) / drawn.count(64) == pytest.approx(2, rel=0.1)
    even = [integer({"min": 1, "max": 64, "log": False}, (i + 0.5) / 640) for i in range(640)]
    assert even == sorted([*range(1, 65)] * 10)


def test_lists_are_drawn_from_evenly_and_one_value_is_itself():
    assert [number([0.1, 0.2], u) for u in (0, 0.49, 0.5, 0.99)] == [0.1, 0.1, 0.2, 0.2]
    assert (number(3, 0.7), integer(3, 0.7)) == (3.0, 3)


def test_ranges_of_integers_and_lists_of_numbers_are_searched():
    space = {
        **SPACE,
        "width": {"min": 8, "max": 11, "log": True},
        "batch_size": {"min": 30, "max": 32},
        "learning_rate": [1e-4, 1e-3],
    }
    drawn = take(space, 500)
    assert {width for each in drawn for width in each.hidden_widths} == {8, 9, 10, 11}
    assert {each.batch_size for each in drawn} == {30, 31, 32}
    assert {each.learning_rate for each in drawn} == {1e-4, 1e-3}
    assert largest_batch(space) == 32
    assert count_configurations(space) == (4 + 16 + 64) * 3 * 2
    assert len(set(take(space, 504))) == 504


# Patterns of widths


def patterned(patterns, n_layers=(1, 4)):
    layers = dict(zip(("min", "max"), n_layers, strict=True))
    return {**SPACE, "n_hidden_layers": layers, "width_pattern": patterns}


@pytest.mark.parametrize(
    ("patterns", "follows", "n_networks"),
    [
        ("equal", lambda widths: len(set(widths)) == 1, 4 * 3),
        # Combinations of 3 widths with repetition.
        ("tapering", lambda widths: list(widths) == sorted(widths)[::-1], 3 + 6 + 10 + 15),
        (["equal", "tapering"], lambda widths: list(widths) == sorted(widths)[::-1], 34),
        (["tapering", "independent"], lambda widths: True, 3 + 9 + 27 + 81),
    ],
)
def test_all_networks_of_a_pattern_are_found_and_no_others(patterns, follows, n_networks):
    space = patterned(patterns)
    assert count_configurations(space) == n_networks
    drawn = take(space, n_networks)
    assert len(set(drawn)) == n_networks
    assert all(follows(each.hidden_widths) for each in drawn)


def test_tapering_networks_of_a_depth_are_equally_probable():
    """Independent widths, sorted, would be all equal in one of 27 networks, not in 3 of 10."""
    space = {**patterned("tapering", (3, 3)), "dropout": {"min": 0, "max": 0.5}}
    counts = Counter(each.hidden_widths for each in take(space, 5000))
    assert len(counts) == 10
    assert all(count == pytest.approx(500, abs=100) for count in counts.values())


def test_several_patterns_are_drawn_alike():
    space = {
        **patterned(["equal", "independent"], (6, 6)),
        "dropout": {"min": 0, "max": 0.5},
    }
    equal = [len(set(each.hidden_widths)) == 1 for each in take(space, 1000)]
    # And 3 of 729 independent ones happen to be equal.
    assert sum(equal) == pytest.approx(502, abs=60)


def test_deep_tapering_networks_are_all_found():
    space = {**patterned("tapering", (12, 12)), "width": [8, 16]}
    assert count_configurations(space) == 13 == len(set(take(space, 13)))


# Constraints


def limits(max_parameters=None, max_operations=None):
    return Constraints(16, 4, max_parameters, max_operations)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20), st.integers(1, 50))
def test_constraints_count_as_configurations_do(widths, n_outputs):
    network = Configuration(tuple(widths), 1e-3, 64, "relu", "adam", 0.0, 0.0)
    constraints = Constraints(7, n_outputs, None, None)
    expected = network.count_parameters(7, n_outputs), network.count_operations(7, n_outputs)
    assert constraints.count(tuple(widths)) == expected
    exact = Constraints(7, n_outputs, *expected)
    assert exact.allow(tuple(widths))
    for less in ((expected[0] - 1, None), (None, expected[1] - 1)):
        assert not Constraints(7, n_outputs, *less).allow(tuple(widths))


@settings(max_examples=10, deadline=None)
@given(st.integers(172, 3000), st.integers(1, 60), st.integers(0, 2**32), st.booleans())
def test_constrained_lists_are_allowed_prefix_stable_and_without_duplicates(
    most, n, seed, is_operations
):
    space = {
        **patterned(["independent", "tapering"], (1, 6)),
        "width": {"min": 8, "max": 64, "log": True},
        "learning_rate": {"min": 1e-4, "max": 1e-2, "log": True},
    }
    constraints = limits(None, most) if is_operations else limits(most)
    drawn = draw_configurations(space, range(60), seed=seed, constraints=constraints)
    assert all(constraints.allow(each.hidden_widths) for each in drawn)
    assert len(set(drawn)) == 60
    assert draw_configurations(space, range(n), seed=seed, constraints=constraints) == drawn[:n]


def test_a_constraint_that_allows_all_changes_nothing():
    largest = 16 * 32 + 32 + 2 * (32 * 32 + 32) + 32 * 4 + 4
    drawn = draw_configurations(SPACE, range(39), seed=1, constraints=limits(largest))
    assert drawn == take(SPACE, 39)
    # All but the largest one.
    others = draw_configurations(SPACE, range(38), seed=1, constraints=limits(largest - 1))
    assert {each.hidden_widths for each in set(drawn) - set(others)} == {(32, 32, 32)}


def test_allowed_networks_are_as_probable_as_before():
    """Two of the 39 networks have 8 and 8-8 units, which is all that 244 parameters allow."""
    space = {**SPACE, "dropout": {"min": 0, "max": 0.5}}
    drawn = draw_configurations(space, range(2000), seed=1, constraints=limits(244))
    counts = Counter(each.hidden_widths for each in drawn)
    assert counts.keys() == {(8,), (8, 8)}
    # A third of the networks has one layer, and 1 in 3 of these 8 units; 1 in 9 of those of two.
    assert counts[(8,)] / 2000 == pytest.approx(3 / 4, abs=0.04)


def test_a_space_that_holds_too_few_says_how_many_it_found():
    with pytest.raises(UserError) as error:
        draw_configurations(SPACE, range(3), seed=1, constraints=limits(244))
    text = str(error.value)
    assert text.startswith("search.constraints leaves too few configurations of search.space: 2 ")
    assert "in 100,000 attempts" in text and "search.n_trials is 3. Take fewer trials" in text
    # A list that is longer than the study may end before.
    drawn = draw_configurations(SPACE, range(30), seed=1, constraints=limits(244), n_needed=2)
    assert {each.hidden_widths for each in drawn} == {(8,), (8, 8)}


def test_a_constraint_that_nothing_meets_is_told_at_once():
    with pytest.raises(UserError) as error:
        draw_configurations(SPACE, range(3), seed=1, constraints=limits(171))
    assert "max_parameters is 171" in str(error.value) and "at least 172" in str(error.value)


def test_no_limit_is_no_constraint():
    none = {"max_parameters": None, "max_operations": None}
    assert make_constraints(none, n_inputs=1, n_outputs=1) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20))
def test_no_allowed_network_has_more_than_the_bounds(widths):
    n_parameters, n_operations = limits().count(tuple(widths))
    for section in ((n_parameters, None), (None, n_operations), (n_parameters, n_operations)):
        named = dict(zip(("max_parameters", "max_operations"), section, strict=True))
        assert most_parameters(named) >= n_parameters
        assert most_operations(named) >= n_operations


# Further settings

SEARCHED = {
    **SPACE,
    "optimizer": ["adam", "sgd", "rmsprop"],
    "learning_rate_schedule": ["constant", "cosine", "one_cycle"],
    "warmup": {"min": 0.1, "max": 0.5},
    "momentum": {"min": 0.5, "max": 0.9},
    "beta1": {"min": 0.8, "max": 0.95},
    "beta2": 0.99,
    "max_gradient_norm": {"min": 0.01, "max": 100.0, "log": True},
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


@pytest.mark.parametrize(
    ("name", "n_trials", "expected"),
    [
        ("config", 1000, "4b6bcd5acf042952e03bf2c66db21ce5"),
        ("paper", 10_000, "ad085b622e1c50c4a152fe228d250273"),
    ],
)
def test_the_lists_of_the_studies_that_come_with_the_workflow_stay(name, n_trials, expected):
    config = resolve_config(yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text()))
    drawn = draw_configurations(
        config["search"]["space"], range(n_trials), seed=config["seed"], constraints=None
    )
    assert hash_values([configuration.to_dict() for configuration in drawn]) == expected


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


def test_a_list_that_ends_too_early_is_told(tmp_path):
    """As one that held all configurations that there were for fewer trials."""
    path = tmp_path / "configurations.jsonl"
    write_configurations(path, take(SPACE, 20))
    with pytest.raises(UserError, match=r"ends before trial 20: delete it and run the same"):
        read_configurations(path, range(18, 25))


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
    with pytest.raises(UserError, match=r"configurations.jsonl .*: delete it and run"):
        read_configurations(path, range(4, 39))
