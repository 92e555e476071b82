"""The diagnosis: what each check finds and tells, when it doubts, and the verdict."""

import math
from dataclasses import replace

import pandas as pd
import pytest
import synthetic_study as made_up
from findings import about, names, numbers, rounded, tells, without_numbers

from twostep.analysis.agreement import Agreement, Coefficient
from twostep.analysis.noise import RepetitionNoise, ValidationNoise
from twostep.analysis.regret import Cut, Regret, judge_cut
from twostep.report.data_checks import LOW_R2, check_quality, check_values
from twostep.report.diagnosis import diagnose, diagnosis_section, verdict
from twostep.report.edge_checks import check_edges
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.report.step_checks import (
    check_fractions,
    check_steps,
    describe_cut,
    describe_order,
    describe_regret,
    describe_repetitions,
    describe_validation,
)
from twostep.report.training_checks import (
    check_retraining,
    check_search,
    check_split,
    patience_updates,
)
from twostep.util import wording

BUDGET = made_up.config([0.05])["search"]["budget"]
SPACE = made_up.config([0.05])["search"]["space"]


# No key of the config has this name: fractions are advised in words.
A_LARGER_FRACTION = "larger fraction"


def doubts(found):
    return [finding for finding in found if finding.kind == DOUBT]


# The data and the search


@pytest.mark.parametrize(
    ("method", "inputs", "outputs", "warned"),
    [
        ("random", 0.9, 0.8, True),
        ("random", 0.9, 0.1, False),
        ("random", 0.1, 0.9, False),
        ("blocks", 0.9, 0.8, False),
    ],
)
def test_a_random_split_of_neighbours_that_are_alike_is_a_doubt(method, inputs, outputs, warned):
    measured = {"along": "time", "inputs": inputs, "outputs": outputs, "n_pairs": 1000}
    split = {"method": method, "variable": None, "n_units": 40}
    found = check_split(made_up.manifest() | {"split": split, "autocorrelation": measured})
    doubt = (DOUBT, "neighbouring samples are in different splits", "")
    assert [about(finding) for finding in found] == ([doubt] if warned else [])
    for finding in found:
        assert tells(finding.text, inputs, outputs, 1000)
        assert names(finding.text) == {"time", "split.method: blocks", "group"}


@pytest.mark.parametrize(("inputs", "told"), [(-0.38, True), (-0.02, False), (0.5, False)])
def test_neighbours_that_are_less_alike_than_by_chance_are_explained(inputs, told):
    measured = {"along": "sample", "inputs": inputs, "outputs": -0.19, "n_pairs": 1000}
    text = wording.autocorrelation(measured)
    assert tells(text, inputs, -0.19, 1000)
    usual = wording.autocorrelation(measured | {"inputs": 0.1})
    assert without_numbers(text).startswith(without_numbers(usual))
    assert (without_numbers(text) != without_numbers(usual)) == told


def trials_with(**columns):
    trials = made_up.trials_table(n_failed=0).assign(stop_reason="patience", batch_size=16)
    return trials.assign(**columns)


def test_a_search_without_trouble_has_no_doubts_and_says_so():
    found = check_search("0.05", trials_with(), BUDGET)
    assert [finding.kind for finding in found] == [GOOD] * 3
    failed, limit, patience = (finding.text for finding in found)
    assert tells(failed, 200) and "message" not in names(failed)
    assert tells(limit, 0, 200) and names(limit) == {"search.budget"}
    assert tells(patience, 1095) and names(patience) == {"search.budget"}
    assert all(tells(text, 0.05) for text in (failed, limit, patience))


def test_failed_trials_are_counted_by_their_status_and_many_are_a_doubt():
    trials = trials_with()
    trials.loc[trials.index[-3:], "status"] = ["diverged", "killed", "diverged"]
    found = check_search("0.05", trials, BUDGET)
    assert doubts(found) == []
    assert tells(found[0].text, 3, 200, 1.5)
    assert "2 diverged, 1 killed" in found[0].text
    assert "(rank/0.05/trials.csv)" in found[0].text
    assert "--forcerun search_shard" in found[0].text
    trials.loc[trials.index[-10:], "status"] = "diverged"
    (doubt,) = doubts(check_search("0.05", trials, BUDGET))
    assert about(doubt) == (DOUBT, "many trials failed", "0.05")
    assert tells(doubt.text, 10, 200, 5) and "(10 diverged)" in doubt.text
    assert names(doubt.text) == {"message", "search.space.learning_rate"}
    assert "--forcerun" not in doubt.text


AT_THE_LIMIT = (DOUBT, "many trials stopped at the limit of the budget", "0.05")


def test_many_trials_at_the_limit_are_a_doubt():
    trials = trials_with()
    trials.loc[trials.index[:39], "stop_reason"] = "max_epochs"
    assert doubts(check_search("0.05", trials, BUDGET)) == []
    trials.loc[trials.index[:40], "stop_reason"] = "max_epochs"
    (doubt,) = doubts(check_search("0.05", trials, BUDGET))
    assert about(doubt) == AT_THE_LIMIT
    assert tells(doubt.text, 40, 200, 20) and names(doubt.text) == {"search.budget"}
    assert "patience" in doubt.text


def test_without_a_patience_only_trials_whose_last_epoch_was_the_best_count():
    budget = {"max_epochs": 100}
    done = trials_with(stop_reason="max_epochs", epochs=100, best_epoch=80)
    assert doubts(check_search("0.05", done, budget)) == []
    (doubt,) = doubts(check_search("0.05", done.assign(best_epoch=100), budget))
    assert about(doubt) == AT_THE_LIMIT
    assert tells(doubt.text, 200, 200) and names(doubt.text) == {"search.budget"}
    assert "patience" not in doubt.text


def test_a_patience_of_few_updates_is_a_doubt():
    # 3,500 samples in batches of 1024 are 4 updates an epoch.
    (doubt,) = doubts(check_search("0.05", trials_with(batch_size=1024), BUDGET))
    assert about(doubt) == (DOUBT, "the patience was short", "0.05")
    assert tells(doubt.text, 20) and tells(doubt.text, 3500)
    assert names(doubt.text) == {"search.budget"}


def test_the_patience_that_ends_first_counts():
    trials = trials_with(batch_size=1024)
    assert patience_updates(trials, {"patience_epochs": 50, "patience_updates": 120}) == 120
    assert patience_updates(trials, {"patience_epochs": 5, "patience_updates": 120}) == 20
    assert patience_updates(trials, {"max_epochs": 5}) is None


# The space


BEST = {"learning_rate": 1e-3, "batch_size": 128, "weight_decay": 0.0, "dropout": 0.0}


def network(widths, **settings):
    layers = widths.count("-") + 1
    return pd.Series({"n_hidden_layers": layers, "hidden_widths": widths} | BEST | settings)


AT_AN_EDGE = (DOUBT, "the best model is at an edge of the space", "")


# Which end it is stands in words alone.
@pytest.mark.parametrize(
    ("widths", "number", "end", "dimension"),
    [
        ("64-32-64", None, None, None),
        ("64-" * 7 + "32", 8, "most", "n_hidden_layers"),
        ("16", None, None, None),
        ("512-512", 512, "largest", "width"),
        ("8-8-8", 8, "smallest", "width"),
    ],
)
def test_a_best_network_at_the_edge_of_the_space_is_a_doubt(widths, number, end, dimension):
    (finding,) = check_edges(network(widths), SPACE)
    if dimension is None:
        assert finding.kind == GOOD
        assert numbers(finding.text) == [] and names(finding.text) == set()
    else:
        assert about(finding) == AT_AN_EDGE
        assert numbers(finding.text) == [number] and end in finding.text
        assert names(finding.text) == {f"search.space.{dimension}"}


def test_the_fewest_layers_are_an_edge_unless_they_are_one():
    layers = {"n_hidden_layers": {"min": 2, "max": 8}}
    (doubt,) = doubts(check_edges(network("64-32"), SPACE | layers))
    assert about(doubt) == AT_AN_EDGE
    assert numbers(doubt.text) == [2] and "fewest" in doubt.text
    assert names(doubt.text) == {"search.space.n_hidden_layers"}
    fixed = {"n_hidden_layers": {"min": 2, "max": 2}, "width": [64]}
    assert doubts(check_edges(network("64-64"), SPACE | fixed)) == []


@pytest.mark.parametrize(
    ("dimension", "values", "value", "end"),
    [
        ("learning_rate", {"min": 1e-4, "max": 1e-2}, 1e-3, None),
        ("learning_rate", {"min": 1e-4, "max": 1e-2}, 1.2e-4, "lower"),
        ("learning_rate", {"min": 1e-4, "max": 1e-2}, 9e-3, "upper"),
        ("weight_decay", {"min": 1e-6, "max": 1e-2}, 1.1e-6, "lower"),
        ("dropout", {"min": 0.0, "max": 0.5}, 0.001, None),
        ("dropout", {"min": 0.0, "max": 0.5}, 0.49, "upper"),
        ("dropout", {"min": 0.1, "max": 0.5}, 0.11, "lower"),
        ("batch_size", [64, 128, 256], 128, None),
        ("batch_size", [64, 128, 256], 256, "largest"),
        ("batch_size", [64, 128], 128, None),
    ],
)
def test_other_edges_count_if_they_are_searched(dimension, values, value, end):
    best = network("64-32", **{dimension: value})
    found = doubts(check_edges(best, SPACE | {dimension: values}))
    assert [about(finding) for finding in found] == ([AT_AN_EDGE] if end else [])
    for finding in found:
        assert numbers(finding.text) == [value] and end in finding.text
        assert names(finding.text) == {f"search.space.{dimension}"}


# The retraining


def test_models_that_failed_or_do_not_beat_a_line_are_doubts():
    retrained = made_up.study().retrained
    losses = {"best_loss": 0.01, "linear": 0.02}
    assert doubts(check_retraining(retrained, BUDGET, **losses)) == []
    failed = retrained.copy()
    failed.loc[0, "status"] = "diverged"
    first, second = doubts(check_retraining(failed, BUDGET, best_loss=0.02, linear=0.02))
    assert about(first) == (DOUBT, "retrained models failed", "")
    assert tells(first.text, 1, len(failed)) and "1 diverged" in first.text
    assert about(second) == (DOUBT, "no better than a linear regression", "")


def test_a_retraining_that_ended_early_is_a_doubt():
    retrained = made_up.study().retrained.assign(stop_reason="max_epochs")
    losses = {"best_loss": 0.01, "linear": 0.02}
    assert doubts(check_retraining(retrained, {"max_epochs": 9}, **losses)) == []
    retrained["best_epoch"] = retrained["epochs"]
    (doubt,) = doubts(check_retraining(retrained, {"max_epochs": 9}, **losses))
    assert about(doubt) == (DOUBT, "the retraining ended early", "")
    assert tells(doubt.text, len(retrained), len(retrained))
    assert names(doubt.text) == {"retrain.budget"}


# The values and what was learned from them

PLACE = "data.nc at sample index 26"


def doubt_about(kind, feature, value, rows, first=PLACE):
    return {"kind": kind, "feature": feature, "value": value, "rows": rows, "first": first}


FAR_TOPIC = "values far from all others"


@pytest.mark.parametrize(
    ("doubt", "topic", "told"),
    [
        (doubt_about("sentinel", "t", -999.0, 146), FAR_TOPIC, [-999, 146, 26]),
        (doubt_about("far", "t", 3e9, 1), FAR_TOPIC, [3e9, 1, 26]),
        (
            doubt_about("zero_fill", "t", 0.0, 70),
            "zeros that may stand for missing values",
            [0, 70, 26],
        ),
        (
            doubt_about("tiny", "t", 4e-22, 4000),
            "features that may be zero but for rounding",
            [4e-22],
        ),
    ],
)
def test_a_doubt_of_the_manifest_names_value_count_and_place(doubt, topic, told):
    (found,) = check_values(made_up.manifest() | {"doubts": [doubt]})
    assert about(found) == (DOUBT, topic, "")
    assert numbers(found.text) == told and "t" in names(found.text)
    declared = doubt["kind"] in ("sentinel", "zero_fill")
    assert ("missing_value" in names(found.text)) == declared


def test_features_with_the_same_doubt_stand_together():
    doubts = [
        doubt_about("sentinel", "t", -999.0, 146),
        doubt_about("sentinel", "q", -999.0, 86, "other.nc at sample index 3"),
        doubt_about("sentinel", "q", 1e20, 5),
        *(doubt_about("tiny", f"c{i}", i * 1e-25, 4000) for i in range(1, 31)),
    ]
    found = check_values(made_up.manifest() | {"doubts": doubts})
    assert [sorted(numbers(finding.text)) for finding in found[:2]] == [
        [-999, 26, 146],
        [5, 26, 1e20],
    ]
    assert {"t", "q"} < names(found[0].text)
    assert len(found) == 3
    assert "and 10 more" in found[2].text and tells(found[2].text, 3e-24)


def test_nothing_is_said_of_values_without_a_doubt():
    assert check_values(made_up.manifest()) == []
    assert check_values(made_up.manifest() | {"doubts": [doubt_about("later", "t", 0, 1)]}) == []


def test_a_model_that_is_hardly_better_than_a_constant_is_a_doubt():
    study = made_up.study()
    assert check_quality(study) == []
    for value in (-0.3, 0.0, LOW_R2 / 2):
        bad = replace(study, retrained=study.retrained.assign(**{"test_r2[fn[coarse]]": value}))
        (found,) = check_quality(bad)
        assert about(found) == (DOUBT, "hardly better than a constant on the test split", "")
        assert tells(found.text, 1, 2) and tells(found.text, rounded(value, 2))
        assert names(found.text) == {"fn[coarse]"}
    # An output that does not vary has none.
    unknown = study.retrained.assign(**{"test_r2[fn[coarse]]": math.nan})
    assert check_quality(replace(study, retrained=unknown)) == []


@pytest.mark.parametrize(("loss", "is_doubt"), [(0.029, False), (0.03, True), (0.04, True)])
def test_a_model_no_better_than_a_linear_regression_on_the_test_split_is_a_doubt(loss, is_doubt):
    study = made_up.study()
    study = replace(
        study,
        retrained=study.retrained.assign(test_loss=loss),
        baseline=study.baseline.assign(test_loss=0.03),
    )
    found = check_quality(study)
    topic = (DOUBT, "no better than a linear regression", "")
    assert [about(finding) for finding in found] == ([topic] if is_doubt else [])
    for finding in found:
        assert numbers(finding.text) == [loss, 0.03]


# The steps

DOUBTFUL, CERTAIN = Coefficient(0.4, -0.1, 0.7), Coefficient(0.8, 0.6, 0.9)


def test_an_order_that_may_be_chance_is_a_doubt():
    good = describe_order("0.05", Agreement(12, CERTAIN, DOUBTFUL), CERTAIN, 6, n_others=179)
    assert good.kind == GOOD
    assert tells(good.text, 12, 0.8, 0.6, 0.9)
    # Over all trials, as the controls tell.
    assert tells(good.text, 6, 0.8, 0.6, 0.9)
    doubt = describe_order("0.05", Agreement(12, DOUBTFUL, CERTAIN), None, 0, n_others=179)
    assert about(doubt) == (DOUBT, "step 1 may have ordered its finalists by chance", "0.05")
    assert tells(doubt.text, 12) and tells(doubt.text, 0.4, -0.1, 0.7)
    assert "control" not in doubt.text
    assert names(doubt.text) == {"retrain.top_k"} and A_LARGER_FRACTION in doubt.text


@pytest.mark.parametrize(
    ("fraction", "n_others", "advised"),
    [
        ("0.05", 0, set()),
        ("1", 179, {"search.budget", "retrain.top_k"}),
        ("1", 0, {"search.budget"}),
    ],
)
def test_no_more_is_advised_than_there_is(fraction, n_others, advised):
    agreement = Agreement(12, DOUBTFUL, CERTAIN)
    doubt = describe_order(fraction, agreement, None, 0, n_others=n_others)
    assert (doubt.kind, doubt.fraction) == (DOUBT, fraction)
    assert tells(doubt.text, 0.4, -0.1, 0.7)
    assert names(doubt.text) == advised
    assert (A_LARGER_FRACTION in doubt.text) == (fraction != "1")


def test_an_order_of_few_trials_or_of_none_is_not_known():
    unknown = (UNKNOWN, "if the ranking carries over", "0.05")
    found = describe_order("0.05", Agreement(5, CERTAIN, CERTAIN), None, 0, n_others=179)
    assert about(found) == unknown
    assert sorted(numbers(found.text)) == [0.05, 5] and names(found.text) == {"retrain.top_k"}
    found = describe_order("0.05", None, None, 0, n_others=0)
    assert about(found) == unknown
    assert numbers(found.text) == [0.05] and names(found.text) == {"search.n_trials"}
    six = Agreement(6, CERTAIN, CERTAIN)
    assert describe_order("0.05", six, None, 0, n_others=179).kind == GOOD


LOST = "what the cut at top_k has lost"


def test_better_controls_are_a_doubt_and_worse_ones_bound_what_was_lost():
    good = describe_cut("0.05", Cut(12, 17, 179, 0, 0.0, 0.195, 2.1))
    assert good.kind == GOOD
    assert tells(good.text, 17, 179) and tells(good.text, 12) and tells(good.text, 2.1)
    assert tells(good.text, 0, 20, 95)
    cut = Cut(12, 6, 179, 2, 0.043, 0.777, 0.9)
    doubt = describe_cut("0.05", cut)
    assert about(doubt) == (DOUBT, "the cut at top_k lost better trials", "0.05")
    assert tells(doubt.text, 2, 6, 179) and tells(doubt.text, 12)
    # Better by 10 % of the loss.
    assert tells(doubt.text, 10) and tells(doubt.text, 4.3, 78, 95)
    assert names(doubt.text) == {"retrain.top_k"} and A_LARGER_FRACTION in doubt.text
    on_all = describe_cut("1", cut)
    assert names(on_all.text) == {"search.budget", "retrain.top_k"}
    assert A_LARGER_FRACTION not in on_all.text


@pytest.mark.parametrize(("n_controls", "kind"), [(16, UNKNOWN), (17, GOOD)])
def test_too_few_controls_leave_open_what_was_lost(n_controls, kind):
    losses = [1.0] * 12 + [2.0] * n_controls
    steps = pd.DataFrame({"step_2_loss": losses, "among_top_k": [loss == 1 for loss in losses]})
    cut = judge_cut(steps.assign(control=~steps["among_top_k"]), n_others=179)
    found = describe_cut("0.05", cut)
    assert about(found) == ((UNKNOWN, LOST, "0.05") if kind == UNKNOWN else (GOOD, "", ""))
    assert tells(found.text, n_controls, 179)
    # How many controls would bound it below 20 %.
    assert tells(found.text, 17, 20) == (kind == UNKNOWN)
    assert names(found.text) == ({"retrain.controls"} if kind == UNKNOWN else set())
    # Of 5 others all are known.
    assert describe_cut("0.05", Cut(12, 5, 5, 0, 0.0, 0.0, 2.1)).kind == GOOD


def find_cut(study):
    _, found, *_ = check_steps(study, "0.05")
    return found


def test_without_controls_that_succeeded_nothing_is_known_of_the_cut():
    study = made_up.study(("0.05",), controls=0)
    found = find_cut(study)
    assert about(found) == (UNKNOWN, LOST, "0.05")
    assert numbers(found.text) == [200 - 4 - 12] and names(found.text) == {"retrain.controls"}
    study = made_up.study(("0.05",), controls=6)
    for failed in (study.retrained["control"], ~study.retrained["control"]):
        status = study.retrained["status"].mask(failed, "diverged")
        found = find_cut(replace(study, retrained=study.retrained.assign(status=status)))
        assert about(found) == (UNKNOWN, LOST, "0.05")
        # Some were retrained, and that is no advice then.
        assert numbers(found.text) == [200 - 4 - 12] and names(found.text) == set()


def test_where_all_trials_were_retrained_there_is_no_cut_and_no_advice_to_move_it():
    searches = {"0.05": made_up.trials_table(20, n_failed=0)}
    retrained = made_up.retrained_table(searches, top_k=20)
    # The last of the ranking is the best of all.
    last = retrained["rank[0.05]"] == 20
    retrained.loc[last, "min_val_loss"] = retrained["min_val_loss"].min() / 2
    (search,) = made_up.study(("0.05",)).searches
    study = made_up.study(
        ("0.05",),
        searches=[replace(search, trials=searches["0.05"])],
        retrained=retrained,
        config=made_up.config([0.05], top_k=20),
    )
    assert find_cut(study) == Finding(study.without_cut, GOOD)
    assert study.n_others == 0
    assert not any("top_k" in finding.text for finding in check_steps(study, "0.05"))


# The numbers are how many are enough and of how many, and for a doubt the place of the best one or
# how many times better the best of all is; "the first alone" has none.
@pytest.mark.parametrize(
    ("ratio", "topic", "told"),
    [
        ([1.0, 1.0, 1.0, 1.0], None, [4]),
        ([1.5, 1.2, 1.0, 1.0], None, [3, 4]),
        ([1.5, 1.2, 1.2, 1.0], "the best trial was close to the cut", [4, 4, 4]),
        ([1.5, 1.1, 1.1, 1.0], "the best trial was close to the cut", [2, 4, 4]),
        (
            [math.nan, math.nan, math.nan, 1.2, 1.0],
            "the best trial was close to the cut",
            [5, 5, 5],
        ),
        ([1.5, 1.3, 1.3, 1.3], "a fraction missed the best trials", [4, 1.3]),
    ],
)
def test_the_regret_in_words(ratio, topic, told):
    regret = Regret(*(pd.Series(ratio).to_numpy(),) * 3)
    (finding,) = describe_regret("0.05", regret, tolerance=0.1, n_others=179)
    assert about(finding) == ((DOUBT, topic, "0.05") if topic else (GOOD, "", ""))
    # Besides the fraction and the tolerance.
    assert sorted(numbers(finding.text)) == sorted([0.05, 10, *told])
    assert names(finding.text) == ({"retrain.top_k"} if topic else set())
    (finding,) = describe_regret("0.05", regret, tolerance=0.1, n_others=0)
    assert names(finding.text) == set()


# Chance


def test_seeds_that_explain_the_differences_are_a_doubt():
    good = describe_repetitions(RepetitionNoise(12, 3, 0.01, 0.2, 1e-6), n_repetitions=3)
    assert good.kind == GOOD and tells(good.text, 3, 1) and tells(good.text, 12, 20)
    doubt = describe_repetitions(RepetitionNoise(12, 3, 0.1, 0.06, 0.4), n_repetitions=3)
    assert about(doubt) == (DOUBT, "the finalists differ by no more than their seeds", "")
    assert tells(doubt.text, 3, 10) and tells(doubt.text, 12, 6) and tells(doubt.text, 0.4)
    assert names(doubt.text) == {"retrain.seeds"}
    unknown = describe_repetitions(None, n_repetitions=1)
    assert about(unknown) == (UNKNOWN, "the noise of the seeds", "")
    assert names(unknown.text) == {"retrain.seeds: 3"}


def test_a_validation_split_that_cannot_tell_the_finalists_apart_is_a_doubt():
    (good,) = describe_validation(ValidationNoise(12, 2, 0.01))
    assert good.kind == GOOD and tells(good.text, 2, 11, 18) and tells(good.text, 1)
    (best,) = describe_validation(ValidationNoise(12, 0, 0.01))
    assert best.kind == GOOD and numbers(best.text) == [1]
    (doubt,) = describe_validation(ValidationNoise(12, 6, 0.05))
    assert about(doubt) == (DOUBT, "the validation split cannot tell the finalists apart", "")
    assert tells(doubt.text, 6, 11, 55) and tells(doubt.text, 5)
    assert names(doubt.text) == {"split.validation"}
    assert describe_validation(None) == []


# Fractions

DISAGREE = (DOUBT, "the fractions do not agree", "0.05")


def test_fractions_that_agree_are_no_doubt_and_unrelated_ones_are():
    study = made_up.study()
    pair, outcomes = check_fractions(study)
    assert pair.kind == outcomes.kind == GOOD
    first, second = study.searches
    shared = set(first.trials["trial"].head(12)) & set(second.trials["trial"].head(12))
    assert tells(pair.text, 0.05, 0.2, len(shared), 12) and tells(pair.text, 196)
    # One of the fractions has the best loss of all.
    assert tells(outcomes.text, 1, 0.05) or tells(outcomes.text, 1, 0.2)
    assert {0.05, 0.2} < set(numbers(outcomes.text))
    turned = second.trials.copy()
    ranked = turned["rank"].notna()
    turned.loc[ranked, "rank"] = 197 - turned.loc[ranked, "rank"]
    turned.loc[ranked, "min_val_loss"] = 1 / turned.loc[ranked, "min_val_loss"]
    changed = replace(study, searches=[first, replace(second, trials=turned)])
    (doubt,) = doubts(check_fractions(changed))
    assert about(doubt) == DISAGREE
    assert tells(doubt.text, 0.05, 0.2, 0, 12) and "unrelated" in doubt.text
    on_all = replace(second, fraction="1", trials=turned)
    retrained = study.retrained.rename(columns=lambda name: name.replace("[0.2]", "[1]"))
    changed = replace(study, searches=[first, on_all], retrained=retrained)
    (doubt_on_all,) = doubts(check_fractions(changed))
    assert about(doubt_on_all) == DISAGREE
    assert tells(doubt_on_all.text, 0.05, 1, 0, 12)
    # A fraction beyond 0.2 is advised; there is none beyond 1.
    assert numbers(doubt.text).count(0.2) == 1 + numbers(doubt_on_all.text).count(1)
    assert check_fractions(made_up.study(("0.05",))) == []


@pytest.mark.parametrize("top_k", [18, 20])
def test_what_most_of_the_trials_share_does_not_tell_if_fractions_agree(top_k):
    study = made_up.study(config=made_up.config([0.05, 0.2], top_k=top_k))
    few = [replace(search, trials=search.trials.head(20)) for search in study.searches]
    # The same ranking, but for one trial that the second one has at its end.
    order = [*range(1, 20), 0]
    trials = few[0].trials.iloc[order].assign(rank=range(1, 21))
    trials["min_val_loss"] = sorted(trials["min_val_loss"])
    few[1] = replace(few[1], trials=trials)
    found = check_fractions(replace(study, searches=few))
    assert doubts(found) == []
    # They share all but one of the first 18, and all of all 20.
    assert tells(found[0].text, {18: 17, 20: 20}[top_k], top_k, 20)


@pytest.mark.parametrize("n_trials", [1, 5])
def test_fractions_with_few_trials_in_common_cannot_be_compared(n_trials):
    study = made_up.study()
    few = [
        replace(search, trials=search.trials[search.trials["trial"] < n_trials])
        for search in study.searches
    ]
    first, _ = check_fractions(replace(study, searches=few))
    assert about(first) == (UNKNOWN, "if the fractions agree", "0.05")
    assert numbers(first.text) == [0.05, 0.2]


# All together


def test_the_verdict_names_each_doubt_once_with_its_fractions():
    found = [
        Finding("x", GOOD),
        Finding("x", DOUBT, "too short", "0.1"),
        Finding("x", DOUBT, "at the edge"),
        Finding("x", DOUBT, "too short", "0.2"),
        Finding("x", UNKNOWN, "the noise"),
    ]
    assert verdict(found) == (
        "**With reservations:** too short (fraction 0.1, 0.2); at the edge. Not known: the noise."
    )
    assert verdict(found[:1]) == "**It can be trusted**, as far as the checks below tell."


def test_each_finding_stands_below_the_heading_of_its_kind():
    study = made_up.study()
    heading, sentence, *paragraphs = diagnosis_section(study)
    assert heading == "## Can it be trusted?" and sentence.startswith("**With reservations:**")
    found = diagnose(study)
    for title, kind in (("What speaks against it", DOUBT), ("What is in order", GOOD)):
        (place,) = [i for i, text in enumerate(paragraphs) if text.startswith(title)]
        expected = [f"- {finding.text}" for finding in found if finding.kind == kind]
        assert paragraphs[place + 1].splitlines() == list(dict.fromkeys(expected))


def test_a_study_without_trouble_can_be_trusted():
    study = made_up.study(("0.05",), controls=20)
    (search,) = study.searches
    retrained = study.retrained.copy()
    retrained["min_val_loss"] = retrained["search_val_loss[0.05]"] * 0.4
    retrained.loc[retrained["seed"] == 1, "min_val_loss"] *= 1.0001
    retrained["n_hidden_layers"], retrained["hidden_widths"] = 3, "64-32-64"
    retrained["difference_error"] = 1e-9
    changed = replace(
        study,
        searches=[replace(search, trials=trials_with())],
        retrained=retrained,
        selection=made_up.selection_table(retrained),
    )
    assert doubts(diagnose(changed)) == []
    assert diagnosis_section(changed)[1] == (
        "**It can be trusted**, as far as the checks below tell."
    )
    once = changed.retrained[changed.retrained["seed"] == 0]
    config = made_up.config([0.05], seeds=1, controls=20)
    assert diagnosis_section(replace(changed, retrained=once, config=config))[1].endswith(
        " Not known: the noise of the seeds."
    )
