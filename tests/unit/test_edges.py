"""Whether finalists crowd at an edge of the search space."""

import numpy as np
import pandas as pd
import pytest
from findings import about, names, tells

from twostep.analysis.edges import crowded, find_edges
from twostep.report.edge_checks import TOPIC, describe_edges
from twostep.report.finding import DOUBT, GOOD, UNKNOWN

SPACE = {
    "n_hidden_layers": {"min": 1, "max": 4},
    "width": [8, 16, 32, 64],
    "learning_rate": {"min": 1e-4, "max": 1e-2, "log": True},
    "batch_size": [64, 128, 256],
    "weight_decay": 0.0,
    "dropout": {"min": 0.0, "max": 0.5},
}


def draw(n_trials=200, seed=0):
    rng = np.random.default_rng(seed)
    depths = rng.integers(1, 5, n_trials)
    return pd.DataFrame(
        {
            "n_hidden_layers": depths,
            "hidden_widths": [
                "-".join(map(str, rng.choice(SPACE["width"], depth))) for depth in depths
            ],
            "learning_rate": 10 ** rng.uniform(-4, -2, n_trials),
            "batch_size": rng.choice(SPACE["batch_size"], n_trials),
            "weight_decay": 0.0,
            "dropout": rng.uniform(0, 0.5, n_trials),
        }
    )


def finalists(trials, condition, n=12):
    """The first n trials of which a condition is true."""
    return trials.index.isin(trials.index[condition][:n]) & np.ones(len(trials), bool)


def edges_of(trials, chosen, space=SPACE):
    return find_edges(trials, pd.Series(chosen, trials.index), space)


@pytest.mark.parametrize(
    ("condition", "dimension", "what", "end", "value"),
    [
        (lambda t: t.hidden_widths.str.match(r"^64"), "width", "first layer", "upper", 64),
        (lambda t: t.hidden_widths.str.match(r".*\b8$"), "width", "last layer", "lower", 8),
        (lambda t: t.n_hidden_layers == 4, "n_hidden_layers", "hidden layers", "upper", 4),
        (lambda t: t.batch_size == 64, "batch_size", "batch size", "lower", 64),
        (lambda t: t.learning_rate > 7e-3, "learning_rate", "learning rate", "upper", 1e-2),
        (lambda t: t.dropout > 0.46, "dropout", "dropout", "upper", 0.5),
    ],
)
def test_finalists_at_an_edge_are_told_by_dimension(condition, dimension, what, end, value):
    trials = draw()
    edges = edges_of(trials, finalists(trials, condition(trials)))
    first = crowded(edges)[0]
    assert (first.dimension, first.end, first.value) == (dimension, end, value)
    assert what in first.what
    finding = describe_edges(edges)[0]
    assert about(finding) == (DOUBT, TOPIC, "")
    assert tells(finding.text, first.n_finalists_at, 12)
    assert names(finding.text) == {f"search.space.{dimension}"}


def test_of_a_setting_only_the_trials_that_use_it_count():
    """The others hold its default, which is at no end of the range."""
    n = 400
    space = SPACE | {"optimizer": ["adam", "sgd"], "momentum": {"min": 0.1, "max": 0.9}}
    trials = draw(n)
    rng = np.random.default_rng(2)
    is_sgd = np.arange(n) % 4 == 0
    trials["optimizer"] = np.where(is_sgd, "sgd", "adam")
    trials["momentum"] = np.where(is_sgd, rng.uniform(0.1, 0.9, n), 0.0)
    high = (trials.momentum > 0.82).to_numpy()
    chosen = high | (~is_sgd & (np.arange(n) < 12))
    edges = edges_of(trials, chosen, space)
    lower, upper = sorted(
        (edge for edge in edges if edge.dimension == "momentum"), key=lambda edge: edge.end
    )
    assert (lower.n_trials, lower.n_finalists, lower.n_finalists_at) == (n / 4, high.sum(), 0)
    assert (upper.n_finalists_at, upper.n_trials_at) == (high.sum(), high.sum())
    finding = describe_edges([upper])[0]
    assert about(finding) == (DOUBT, TOPIC, "")
    assert "finalists with sgd" in finding.text
    assert names(finding.text) == {"search.space.momentum"}
    # No trial of a small search may have drawn sgd.
    without = trials.drop(columns="momentum")
    assert "momentum" not in {edge.dimension for edge in edges_of(without, chosen, space)}


def test_a_limit_that_finalists_come_near_is_an_edge():
    trials = draw()
    trials["n_parameters"] = np.geomspace(100, 99_000, 200).round()
    trials["n_operations"] = trials["n_parameters"]
    limits = {"max_parameters": 100_000, "max_operations": None}
    large = pd.Series(np.arange(200) >= 188, trials.index)
    first = crowded(find_edges(trials, large, SPACE, limits))[0]
    assert (first.dimension, first.end, first.value) == ("max_parameters", "upper", 100_000)
    assert (first.n_finalists_at, first.n_trials_at) == (12, 20)
    finding = describe_edges([first])[0]
    assert about(finding) == (DOUBT, TOPIC, "")
    assert "largest number of parameters" in finding.text
    assert names(finding.text) == {"search.constraints.max_parameters"}
    # No network comes near this one.
    far = find_edges(trials, large, SPACE, {"max_parameters": 10**9, "max_operations": None})
    assert "max_parameters" not in {edge.dimension for edge in far}


def test_the_probability_by_hand():
    trials = draw(10)
    trials["batch_size"] = [64] * 4 + [128] * 6
    edges = edges_of(trials, np.arange(10) < 3)
    (edge,) = (e for e in edges if (e.dimension, e.end) == ("batch_size", "lower"))
    # 3 of 3 drawn from 10 are among a given 4: 4/10 3/9 2/8.
    assert edge.probability == pytest.approx(4 / 10 * 3 / 9 * 2 / 8)


def test_no_edge_is_one_layer_or_no_dropout_or_what_does_not_vary():
    ends = {(edge.dimension, edge.end) for edge in edges_of(draw(), np.arange(200) < 12)}
    assert ("n_hidden_layers", "lower") not in ends
    assert ("dropout", "lower") not in ends
    assert "weight_decay" not in {dimension for dimension, _ in ends}


def test_random_finalists_are_seldom_a_doubt():
    rng = np.random.default_rng(1)
    trials = draw()
    found = [
        bool(crowded(edges_of(trials, np.isin(np.arange(200), rng.choice(200, 12, False)))))
        for _ in range(100)
    ]
    assert np.mean(found) <= 0.08


def test_a_few_finalists_tell_nothing_and_usual_ones_are_in_order():
    trials = draw()
    (few,) = describe_edges(edges_of(trials, np.arange(200) < 5))
    assert few.kind == UNKNOWN and tells(few.text, 5)
    (usual,) = describe_edges(edges_of(trials, np.arange(200) < 12))
    assert usual.kind == GOOD


RANGES = {
    "n_hidden_layers": {"min": 1, "max": 4},
    "width": {"min": 8, "max": 512, "log": True},
    "batch_size": {"min": 16, "max": 1024, "log": True},
    "learning_rate": [1e-4, 1e-3, 1e-2],
    "weight_decay": [0.0, 1e-4],
    "activation": ["relu", "tanh"],
    "dropout": 0.0,
}


def draw_from_ranges(n_trials=200, seed=0):
    rng = np.random.default_rng(seed)
    depths = rng.integers(1, 5, n_trials)
    return pd.DataFrame(
        {
            "n_hidden_layers": depths,
            "hidden_widths": [
                "-".join(f"{2**x:.0f}" for x in rng.uniform(3, 9, depth)) for depth in depths
            ],
            "learning_rate": rng.choice(RANGES["learning_rate"], n_trials),
            "batch_size": (2 ** rng.uniform(4, 10, n_trials)).astype(int),
            "weight_decay": rng.choice(RANGES["weight_decay"], n_trials),
            "activation": "relu",
            "dropout": 0.0,
        }
    )


@pytest.mark.parametrize(
    ("condition", "dimension", "what", "end", "value"),
    [
        (lambda t: t.batch_size < 24, "batch_size", "batch size", "lower", 16),
        (lambda t: t.batch_size > 700, "batch_size", "batch size", "upper", 1024),
        (lambda t: t.learning_rate == 1e-2, "learning_rate", "learning rate", "upper", 1e-2),
        (
            lambda t: t.hidden_widths.str.split("-").str[0].astype(int) > 350,
            "width",
            "first layer",
            "upper",
            512,
        ),
    ],
)
def test_ranges_of_integers_and_lists_of_numbers_have_edges(condition, dimension, what, end, value):
    trials = draw_from_ranges()
    first = crowded(edges_of(trials, finalists(trials, condition(trials)), RANGES))[0]
    assert (first.dimension, first.what, first.end, first.value) == (dimension, what, end, value)


def test_only_dimensions_of_several_numbers_have_edges():
    edges = edges_of(draw_from_ranges(), np.arange(200) < 12, RANGES)
    ends = {(edge.dimension, edge.end) for edge in edges}
    assert ends == {
        ("n_hidden_layers", "upper"),
        ("width", "lower"),
        ("width", "upper"),
        ("batch_size", "lower"),
        ("batch_size", "upper"),
        ("learning_rate", "lower"),
        ("learning_rate", "upper"),
        # No weight decay is no edge.
        ("weight_decay", "upper"),
    }
