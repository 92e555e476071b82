"""Learning-rate schedules: the rate of every update, by hand and in a training."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from twostep.config.schema import load_schema
from twostep.config.sentences import list_keys
from twostep.training.configuration import Configuration
from twostep.training.schedules import factor
from twostep.training.train import Budget, Tensors, train
from twostep.training.updates import count_updates

SCHEDULES = ("linear", "cosine", "one_cycle")
CONFIGURATION = Configuration((8,), 0.01, 32, "relu", "sgd", 0.0, 0.0)


def factors(schedule, total, warmup=0.0):
    return [factor(schedule, done, total, warmup=warmup) for done in range(total)]


def test_the_schema_knows_them():
    entry = dict(list_keys(load_schema()))["search.space.learning_rate_schedule"]
    assert entry["anyOf"][0]["enum"] == ["constant", *SCHEDULES]
    default = (Path(__file__).parents[2] / "config/config.yaml").read_text(encoding="utf-8")
    assert f"list to draw from: constant, {', '.join(SCHEDULES)}." in default


def test_the_rates_by_hand():
    assert factors("linear", 4) == [1, 0.75, 0.5, 0.25]
    assert factors("cosine", 3) == pytest.approx([1, 0.75, 0.25])
    # Half of 5 updates, rounded down, are 2 updates of warm-up.
    assert factors("one_cycle", 5, 0.5) == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])
    assert factors("one_cycle", 4, 0.01) == factors("linear", 4)
    assert [factors(schedule, 1, 0.9) for schedule in SCHEDULES] == [[1]] * 3


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SCHEDULES), st.integers(1, 300), st.floats(0.001, 0.999))
def test_no_update_is_wasted_and_one_has_the_highest_rate(schedule, total, warmup):
    rates = factors(schedule, total, warmup)
    assert min(rates) > 0 and max(rates) == 1
    highest = rates.index(1)
    assert rates[: highest + 1] == sorted(rates[: highest + 1])
    assert rates[highest:] == sorted(rates[highest:], reverse=True)
    assert highest == (int(warmup * total) if schedule == "one_cycle" else 0)


def test_the_last_rate_of_a_very_long_training_is_not_zero():
    for schedule in SCHEDULES:
        assert factor(schedule, 10**9 - 1, 10**9, warmup=0.05) > 0


def test_a_schedule_of_another_name_is_an_error():
    with pytest.raises(ValueError, match="'constant' is not a schedule"):
        factor("constant", 0, 10, warmup=0.0)


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(200, 2, generator=generator)
    return Tensors(inputs[:150], inputs[:150, :1], inputs[150:], inputs[150:, :1])


def run(data, budget, **changes):
    configuration = replace(CONFIGURATION, **changes)
    return train(configuration, data, budget, output_activation="linear", seed=1)


@pytest.mark.parametrize(
    "budget",
    [Budget(max_epochs=3), Budget(max_updates=7), Budget(3, 7), Budget(1, 700), Budget(2, 10)],
)
@pytest.mark.parametrize("batch_size", [1, 32, 150, 1000])
def test_a_training_makes_as_many_updates_as_were_counted(data, budget, batch_size):
    training = run(data, budget, batch_size=batch_size)
    limits = {"max_epochs": budget.max_epochs, "max_updates": budget.max_updates}
    assert training.updates == count_updates(150, batch_size, **limits)


def test_a_budget_without_limits_has_no_number_of_updates(data):
    with pytest.raises(ValueError, match="must limit max_epochs, max_updates or both"):
        run(data, Budget(patience_epochs=3), learning_rate_schedule="linear")


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("budget", [Budget(max_epochs=4), Budget(10, 13)])
def test_each_update_is_made_with_the_rate_of_the_schedule(data, monkeypatch, schedule, budget):
    used = []
    monkeypatch.setattr(
        "twostep.training.train.Optimizer.step",
        lambda optimizer: used.append(optimizer.learning_rate),
    )
    total = count_updates(150, 32, max_epochs=budget.max_epochs, max_updates=budget.max_updates)
    run(data, budget, learning_rate_schedule=schedule, warmup=0.2)
    assert used == [0.01 * share for share in factors(schedule, total, 0.2)]


def test_a_constant_rate_is_that_of_the_configuration(data, monkeypatch):
    used = set()
    monkeypatch.setattr(
        "twostep.training.train.Optimizer.step",
        lambda optimizer: used.add(optimizer.learning_rate),
    )
    run(data, Budget(max_epochs=2))
    assert used == {0.01}
