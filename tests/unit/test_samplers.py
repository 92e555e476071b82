"""Samplers: which configuration a trial has, and that it depends on nothing else than it may."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import synthetic_study as made_up
import yaml
from own_networks import MANIFEST, write_network

from twostep.config.resolve import resolve_config
from twostep.report.cut_checks import check_cut
from twostep.report.edge_checks import check_edges
from twostep.report.signature_checks import check_length
from twostep.report.summary import summarise
from twostep.training.configuration import Configuration
from twostep.training.network_file import plan_network
from twostep.trials.configurations import (
    draw_configurations,
    make_draws,
    read_configurations,
    write_configurations,
)
from twostep.trials.constraints import Constraints
from twostep.trials.encoding import Encoding
from twostep.trials.enqueued import enqueued
from twostep.trials.generations import draw_generation, trials_of_generation
from twostep.trials.own_configurations import draw_own, make_own_draws
from twostep.trials.quasi_random import sobol_points
from twostep.trials.samplers import describe_sample, known_trials, random_trials, shard_ranges
from twostep.trials.tpe import propose
from twostep.util.errors import UserError

SPACE = {
    "n_hidden_layers": {"min": 1, "max": 3},
    "width": [8, 16, 32, 64],
    "learning_rate": {"min": 1e-4, "max": 1e-2, "log": True},
    "batch_size": [32, 64],
    "activation": "relu",
    "optimizer": ["adam", "sgd"],
    "weight_decay": 0.0,
    "dropout": 0.0,
    "momentum": [0.0, 0.9],
}
OWN_SPACE = {
    "hyperparameters": {"width": [4, 8, 16], "share": {"min": 0.0, "max": 0.5}},
    "learning_rate": {"min": 1e-3, "max": 1e-1},
    "batch_size": 32,
    "optimizer": "adam",
    "weight_decay": 0.0,
}
# Most networks of the space are larger.
LIMITS = Constraints(16, 4, 1500, None)
OWN = Configuration((32, 16), 2e-3, 32, "relu", "adam", 0.0, 0.0)


def quasi_random(n, *, constraints=None, first=()):
    points = sobol_points(SPACE, 1)
    return draw_configurations(
        SPACE, range(n), seed=1, constraints=constraints, points=points, enqueued=first
    )


def loss_of(configuration):
    """Return a loss that is lowest for about 40 units and a learning rate of 0.003."""
    rate = math.log(configuration.learning_rate / 0.003)
    return 1 + abs(math.log(sum(configuration.hidden_widths) / 40)) + abs(rate)


def records_of(configurations, first=0, failed=()):
    return [
        {
            "trial": i,
            "status": "diverged" if i in failed else "ok",
            "min_val_loss": None if i in failed else loss_of(each),
            "configuration": each.to_dict(),
        }
        for i, each in enumerate(configurations, start=first)
    ]


def generation(number, records, *, size=20, constraints=None, first=(), space=SPACE):
    draws = make_draws(space, seed=1, constraints=constraints, enqueued=first)

    def proposals(records, n):
        return propose(space, records, n, seed=1, generation=number)

    return draw_generation(draws, range(number * size, (number + 1) * size), records, proposals)


# Configurations of the user's own


def test_enqueued_configurations_come_first_and_others_stay_what_they_are():
    plain = draw_configurations(SPACE, range(20), seed=1)
    first = draw_configurations(SPACE, range(20), seed=1, enqueued=[OWN])
    assert first == [OWN, *plain[1:]]
    # A draw that repeats one of them is drawn again.
    repeated = draw_configurations(SPACE, range(20), seed=1, enqueued=[plain[7]])
    assert repeated[0] == plain[7] != repeated[7]
    assert len(set(repeated)) == 20
    assert repeated[1:7] + repeated[8:] == plain[1:7] + plain[8:]


def test_one_that_the_constraints_do_not_allow_is_one_sentence():
    large = replace(OWN, hidden_widths=(64, 64, 64))
    with pytest.raises(UserError, match=r"search\.enqueue, entry 2: its network is larger than"):
        draw_configurations(SPACE, range(3), seed=1, constraints=LIMITS, enqueued=[OWN, large])


MINIMAL = """
study: s
dataset: {files: data.nc, inputs: [{name: t}], outputs: [{name: y}]}
search:
  n_trials: 4
  space: {learning_rate: {min: 1e-4, max: 1e-2}, optimizer: [adam, sgd], momentum: [0, 0.9]}
retrain: {top_k: 2}
"""
GIVEN = {"hidden_widths": [8, 16], "learning_rate": "1e-3", "optimizer": "adam"}


def config(**search):
    loaded = yaml.safe_load(MINIMAL)
    loaded["search"] |= search
    return loaded


def test_what_has_one_value_in_the_space_may_be_left_out():
    resolved = resolve_config(config(enqueue=[GIVEN]))
    (found,) = enqueued(resolved["search"])
    assert found == Configuration((8, 16), 1e-3, 1024, "relu", "adam", 0.0, 0.0)
    assert resolve_config(resolved) == resolved


def test_so_may_hyperparameters_of_networks_of_the_users_own():
    given = config(enqueue=[{"hyperparameters": {"rate": "1e-1"}}])
    given["network"] = {"file": "network.py"}
    given["search"]["space"] = {"hyperparameters": {"rate": [0.1, 0.2, 0.3, 0.4], "kind": "a"}}
    (found,) = enqueued(resolve_config(given)["search"])
    assert found.hyperparameters == (("kind", "a"), ("rate", 0.1))


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"sampler": "tpe", "fractions": [0.1, 0.2]}, "learns from the losses of a single one"),
        ({"sampler": "qmc", "generation_size": 7}, "has no effect, because search.sampler is qmc"),
        ({"enqueue": [GIVEN] * 5}, "has 5 entries, but search.n_trials is only 4"),
        (
            {"sampler": "tpe", "generation_size": 2, "enqueue": [GIVEN] * 3},
            "has 3 entries, but search.generation_size is only 2",
        ),
        ({"enqueue": [GIVEN, GIVEN]}, "entry 2 is the same configuration as entry 1"),
        ({"enqueue": [GIVEN | {"hidden_widths": [7]}]}, "hidden_widths is 7, which search.space"),
        ({"enqueue": [GIVEN | {"learning_rate": 1}]}, "learning_rate is 1, which search.space"),
        ({"enqueue": [GIVEN | {"momentum": 0.9}]}, "momentum has no effect with optimizer = adam"),
        ({"enqueue": [GIVEN | {"optimizer": "sgd"}]}, "entry 1, momentum is missing"),
        ({"enqueue": [{"hidden_widths": [8]}]}, "learning_rate is missing: search.space has"),
        ({"enqueue": [{"learning_rate": 0.001, "optimizer": "adam"}]}, "hidden_widths is missing"),
        ({"enqueue": [GIVEN | {"hyperparameters": {"a": 1}}]}, "hyperparameters is not among"),
        (
            {"enqueue": [GIVEN | {"layers": 3}]},
            "search.enqueue, entry 1, layers is not a known key",
        ),
    ],
)
def test_what_contradicts_a_sampler_or_the_space_is_one_sentence(search, sentence):
    with pytest.raises(UserError) as caught:
        resolve_config(config(**search))
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("pattern", "allowed"), [("equal", [8, 8]), ("tapering", [16, 8]), ("independent", [8, 16])]
)
def test_the_widths_must_follow_a_pattern_of_the_space(pattern, allowed):
    def tried(widths):
        given = config(enqueue=[GIVEN | {"hidden_widths": widths}])
        given["search"]["space"]["width_pattern"] = pattern
        return resolve_config(given)

    assert tried(allowed)
    if pattern != "independent":
        with pytest.raises(UserError, match=r"hidden_widths is 8, 16, which search\.space"):
            tried([8, 16])


# Quasi-random


def test_a_quasi_random_trial_depends_on_its_id_alone():
    many = quasi_random(300)
    assert quasi_random(17) == many[:17]
    assert len(set(many)) == 300
    # Constraints and the user's own ones change no other trial.
    limited = quasi_random(300, constraints=LIMITS)
    assert all(LIMITS.allow(each.hidden_widths) for each in limited)
    kept = [i for i, each in enumerate(many) if LIMITS.allow(each.hidden_widths)]
    assert 30 < len(kept) < 250
    assert [limited[i] for i in kept] == [many[i] for i in kept]
    # Whatever the network, the training is that of the same point.
    assert [each.learning_rate for each in limited] == [each.learning_rate for each in many]
    assert quasi_random(300, first=[OWN])[1:] == many[1:]


def test_points_beyond_a_block_are_those_of_the_sequence():
    points = sobol_points(SPACE, 1)
    later = points(1030)[1]()
    for trial in (3, 1029):
        points(trial)
    assert points(1030)[1]() == later
    assert later != sobol_points(SPACE, 2)(1030)[1]()


def test_quasi_random_values_are_spread_more_evenly_than_random_ones():
    def worst_gap(configurations):
        logs = np.sort(np.log([each.learning_rate for each in configurations]))
        return np.diff(logs).max()

    plain = draw_configurations(SPACE, range(64), seed=1)
    assert worst_gap(quasi_random(64)) < worst_gap(plain) / 2
    # 64 points of a sequence in base 2: each half of an axis has half of them.
    rates = np.log([each.learning_rate for each in quasi_random(64)])
    assert (rates < np.log(1e-3)).sum() == 32


def test_quasi_random_networks_of_the_users_own(tmp_path):
    network = plan_network(str(write_network(tmp_path)))
    constraints = {"max_parameters": None, "max_operations": None}
    drawn, sizes = draw_own(
        OWN_SPACE,
        16,
        network,
        MANIFEST,
        seed=1,
        constraints=constraints,
        n_needed=16,
        points=sobol_points(OWN_SPACE, 1),
    )
    shares = sorted(dict(each.hyperparameters)["share"] for each in drawn)
    assert [int(share * 32) for share in shares] == list(range(16))
    assert len(sizes) == 16


# The encoding


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"width": {"min": 8, "max": 40, "log": True}, "width_pattern": "tapering"},
        {"width_pattern": "equal", "dropout": {"min": 0.0, "max": 0.5}},
        {"width": [8], "batch_size": {"min": 30, "max": 33}},
        {"n_hidden_layers": {"min": 2, "max": 2}, "learning_rate_schedule": ["constant", "linear"]},
    ],
)
def test_every_configuration_comes_back_from_its_place(change):
    space = SPACE | change
    encoding = Encoding(space)
    for each in draw_configurations(space, range(60), seed=1):
        place = encoding.encode(each)
        assert place.keys() == encoding.dimensions.keys()
        for filler in ("low", "high"):
            # What is not used may be anything.
            filled = {
                name: getattr(encoding.dimensions[name], filler) if value is None else value
                for name, value in place.items()
            }
            assert encoding.decode(filled) == each


def test_networks_of_the_users_own_come_back_too(tmp_path):
    space = OWN_SPACE | {
        "hyperparameters": OWN_SPACE["hyperparameters"] | {"kind": ["a", "b"], "fixed": True}
    }
    encoding = Encoding(space)
    values = (("fixed", True), ("kind", "b"), ("share", 0.25), ("width", 16))
    own = Configuration((), 0.01, 32, "", "adam", 0.0, 0.0, hyperparameters=values)
    assert encoding.decode(encoding.encode(own)) == own
    assert set(encoding.dimensions) == {
        "hyperparameters.kind",
        "hyperparameters.share",
        "hyperparameters.width",
        "learning_rate",
    }


# TPE in generations


def test_the_first_generation_is_a_random_search_and_later_ones_learn():
    first = generation(0, [], first=[OWN])
    assert first == [OWN, *draw_configurations(SPACE, range(20), seed=1)[1:]]
    told = records_of(first)
    second = generation(1, told)
    assert np.mean([*map(loss_of, second)]) < np.mean([*map(loss_of, first)])
    # Whatever the order of the records.
    assert generation(1, told[::-1]) == second
    assert generation(1, records_of(first, failed=range(5))) != second


def test_a_batch_and_what_came_before_hold_no_two_equal_configurations():
    space = SPACE | {"learning_rate": 0.001, "n_hidden_layers": {"min": 1, "max": 2}}
    found = []
    # 20 networks, 2 batch sizes, adam and two kinds of sgd.
    for number in range(6):
        found += generation(number, records_of(found), space=space)
    assert len(set(found)) == 120


def test_proposals_that_are_too_large_or_repeated_are_replaced_by_id():
    draws = make_draws(SPACE, seed=1, constraints=LIMITS)
    first = draw_generation(draws, range(5), [], lambda records, n: [])
    large = replace(OWN, hidden_widths=(64, 64, 64))
    proposals = [OWN, large, OWN, first[2]]
    found = draw_generation(draws, range(5, 9), records_of(first), lambda *_: proposals)
    assert found == [OWN, *draw_configurations(SPACE, range(9), seed=1, constraints=LIMITS)[6:]]


def test_failed_trials_are_told_as_the_worst():
    drawn = draw_configurations(SPACE, range(60), seed=1)
    records = records_of(drawn)
    for record, each in zip(records, drawn, strict=True):
        if each.optimizer == "sgd":
            record |= {"status": "diverged", "min_val_loss": None}
    found = generation(3, records)
    assert sum(each.optimizer == "sgd" for each in found) < 4
    # Even if all have failed.
    assert len(generation(1, records_of(drawn[:20], failed=range(20)))) == 20


def test_generations_of_networks_of_the_users_own(tmp_path):
    network = plan_network(str(write_network(tmp_path)))
    constraints = {"max_parameters": 80, "max_operations": None}
    draws, checks = make_own_draws(OWN_SPACE, network, MANIFEST, seed=1, constraints=constraints)
    first = draw_generation(draws, range(8), [], lambda *_: [])
    records = [
        {"trial": i, "status": "ok", "min_val_loss": 1.0 + i, "configuration": each.to_dict()}
        for i, each in enumerate(first)
    ]
    found = draw_generation(
        draws,
        range(8, 16),
        records,
        lambda told, n: propose(OWN_SPACE, told, n, seed=1, generation=1),
    )
    assert len({*first, *found}) == 16
    assert all(checks.size(each.hyperparameters).n_parameters <= 80 for each in found)


def test_a_generation_is_whole_unless_the_space_is_used_up():
    assert trials_of_generation(1, 60, math.inf) == range(60, 120)
    assert trials_of_generation(1, 60, 100) == range(60, 100)


def test_lists_of_generations_are_read_as_one(tmp_path):
    drawn = draw_configurations(SPACE, range(9), seed=1)
    paths = []
    for number, first in enumerate((0, 3, 6)):
        paths.append(str(tmp_path / f"generation_{number}.jsonl"))
        write_configurations(paths[-1], drawn[first : first + 3], first=first)
    assert read_configurations(paths, [1, 4, 8]) == [drawn[1], drawn[4], drawn[8]]
    assert read_configurations(paths[1], range(4, 6)) == drawn[4:6]
    with pytest.raises(UserError, match=r"generation_2\.jsonl ends before trial 9: delete it"):
        read_configurations(paths, [8, 9])
    with pytest.raises(UserError, match="damaged"):
        read_configurations(paths[1], [1])


def search_of(**changes):
    plain = {"n_trials": 50, "shard_size": 7, "sampler": "random", "generation_size": 20}
    return plain | {"enqueue": []} | changes


def test_shards_do_not_cross_generations():
    plain = shard_ranges(search_of())
    assert plain == [(first, min(first + 7, 50)) for first in range(0, 50, 7)]
    divided = shard_ranges(search_of(sampler="tpe"))
    assert divided[:4] == [(0, 7), (7, 14), (14, 20), (20, 27)]
    assert [*itertools.chain(*(range(*shard) for shard in divided))] == list(range(50))
    more = shard_ranges(search_of(sampler="tpe", n_trials=100))
    assert more[: len(divided) - 1] == divided[:-1]


def test_what_is_random_and_what_is_known():
    assert random_trials(search_of()) == range(50)
    assert random_trials(search_of(sampler="tpe", enqueue=[{}])) == range(1, 20)
    assert random_trials(search_of(sampler="tpe", n_trials=15)) == range(15)
    assert known_trials(search_of(sampler="tpe")) == range(20)
    assert describe_sample(search_of()) == "50 random configurations"
    assert describe_sample(search_of(sampler="tpe", enqueue=[{}])) == (
        "50 configurations (the first 20 random, the others chosen by TPE in generations of 20; 1 "
        "named in the config)"
    )


# What is told of trials that are not random


def adaptive(study, **changes):
    search = study.config["search"] | {"sampler": "tpe"} | changes
    return replace(study, config=study.config | {"search": search})


def test_what_needs_a_random_sample_says_that_it_rests_on_the_random_trials():
    plain = made_up.study(["0.05"], controls=12)
    study = adaptive(plain)
    (search,) = study.searches
    sample = study.random_sample(search)
    assert set(sample["trial"]) == set(range(100))
    assert study.complexity("0.05").low is None and plain.complexity("0.05").low
    assert study.random_complexity(search).low
    text = summarise(study)
    assert "200 configurations (the first 100 random, the others chosen by TPE" in text
    assert "Of the random trials alone, the smallest has" in text
    assert "best random trials" in check_edges(study)[0].text
    assert "Only the random trials are compared" in check_edges(study)[0].text
    assert "take this one as rough" in check_cut(study, "0.05")[0].text
    assert "200 random configurations, the same for each fraction" in summarise(plain)


def test_it_refuses_where_they_are_too_few():
    study = adaptive(made_up.study(["0.05"], controls=12), generation_size=20)
    assert "that takes at least 50 random trials that succeeded" in summarise(study)
    (found,) = check_edges(study)
    assert found.text.startswith("4 best random trials are too few")
    assert "`search.generation_size` of at least 30" in found.text
    endless = study.config["search"]["space"] | {"learning_rate": {"min": 1e-4, "max": 1e-2}}
    (length,) = check_length(adaptive(study, space=endless))
    assert "the sampler tpe chose trials by the losses of earlier ones" in length.text
