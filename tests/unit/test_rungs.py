"""Rungs: who passes each cut, how the work is divided, and what is told of the cuts."""

import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic_study as made_up
import yaml
from findings import about, tells
from matplotlib import pyplot as plt

from twostep.analysis.cost import step_costs
from twostep.analysis.losses_by_cut import judge_cuts, lost_at
from twostep.analysis.remaining import better_left
from twostep.analysis.rounds import judge_round
from twostep.config.resolve import resolve_config
from twostep.figures.all_figures import draw_figures
from twostep.report.cut_checks import LEFT
from twostep.report.diagnosis import diagnose, verdict
from twostep.report.entries import figure_entries
from twostep.report.finding import UNKNOWN, Finding
from twostep.report.summary import summarise
from twostep.trials.ranking import cut_off, draw_controls, leave_out_controls, rank_rung
from twostep.trials.reproduce import find_record
from twostep.trials.rungs import count_shards, count_survivors, rung_names, share_of
from twostep.util.errors import UserError

DOCS = Path(__file__).parents[2] / "docs"
MINIMAL = {
    "study": "mine",
    "dataset": {
        "files": "data.nc",
        "inputs": [{"name": "tair"}],
        "outputs": [{"name": "fn"}],
    },
}


def ranking_of(trials, *, controls=None, n_failed=0):
    """Return the ranking of trials in this order, the last of which have failed."""
    n_ranked = len(trials) - n_failed
    ranks = [*range(1, n_ranked + 1), *[None] * n_failed]
    table = pd.DataFrame({"rank": pd.array(ranks, "Int64"), "trial": trials})
    return table if controls is None else table.assign(control=table["trial"].isin(controls))


def cut(table, top_k, n_controls=3):
    return cut_off([table], top_k=top_k, n_controls=n_controls, seed=1)


def test_the_best_and_some_of_the_others_pass():
    ranking = ranking_of(list(range(100)), n_failed=10)
    passed = cut(ranking, 20)
    assert passed["finalists"] == list(range(20))
    assert passed["controls"] == sorted(draw_controls([ranking], top_k=20, n_controls=3, seed=1))
    assert all(20 <= trial < 90 for trial in passed["controls"])


def test_a_control_of_an_earlier_cut_competes_and_stays_in_unless_it_failed():
    """71 is among the best on its own, 72 is not, and 73 failed."""
    ranking = ranking_of([5, 71, 3, 8, 72, 1, 2, 4, 6, 73], controls=[71, 72, 73], n_failed=1)
    passed = cut(ranking, 3, n_controls=1)
    # It takes one of the places, as any other trial would.
    assert passed["finalists"] == [3, 5, 71]
    (drawn,) = set(passed["controls"]) - {71, 72}
    assert drawn in {8, 1, 2, 4, 6}


def test_a_larger_top_k_brings_in_only_what_it_chooses():
    ranking = ranking_of(list(range(300)))
    small, large = cut(ranking, 20, n_controls=12), cut(ranking, 30, n_controls=12)
    before, after = ({*each["finalists"], *each["controls"]} for each in (small, large))
    assert set(range(30)) <= after
    # A control is replaced only where it has become a finalist.
    became = set(small["controls"]) & set(range(30))
    assert len(set(large["controls"]) - set(small["controls"])) == len(became)
    assert len(after - before) == 10


def test_a_cut_is_judged_without_those_that_only_an_earlier_one_kept_in():
    ranking = ranking_of([5, 71, 3, 72, 8, 9], controls=[71, 72], n_failed=1)
    judged = leave_out_controls(ranking, 2)
    assert judged["trial"].tolist() == [5, 71, 3, 8, 9]
    assert judged["rank"].dropna().tolist() == [1, 2, 3, 4]
    plain = ranking_of([1, 2, 3])
    assert leave_out_controls(plain, 2) is plain


@pytest.mark.parametrize(("n_trials", "n_shards"), [(13, 5), (5, 5), (3, 5), (100, 7), (1, 1)])
def test_shards_are_even_and_hold_each_trial_once(n_trials, n_shards):
    trials = np.random.default_rng(1).permutation(1000)[:n_trials].tolist()
    shares = [share_of(trials, shard, n_shards) for shard in range(n_shards)]
    assert [trial for share in shares for trial in share] == sorted(trials)
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


def test_the_number_of_shards_follows_from_the_config():
    rungs = [{"top_k": 100}, {"top_k": 95}]
    search = {"n_trials": 1000, "shard_size": 10, "rungs": rungs}
    retrain = {"controls": 12, "top_k": 50}
    assert count_survivors(search, retrain, 1) == 112
    # The second cut has no more to draw from than it cuts off.
    assert count_survivors(search, retrain, 2) == 95 + 12 + 5
    assert count_shards(search, retrain, 1) == 12


RECORD = {
    "seed": 0,
    "message": "",
    "n_parameters": 10,
    "n_operations": 8,
    "n_train": 100,
    "n_validation": 50,
    "epochs": 1,
    "best_epoch": 1,
    "updates": 1,
    "stop_reason": "max_epochs",
    "val_loss_per_output": {},
    "collapsed_outputs": [],
    "train_loss": [1.0],
    "configuration": {
        "hidden_widths": [2],
        **dict.fromkeys(("activation", "optimizer"), "x"),
        **dict.fromkeys(("learning_rate", "batch_size", "weight_decay", "dropout"), 0),
    },
}


def test_a_rung_accounts_for_all_that_passed_and_marks_the_controls():
    records = [RECORD | {"trial": i, "status": "ok", "min_val_loss": 1 / i} for i in (3, 7, 9)]
    records.append(
        RECORD | {"trial": 4, "status": "diverged", "min_val_loss": None, "best_epoch": None}
    )
    passed = {"finalists": [3, 4, 7], "controls": [9]}
    table = rank_rung(records, passed, output_names=[], max_failed=0.5)
    assert table["trial"].tolist() == [9, 7, 3, 4]
    assert table["control"].tolist() == [True, False, False, False]
    assert table["rank"].isna().tolist() == [False, False, False, True]
    with pytest.raises(UserError, match=r"1 missing trials \(the first: 8\)"):
        rank_rung(records, passed | {"controls": [8, 9]}, output_names=[], max_failed=0.5)


# The config


def resolved(search, **retrain):
    sections = {"search": {"n_trials": 100, **search}, "retrain": {"top_k": 5, **retrain}}
    return resolve_config(MINIMAL | sections)


def test_what_a_rungs_budget_does_not_give_is_as_in_the_search():
    search = {
        "budget": {"max_epochs": 7, "patience_epochs": 3},
        "rungs": [
            {"fraction": 0.05, "top_k": 50, "budget": {"max_epochs": 21}},
            {"fraction": 1, "top_k": 20},
        ],
    }
    config = resolved(search)
    first, second = (rung["budget"] for rung in config["search"]["rungs"])
    limits = {"max_epochs": 21, "max_updates": None, "patience_epochs": 3, "patience_updates": None}
    assert first == limits
    assert second == limits | {"max_epochs": 7}
    assert resolve_config(config) == config


def test_with_a_schedule_a_rung_has_no_patience():
    search = {
        "space": {"learning_rate_schedule": "cosine"},
        "rungs": [{"fraction": 0.1, "top_k": 50, "budget": {"max_epochs": 9}}],
    }
    (rung,) = resolved(search)["search"]["rungs"]
    assert rung["budget"]["patience_epochs"] is None
    search["rungs"][0]["budget"]["patience_epochs"] = 2
    with pytest.raises(UserError, match=r"^search.rungs, entry 1, budget, patience_epochs is 2"):
        resolved(search)


RUNG = {"fraction": 0.1, "top_k": 50}
SHORTER = {"top_k": 40, "budget": {"max_epochs": 8}}


@pytest.mark.parametrize(
    "limits", [{"max_epochs": 11}, {"max_epochs": None, "max_updates": 9}, {"patience_epochs": 9}]
)
def test_a_rung_with_the_same_fraction_has_a_larger_limit(limits):
    budget = {"max_epochs": 10, "patience_epochs": 3}
    resolved({"fractions": [0.1], "budget": budget, "rungs": [RUNG | {"budget": limits}]})


def test_a_rung_with_a_larger_fraction_may_have_fewer_epochs():
    resolved({"fractions": [0.05], "budget": {"max_epochs": 10}, "rungs": [RUNG | SHORTER]})


@pytest.mark.parametrize(
    ("search", "fragment"),
    [
        ({"fractions": [0.1, 0.2], "rungs": [RUNG]}, "search.fractions has 2 entries"),
        (
            {"rungs": [RUNG | {"top_k": 100}]},
            "search.rungs, entry 1, top_k is 100, but it must be less than search.n_trials",
        ),
        (
            {"rungs": [RUNG, RUNG]},
            "search.rungs, entry 2, top_k is 50, but it must be less than that of entry 1",
        ),
        ({"rungs": [RUNG | {"top_k": 5}]}, "retrain.top_k is 5, but it must be less than"),
        (
            {"rungs": [RUNG | {"budget": {"max_epochs": None}}]},
            "search.rungs, entry 1, budget must limit max_epochs, max_updates or both",
        ),
        (
            {"fractions": [0.2], "rungs": [RUNG]},
            "entry 1, fraction is 0.1, but it must be at least that of search.fractions, which is",
        ),
        (
            {"rungs": [RUNG | {"fraction": 0.3}, RUNG | {"top_k": 40}]},
            "entry 2, fraction is 0.1, but it must be at least that of entry 1, which is 0.3",
        ),
        (
            {"fractions": [0.1], "rungs": [RUNG]},
            "entry 1 has neither a larger fraction nor a larger budget than search.fractions",
        ),
        (
            {"budget": {"max_epochs": 9}, "rungs": [RUNG, RUNG | SHORTER]},
            "entry 2 has neither a larger fraction nor a larger budget than entry 1",
        ),
        ({"rungs": [{"fraction": 0.1}]}, "search.rungs, entry 1, top_k is missing"),
        ({"rungs": [RUNG | {"fractions": 1}]}, "search.rungs, entry 1, fractions is not a known"),
        ({"rungs": [RUNG | {"fraction": 2}]}, "search.rungs, entry 1, fraction must be"),
        ({"rungs": 3}, "search.rungs must be a list, each entry a mapping"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(search, fragment):
    with pytest.raises(UserError) as caught:
        resolved(search)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_examples_of_the_docs_are_configs():
    text = (DOCS / "rungs.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 6
    for block in blocks:
        config = resolve_config(MINIMAL | yaml.safe_load(block))
        sizes = [rung["top_k"] for rung in config["search"]["rungs"]]
        assert sizes == sorted(sizes, reverse=True)


# What is told


@pytest.fixture(scope="module")
def study():
    return made_up.study_with_rungs()


def test_each_cut_is_judged_by_the_losses_that_follow_it(study):
    (search,), (first, second) = study.searches, study.rungs
    by_hand = search.trials.set_index("trial").loc[first.trials["trial"]]
    table = pd.DataFrame(
        {
            "step_1_rank": by_hand["rank"].astype(int).to_numpy(),
            "step_2_loss": first.trials["min_val_loss"].to_numpy(),
            "control": ~first.trials["trial"].isin(by_hand.index[by_hand["rank"] <= 80]),
        }
    )
    table = table.sort_values(["step_2_loss", "step_1_rank"])
    expected = better_left(table, n_trials=196, top_k=80, tolerance=0.1, after="rung 1")
    assert study.left("0.05") == expected
    # Nothing that is trained later has a say.
    retrained = study.retrained.assign(min_val_loss=study.retrained["min_val_loss"] ** 2)
    worse = second.trials.assign(min_val_loss=second.trials["min_val_loss"] ** 2)
    changed = replace(study, retrained=retrained, rungs=[first, replace(second, trials=worse)])
    assert changed.left("0.05") == expected
    assert changed.left("rung_1") != study.left("rung_1")


def test_rounds_of_retraining_are_judged_as_the_last_cut_is(study):
    verdict = judge_round(
        study.retrained.to_dict("records"),
        {"rung_2": study.rungs[-1].trials},
        finalists=12,
        tolerance=0.1,
        probability=0.05,
    )
    # The draws of the estimator depend on the order of the rows.
    steps = study.sampled_steps("rung_2").sort_values("step_1_rank")
    sizes = {"n_trials": study.n_ranked("rung_2"), "top_k": 12}
    expected = better_left(steps, **sizes, tolerance=0.1)
    assert verdict["fractions"]["rung_2"] == asdict(expected)


def test_a_cut_knows_its_own_controls_alone(study):
    seen: set[int] = set()
    for level, n_cut in zip(study.levels, (196 - 80, 80 - 40, 40 - 12), strict=True):
        steps = study.steps(level.name)
        controls = set(steps.loc[steps["control"], "trial"])
        assert len(controls) == 12 and not controls & seen
        seen |= controls
        assert steps["among_top_k"].sum() == study.passed(level.name)
        # Earlier controls that are among the best push others out, which may be drawn.
        assert n_cut <= study.n_others(level.name) <= n_cut + len(seen)


def test_the_cuts_are_told_with_their_numbers(study):
    first, *_ = outcomes = judge_cuts(study)
    assert [each.name for each in outcomes] == ["0.05", "rung_1", "rung_2"]
    assert (first.n_passed, first.n_ranked, first.n_controls) == (80, 196, 12)
    assert all(each.n_known == 12 for each in outcomes)
    text = summarise(study)
    section = text.partition("## Rungs")[2].partition("## Retraining")[0]
    assert "| after the search | 80 of 196 trials (41 %) | 12 |" in section
    assert "### Rung 1" in section and "### Rung 2" in section
    assert tells(section.partition("- Data:")[2].splitlines()[0], 0.05)
    for name in ("search_rung_1", "steps_rung_2", "regret_rung_1"):
        assert f"figures/{name}.png" in text
    assert "rungs/2/trials.csv" in text


def test_a_study_without_rungs_tells_of_none():
    plain = made_up.study()
    assert plain.levels == plain.choosing == plain.searches
    assert "rung" not in summarise(plain).lower()
    assert not [name for name in figure_entries(["0.05"]) if "rung" in name]


def test_a_control_that_is_the_best_was_lost_by_its_cut(study):
    steps = study.steps("rung_1")
    trial = int(steps.loc[steps["control"], "trial"].iloc[0])
    assert lost_at(study, trial) == "rung_1"
    retrained = study.retrained.copy()
    retrained.loc[retrained["trial"] == trial, "min_val_loss"] = 1e-9
    changed = replace(study, retrained=retrained, selection=made_up.selection_table(retrained))
    assert "the cut after rung 1 had lost it" in summarise(changed)
    better = {each.name: each.n_better for each in judge_cuts(changed)}
    assert better["rung_1"] == 1


def test_a_control_that_a_later_cut_let_pass_was_lost_all_the_same(study):
    steps = study.steps("0.05")
    # One that the first cut drew, and that counts as a finalist of the last ranking.
    trial = int(steps.loc[steps["control"], "trial"].iloc[0])
    retrained = study.retrained.copy()
    own = retrained["trial"] == trial
    retrained.loc[own, "min_val_loss"] = retrained["min_val_loss"].min() / 2
    retrained.loc[own, "control"] = False
    changed = replace(study, retrained=retrained, selection=made_up.selection_table(retrained))
    assert judge_cuts(changed)[0].n_better == 1
    assert lost_at(changed, trial) == "0.05"
    assert "the cut after the search had lost it" in summarise(changed)


def test_a_trial_that_passed_all_cuts_was_lost_by_none(study):
    assert lost_at(study, int(study.levels[-1].trials["trial"].iloc[0])) is None


def test_the_verdict_names_fractions_and_rungs(study):
    assert {name for finding in diagnose(study) if (name := finding.fraction)} >= {"rung_1"}
    found = [Finding("", UNKNOWN, LEFT, name) for name in ("0.05", "rung_1", "rung_2")]
    assert "(fraction 0.05, rung 1, rung 2)" in verdict(found)
    assert about(found[1]) == (UNKNOWN, LEFT, "rung_1")


def test_the_cost_has_each_rung_without_its_controls(study):
    costs = step_costs(study, study.searches[0])
    assert list(costs)[:5] == ["step_1", "rung_1", "rung_2", "step_2", "both"]
    parts = ("step_1", "rung_1", "rung_2", "step_2")
    assert costs["both"].work == pytest.approx(sum(costs[name].work for name in parts))
    trials = study.rungs[0].trials
    counted = trials[~trials["control"]]
    work = counted["epochs"] * counted["n_train"] * counted["n_parameters"]
    assert costs["rung_1"].work == pytest.approx(work.sum())


def test_every_figure_of_a_study_with_rungs_is_drawn(study):
    names = [name for name, _ in draw_figures(study, made_up.predictions())]
    plt.close("all")
    assert set(names) == set(figure_entries(["0.05"], rungs=rung_names(study.config["search"])))


def test_a_trial_that_no_cut_let_pass_cannot_be_reproduced():
    records = [{"trial": 4, "epochs": 7}, {"trial": 2, "epochs": 9}]
    assert find_record(records, 2, "rung_1")["epochs"] == 9
    with pytest.raises(UserError, match="trial 3 was not trained in rung 1"):
        find_record(records, 3, "rung_1")
