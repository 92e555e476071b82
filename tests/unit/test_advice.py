"""`snakemake advise`: what a pilot predicts, the plan that is recommended, and its sentences."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from twostep.analysis import advice
from twostep.analysis.advice import Pilot, Prediction, Prior, Unseen
from twostep.config.resolve import resolve_config
from twostep.running.advice_report import Wanted, describe_advice
from twostep.running.piloted import Piloted, join_pilots
from twostep.training.configuration import Configuration
from twostep.trials.pilots import count_pilot_trials, list_pilots, pilot_shards
from twostep.util.errors import UserError

NOTHING = Unseen(0.0, 0.0, 4)
# All data are as the largest size of the pilot, and two trainings differ by nothing.
CERTAIN = Prior(NOTHING, NOTHING, NOTHING, Unseen(-50.0, 0.0, 4), NOTHING)
MINIMAL = {
    "study": "mine",
    "dataset": {
        "files": "data.nc",
        "inputs": [{"name": "tair"}],
        "outputs": [{"name": "fn"}],
    },
}


def pilots(n_trials: int = 40, correlation: float = 0.9, gap: float = 1.0) -> list[Pilot]:
    """Return pilots on three sizes; a trial takes 1, 2 and 4 seconds."""
    random = np.random.default_rng(1)
    true = random.normal(size=n_trials)
    scatter = np.sqrt(1 / correlation - 1)
    return [
        Pilot(
            np.exp(gap * (true + scatter * random.normal(size=n_trials))),
            np.full(n_trials, seconds),
        )
        for seconds in (1.0, 2.0, 4.0)
    ]


def predict(found: list[Pilot], prior: Prior = CERTAIN, **settings) -> list[Prediction]:
    """Return the predictions for the middle size, where a trial takes 40 s on all data."""
    arguments = {"n_trials": 100, "numbers": [1, 4, 16], "prior": prior, **settings}
    return list(advice.predict(found, 1, np.full(len(found[0].losses), 40.0), **arguments))


def test_costs_are_those_of_both_steps():
    one, four, sixteen = predict(pilots())
    # 100 trials of 40 s on all data, and 100 of 2 s with some of 40 s.
    assert one.factor == pytest.approx((4000 / 240,) * 3)
    assert four.factor == pytest.approx((4000 / 360,) * 3)
    assert sixteen.hours == pytest.approx((200 + 640) / 3600)


def test_more_retrained_trials_cost_more_and_lose_less():
    plans = predict(pilots(correlation=0.6))
    assert np.all(np.diff([plan.factor[1] for plan in plans]) < 0)
    assert np.all(np.diff([plan.usual_regret for plan in plans]) < 0)
    assert np.all(np.diff([plan.regret[2] for plan in plans]) < 0)


def test_nothing_is_lost_without_noise_if_all_are_retrained():
    [plan] = predict(pilots(), numbers=[100])
    assert plan.regret == (1.0, 1.0, 1.0)


def test_a_pilot_whose_sizes_agree_less_loses_more():
    well, badly = (predict(pilots(correlation=value))[0] for value in (0.95, 0.5))
    assert badly.usual_regret > well.usual_regret > 1


def test_where_networks_are_about_as_good_little_is_lost():
    [plan, *_] = predict(pilots(correlation=0.3, gap=0.01))
    assert plan.regret[2] < 1.05


def test_less_agreement_with_all_data_makes_an_interval_wider():
    less = Prior(Unseen(-0.5, 0.4, 4), NOTHING, NOTHING, Unseen(-4.0, 0.5, 4), Unseen(0, 0.1, 4))
    for certain, uncertain in zip(predict(pilots()), predict(pilots(), less), strict=True):
        assert uncertain.span > certain.span
        assert uncertain.usual_regret >= certain.usual_regret


def test_intervals_hold_what_studies_of_the_same_kind_come_to():
    """All data are another size like those of the pilot: 90 % of studies are in the interval."""
    random = np.random.default_rng(4)
    held = []
    for _ in range(100):
        true = random.normal(size=60)
        losses = [np.exp(true + 0.4 * random.normal(size=60)) for _ in range(4)]
        found = [Pilot(loss[:40], np.ones(40)) for loss in losses[:3]]
        [plan] = predict(found, n_trials=60, numbers=[3])
        finalists = np.argsort(losses[1])[:3]
        regret = losses[3][finalists].min() / losses[3].min()
        held.append(plan.regret[0] - 1e-9 <= regret <= plan.regret[2] + 1e-9)
    assert np.mean(held) >= 0.8


def test_hours_become_trials():
    pilot = pilots()[1]
    # 4 retrainings of 40 s leave 200 s for trials of 2 s.
    assert advice.count_affordable(pilot, np.full(40, 40.0), hours=0.1, n_retrained=4) == 100


def test_failed_trials_are_the_last_ones():
    assert np.argmax(advice.scores(np.array([1.0, np.nan, 5.0]))) == 1


@pytest.mark.parametrize(
    "change",
    [{"usual_regret": 1.06}, {"regret": (1.0, 1.0, 3.1)}, {"factor": (0.9, 1.5, 2.0)}],
)
def test_a_plan_is_not_recommended_if_it_loses_too_much_or_tells_nothing(change):
    good = {
        "factor": (1.5, 2.0, 2.5),
        "regret": (1.0, 1.0, 1.2),
        "usual_regret": 1.02,
        "log_loss": -1.0,
        "hours": 1.0,
    }
    plan = Prediction(0, 100, 4, **good)
    assert advice.fit_plans([plan], 0.05) == [plan]
    assert advice.fit_plans([Prediction(0, 100, 4, **(good | change))], 0.05) == []


def piloted(found: list[Pilot]) -> Piloted:
    settings = [
        {"fraction": fraction, "budget": {"max_epochs": 20, "max_updates": None}}
        for fraction in (0.01, 0.02, 0.04)
    ]
    return Piloted(settings, [500, 1000, 2000], found, np.full(len(found[0].losses), 100.0), 0)


def test_the_recommended_plan_is_a_part_of_a_config():
    text = describe_advice("mine", piloted(pilots(gap=0.1)), Wanted(200, 0.05, None))
    part = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.S).group(1))
    config = resolve_config({**MINIMAL, **part})
    assert config["search"]["n_trials"] == 200
    assert config["search"]["fractions"][0] in (0.01, 0.02, 0.04)
    assert config["search"]["budget"]["max_epochs"] == 20
    assert "## All plans" in text


def test_the_recommended_plan_takes_the_place_of_a_studys_own_keys():
    budget = {"max_epochs": None, "max_updates": 750}
    budget |= {"patience_epochs": None, "patience_updates": None}
    found = piloted(pilots(gap=0.1))
    found = replace(found, settings=[{**each, "budget": budget} for each in found.settings])
    text = describe_advice("mine", found, Wanted(200, 0.05, None))
    study = {**MINIMAL, "search": {"fractions": [0.5, 1], "budget": {"max_epochs": 30}}}
    # As Snakemake merges what `--configfile my-study.yaml advised.yaml` names.
    update_config(study, yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.S).group(1)))
    search = resolve_config(study)["search"]
    assert search["budget"] == budget and len(search["fractions"]) == 1


def test_few_finalists_are_recommended_with_what_a_judged_study_costs():
    found = piloted(pilots(gap=0.1))
    text = describe_advice("mine", found, Wanted(200, 0.2, None))
    top_k = int(re.search(r"top_k: (\d+)", text).group(1))
    search = yaml.safe_load(re.search(r"```yaml\n(.*?)```", text, re.S).group(1))["search"]
    assert top_k < 8
    [told] = re.findall(r"200 trials with `top_k: 10` are ([\d.]+) times cheaper", text)
    assert f"| {search['fractions'][0]} | at most 20 epochs | 200 | 10 | {told} [" in text
    # Of 14 trials no plan retrains as many.
    few = describe_advice("mine", found, Wanted(14, 0.2, None))
    assert "set `top_k` to 8 or more" in few and "times cheaper than on" not in few
    many = describe_advice("mine", piloted(pilots(correlation=0.5)), Wanted(200, 0.05, None))
    assert int(re.search(r"top_k: (\d+)", many).group(1)) >= 8 and "set `top_k`" not in many


def test_processor_hours_decide_how_many_trials_are_recommended():
    texts = [
        describe_advice("mine", piloted(pilots(gap=0.1)), Wanted(200, 0.05, hours))
        for hours in (0.2, 0.3)
    ]
    few, many = (int(re.search(r"n_trials: (\d+)", text).group(1)) for text in texts)
    assert many > few > 10


def test_no_more_trials_are_recommended_than_the_space_has():
    text = describe_advice("mine", piloted(pilots(gap=0.1)), Wanted(200, 0.05, 0.3, 60))
    assert "n_trials: 60\n" in text


@pytest.mark.parametrize(
    ("found", "wanted", "told"),
    [
        (pilots(n_trials=11), Wanted(100, 0.05, None), "only 11 trials succeeded on all sizes"),
        (pilots(correlation=0.2, gap=0.1), Wanted(100, 1e-9, None), "no plan has a regret of less"),
        (pilots(correlation=0.2, gap=9), Wanted(100, 0.05, None), "more than a factor of 3"),
        (pilots(), Wanted(1, 0.05, None), "two trials for each one"),
    ],
)
def test_it_says_why_it_cannot_tell(found, wanted, told):
    text = describe_advice("mine", piloted(found), wanted)
    [sentence] = [line for line in text.splitlines() if line.startswith("Cannot tell: ")]
    assert told in sentence
    assert "raise" in sentence
    assert "```yaml" not in text


def test_a_trial_that_failed_in_one_pilot_is_left_out_of_all():
    configuration = Configuration((8,), 0.01, 64, "relu", "adam", 0.0, 0.0)
    rows = [
        {
            **{"trial": trial, "status": "ok", "min_val_loss": 0.1 + trial, "epochs": 2},
            **{"updates": 10, "n_train": 640, "n_validation": 100, "cpu_seconds": 3.0},
            **{"train_cpu_seconds": 1.0, "validation_cpu_seconds": 0.5},
            "configuration": configuration.to_dict(),
        }
        for trial in range(3)
    ]
    tables = [pd.DataFrame(rows), pd.DataFrame(rows)]
    tables[1].loc[1, ["status", "min_val_loss"]] = ["diverged", None]
    budget = {"max_epochs": None, "max_updates": 40, "patience_epochs": None}
    splits = {"training": 640, "validation": 200}
    found = join_pilots(tables, [{}, {}], budget, splits)
    assert found.n_failed == 1
    assert [list(pilot.losses) for pilot in found.pilots] == [[0.1, 2.1], [0.1, 2.1]]
    # Four times the updates, and twice as many validations of twice as many samples.
    assert found.full_seconds == pytest.approx([4 * 1.0 + 4 * 0.5] * 2)


def test_pilots_are_beside_the_fraction_of_the_search():
    def fractions(own, given=()):
        search = {"fractions": [own], "budget": {"max_epochs": 20}}
        return [pilot["fraction"] for pilot in list_pilots(search, {"pilots": list(given)})]

    assert fractions(0.05) == [0.025, 0.05, 0.1]
    assert fractions(0.2) == [0.05, 0.1, 0.2]
    assert fractions(0.05, [{"fraction": 0.3}, {"fraction": 0.1}]) == [0.1, 0.3]


def test_a_pilot_has_no_more_trials_than_are_known_before_it():
    search = {"n_trials": 100, "generation_size": 25, "sampler": "random", "shard_size": 50}
    assert count_pilot_trials(search, {"n_pilot": 40}) == 40
    assert count_pilot_trials(search | {"sampler": "tpe"}, {"n_pilot": 40}) == 25
    assert pilot_shards(search, {"n_pilot": 25}) == [(0, 10), (10, 20), (20, 25)]


def test_budgets_of_pilots_are_filled_from_that_of_the_search():
    given = [{"fraction": 0.1}, {"fraction": 0.2, "budget": {"max_epochs": 7}}]
    config = resolve_config({**MINIMAL, "advise": {"pilots": given}})
    first, second = config["advise"]["pilots"]
    assert first["budget"] == config["search"]["budget"]
    assert second["budget"] == config["search"]["budget"] | {"max_epochs": 7}
    assert resolve_config(config) == config


def test_a_single_pilot_is_refused():
    with pytest.raises(UserError, match=r"advise\.pilots has a single entry"):
        resolve_config({**MINIMAL, "advise": {"pilots": [{"fraction": 0.1}]}})
