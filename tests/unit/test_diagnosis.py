"""The diagnosis: what each check finds and tells, when it doubts, and the verdict."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic_study as made_up
from findings import about, names, numbers, rounded, tells, without_numbers

from twostep.analysis.agreement import Agreement, Coefficient
from twostep.analysis.noise import RepetitionNoise, Rivals
from twostep.analysis.regret import Cut, Regret
from twostep.analysis.remaining import Remaining, normal_scores
from twostep.analysis.training_end import TrainingEnd
from twostep.report.cut_checks import (
    LEFT,
    check_cut,
    describe_left,
    describe_lost,
    describe_regret,
)
from twostep.report.data_checks import LOW_R2, check_quality, check_values
from twostep.report.diagnosis import diagnose, diagnosis_section, verdict
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.report.fraction_checks import check_fractions
from twostep.report.noise_checks import check_noise, describe_repetitions, describe_rivals
from twostep.report.step_checks import check_order, describe_finalists, describe_whole_range
from twostep.report.training_checks import (
    check_processors,
    check_retraining,
    check_search,
    check_split,
    describe_end,
    patience_updates,
)
from twostep.util import wording

BUDGET = made_up.config([0.05])["search"]["budget"]


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
    measured = {"along": "time", "lag": 2, "inputs": inputs, "outputs": outputs, "n_pairs": 1000}
    split = {"method": method, "variable": None, "n_units": 40}
    found = check_split(made_up.manifest() | {"split": split, "autocorrelation": measured})
    doubt = (DOUBT, "neighbouring samples are in different splits", "")
    assert [about(finding) for finding in found] == ([doubt] if warned else [])
    for finding in found:
        assert tells(finding.text, 2, inputs, outputs, 1000)
        assert names(finding.text) == {"time", "split.method: blocks", "group"}


@pytest.mark.parametrize(
    ("inputs", "is_generated", "told"),
    [(-0.38, True, True), (-0.38, False, False), (-0.02, True, False), (0.5, True, False)],
)
def test_generated_neighbours_that_are_less_alike_than_by_chance_are_explained(
    inputs, is_generated, told
):
    measured = {"along": "sample", "lag": 1, "inputs": inputs, "outputs": -0.19, "n_pairs": 1000}
    text = wording.autocorrelation(measured, is_generated=is_generated)
    assert tells(text, inputs, -0.19, 1000)
    usual = wording.autocorrelation(measured | {"inputs": 0.1}, is_generated=is_generated)
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
    advised = {"search.space.learning_rate", "search.space.max_gradient_norm"}
    assert names(doubt.text) == {"message", *advised}
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


def test_without_a_patience_the_limit_is_no_doubt():
    """Each trial reaches it, and which epoch was the best is chance."""
    done = trials_with(stop_reason="max_epochs", epochs=100, best_epoch=100)
    (failed,) = check_search("0.05", done, {"max_epochs": 100})
    assert failed.kind == GOOD and names(failed.text) == set()


def test_where_no_trial_succeeded_nothing_is_said_of_the_limit():
    found = check_search("0.05", trials_with(status="diverged"), BUDGET)
    assert not any(tells(finding.text, 0, 0) for finding in found)
    assert [finding.topic for finding in doubts(found)] == ["many trials failed"]


def test_processors_of_several_types_are_a_doubt_with_advice():
    timings = made_up.study(("0.05",)).searches[0].timings
    assert check_processors("0.05", timings) == []
    mixed = timings.assign(processor=["old"] * 20 + ["new"] * (len(timings) - 20))
    (doubt,) = check_processors("0.05", mixed)
    assert about(doubt) == (DOUBT, "processors of several types", "0.05")
    assert numbers(doubt.text) == [0.05, 2, len(timings) - 20, 20]
    assert names(doubt.text) == {"constraint"}


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


# The retraining


ENDED = {"best_loss": 0.01, "simple": 0.02, "regression": "linear regression", "tolerance": 0.25}


def test_models_that_failed_or_do_not_beat_a_line_are_doubts():
    retrained = made_up.study().retrained
    assert doubts(check_retraining(retrained, [], BUDGET, **ENDED)) == []
    failed = retrained.copy()
    failed.loc[0, "status"] = "diverged"
    first, second = doubts(check_retraining(failed, [], BUDGET, **ENDED | {"best_loss": 0.02}))
    assert about(first) == (DOUBT, "retrained models failed", "")
    assert tells(first.text, 1, len(failed)) and "1 diverged" in first.text
    assert about(second) == (DOUBT, "no better than a linear regression", "")


@pytest.mark.parametrize(
    ("end", "kind", "told"),
    [
        # Two thirds of the loss would be left: 1.5 to the power of -1.
        (TrainingEnd(12, -1.0, -0.5), DOUBT, [12, 1.5, 33, 25, 50]),
        (TrainingEnd(12, -0.2, -0.1), GOOD, [12, 1.5, 7.8, 25]),
        (TrainingEnd(12, -1.0, 0.1), GOOD, [12]),
    ],
)
def test_losses_that_still_fall_at_the_end_are_a_doubt(end, kind, told):
    (found,) = describe_end(end, {"max_epochs": 25, "max_updates": None}, tolerance=0.25)
    assert about(found) == (kind, "the retraining ended early" if kind == DOUBT else "", "")
    assert numbers(found.text) == told
    assert names(found.text) == ({"retrain.budget.max_epochs: 50"} if kind == DOUBT else set())
    assert describe_end(None, BUDGET, tolerance=0.25) == []


@pytest.mark.parametrize(
    ("budget", "key"),
    [
        ({"max_epochs": 25, "max_updates": None}, "retrain.budget.max_epochs: 50"),
        ({"max_epochs": None, "max_updates": 300}, "retrain.budget.max_updates: 600"),
    ],
)
def test_with_a_schedule_one_run_does_not_tell_if_a_longer_training_is_better(budget, key):
    retrained = made_up.study().retrained
    constant = {"status": "ok", "stop_reason": "max_epochs", "val_loss": [], "configuration": {}}
    scheduled = constant | {"configuration": {"learning_rate_schedule": "cosine"}}
    found = check_retraining(retrained, [constant, scheduled, constant], budget, **ENDED)
    (unknown,) = (finding for finding in found if finding.kind == UNKNOWN)
    assert about(unknown) == (UNKNOWN, "if the retraining ended early", "")
    assert tells(unknown.text, 1, 3) and names(unknown.text) == {key}
    assert check_retraining(retrained, [constant] * 3, budget, **ENDED) == []


# The values and what was learned from them

PLACE = "data.nc at sample index 26"
N_READ = made_up.manifest()["n_rows_read"]


def doubt_about(kind, feature, value, rows, first=PLACE):
    return {"kind": kind, "feature": feature, "value": value, "rows": rows, "first": first}


FAR_TOPIC = "values far from all others"


@pytest.mark.parametrize(
    ("doubt", "topic", "told"),
    [
        (doubt_about("sentinel", "t", -999.0, 146), FAR_TOPIC, [-999, 146, N_READ, 26]),
        (doubt_about("far", "t", 3e9, 1), FAR_TOPIC, [3e9, 1, N_READ, 26]),
        (
            doubt_about("zero_fill", "t", 0.0, 70),
            "zeros that may stand for missing values",
            [0, 70, N_READ, 26],
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
        [-999, 26, 146, N_READ],
        [5, 26, N_READ, 1e20],
    ]
    assert {"t", "q"} < names(found[0].text)
    assert len(found) == 3
    assert "and 10 more" in found[2].text and tells(found[2].text, 3e-24)


def test_many_doubts_stand_together_by_their_variables():
    doubts = [doubt_about("far", f"t[{i}]", 1e9 + 1e6 * i, 1 + i % 2) for i in range(60)]
    (found,) = check_values(made_up.manifest() | {"doubts": doubts})
    assert "`t` (60 entries) are between 1e+09 and 1.059e+09 in up to 2 of" in found.text
    assert len(found.text) < 300


def test_nothing_is_said_of_values_without_a_doubt():
    assert check_values(made_up.manifest()) == []


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

WEAK, MIDDLING, STRONG = (
    Coefficient(0.3, 0.1, 0.6),
    Coefficient(0.6, 0.3, 0.7),
    Coefficient(0.8, 0.6, 0.9),
)


@pytest.mark.parametrize(
    ("whole", "kind", "topic", "advised"),
    [
        (STRONG, GOOD, "", set()),
        (MIDDLING, UNKNOWN, "if the ranking carries over", {"retrain.controls"}),
        (WEAK, DOUBT, "the ranking carries over badly", set()),
        (None, UNKNOWN, "if the ranking carries over", {"retrain.controls"}),
    ],
)
def test_the_correlation_over_all_trials_is_judged(whole, kind, topic, advised):
    (found,) = describe_whole_range("0.05", whole, 12, n_others=179)
    assert about(found) == (kind, topic, "0.05" if topic else "")
    assert names(found.text) == advised and tells(found.text, 12)
    if whole is not None:
        # Never without its interval.
        assert tells(found.text, whole.value, whole.low, whole.high)
    assert (A_LARGER_FRACTION in found.text) == (whole is WEAK)
    assert describe_whole_range("0.05", whole, 0, n_others=0) == []


def test_on_all_data_a_larger_budget_is_advised():
    (doubt,) = describe_whole_range("1", WEAK, 12, n_others=179)
    assert names(doubt.text) == {"search.budget"} and A_LARGER_FRACTION not in doubt.text


def test_the_order_of_the_finalists_is_told_and_no_doubt():
    """Finalists are alike by choice: their order says little of the search."""
    (found,) = describe_finalists("0.05", Agreement(12, WEAK, STRONG))
    assert found.kind == GOOD and tells(found.text, 12) and tells(found.text, 0.3, 0.1, 0.6)
    assert describe_finalists("0.05", Agreement(5, STRONG, STRONG)) == []
    assert describe_finalists("0.05", None) == []


# The cut

CUT = Cut(12, 17, 179, 0, 0.0, 0.195, 2.1)


def left(probability, enough, reason=""):
    answer = Remaining(probability, enough, reason)
    return describe_left("0.05", answer, CUT, top_k=12, tolerance=0.25)


def test_whether_a_better_trial_is_left_in_words():
    good = left(0.03, 12)
    assert good.kind == GOOD
    assert tells(good.text, 0.05, 3, 25) and tells(good.text, 12)
    doubt = left(0.15, 23)
    assert about(doubt) == (DOUBT, "a better trial may be left", "0.05")
    assert tells(doubt.text, 15) and tells(doubt.text, 23, 5)
    assert names(doubt.text) == {"retrain.top_k"}
    far = left(0.6, None, "more than 10 times as many would be needed")
    assert about(far) == about(doubt) and tells(far.text, 60, 25, 120, 5)
    assert names(far.text) == {"search.fractions"}
    unknown = left(None, None, "it rains")
    assert about(unknown) == (UNKNOWN, LEFT, "0.05")
    # What the controls alone tell: up to 35 of 179.
    assert "it rains." in unknown.text and tells(unknown.text, 0, 17, 35, 179, 95)
    assert "less than 1 %" in left(0.0001, 12).text


def test_better_controls_are_a_doubt():
    cut = Cut(12, 6, 179, 2, 0.043, 0.777, 0.7)
    (doubt,) = describe_lost("0.05", cut, tolerance=0.25)
    assert about(doubt) == (DOUBT, "the cut at top_k lost better trials", "0.05")
    assert tells(doubt.text, 2, 6) and tells(doubt.text, 12, 0.05, 25, 30)
    assert tells(doubt.text, 8, 139, 179, 95)
    assert names(doubt.text) == {"retrain.top_k", "search.fractions"}
    (on_all,) = describe_lost("1", cut, tolerance=0.25)
    assert names(on_all.text) == {"search.budget", "retrain.top_k"}
    assert describe_lost("0.05", CUT, tolerance=0.25) == []
    assert describe_lost("0.05", None, tolerance=0.25) == []


def test_without_controls_nothing_is_known_of_what_is_left():
    study = made_up.study(("0.05",), controls=0)
    found = check_cut(study, "0.05")[0]
    assert about(found) == (UNKNOWN, LEFT, "0.05")
    assert tells(found.text, 8, 6, 12, 0)


def with_correlation(study, correlation):
    """The study with losses of step 2 that follow the ranking of step 1 so closely."""
    retrained = study.retrained.copy()
    scores = normal_scores(retrained["rank[0.05]"].to_numpy(float), 196)
    noise = np.random.default_rng(5).standard_normal(len(retrained))
    slope = 0.3 * correlation / math.sqrt(1 - correlation**2)
    retrained["min_val_loss"] = 1e-4 * np.exp(slope * scores + 0.3 * noise)
    retrained = retrained.sort_values("min_val_loss", ignore_index=True)
    return replace(study, retrained=retrained, selection=made_up.selection_table(retrained))


@pytest.mark.parametrize(
    ("correlation", "kind", "topic"),
    [(0.99, GOOD, ""), (0.72, DOUBT, "a better trial may be left"), (0.1, UNKNOWN, LEFT)],
)
def test_what_is_left_depends_on_how_the_steps_agree(correlation, kind, topic):
    study = with_correlation(made_up.study(("0.05",), controls=20), correlation)
    found = check_cut(study, "0.05")[0]
    assert about(found) == (kind, topic, "0.05" if topic else "")


def test_where_all_trials_were_retrained_there_is_no_cut_and_no_advice_to_move_it():
    searches = {"0.05": made_up.trials_table(20, n_failed=0)}
    retrained = made_up.retrained_table(searches, top_k=20)
    (search,) = made_up.study(("0.05",)).searches
    study = made_up.study(
        ("0.05",),
        searches=[replace(search, trials=searches["0.05"])],
        retrained=retrained,
        config=made_up.config([0.05], top_k=20),
    )
    assert check_cut(study, "0.05") == [Finding(study.without_cut("0.05"), GOOD)]
    assert study.n_others("0.05") == 0
    found = [*check_cut(study, "0.05"), *check_order(study, "0.05")]
    assert not any("top_k" in finding.text for finding in found)


# The numbers are how many are enough and of how many, and for a doubt by how many per cent the loss
# of the best of all is lower; "the first alone" has none.
@pytest.mark.parametrize(
    ("ratio", "topic", "told"),
    [
        ([1.0, 1.0, 1.0, 1.0], None, [4]),
        ([1.5, 1.2, 1.0, 1.0], None, [3, 4]),
        ([math.nan, math.nan, 1.2, 1.0], None, [4, 4]),
        ([1.5, 1.3, 1.3, 1.3], "a fraction missed the best trials", [4, 23]),
    ],
)
def test_the_regret_in_words(ratio, topic, told):
    regret = Regret(np.array(ratio))
    (finding,) = describe_regret("0.05", regret, tolerance=0.1, n_others=179)
    assert about(finding) == ((DOUBT, topic, "0.05") if topic else (GOOD, "", ""))
    # Besides the fraction and the tolerance.
    assert sorted(numbers(finding.text)) == sorted([0.05, 10, *told])
    assert names(finding.text) == ({"retrain.top_k"} if topic else set())
    (finding,) = describe_regret("0.05", regret, tolerance=0.1, n_others=0)
    assert names(finding.text) == set()


# Chance


def test_the_noise_of_the_seeds_is_told_or_not_known():
    known = describe_repetitions(RepetitionNoise(12, 3, 0.1), n_repetitions=3)
    assert known.kind == GOOD and numbers(known.text) == [3, 10]
    unknown = describe_repetitions(None, n_repetitions=1)
    assert about(unknown) == (UNKNOWN, "the noise of the seeds", "")
    assert names(unknown.text) == {"retrain.seeds: 3"}
    assert describe_repetitions(None, n_repetitions=3).kind == UNKNOWN


RIVALS = Rivals(88, 12, [17, 23], 0.03, sample=True, seeds=False)


def test_finalists_that_cannot_be_told_from_the_best_are_listed():
    few = describe_rivals(RIVALS, method="random", tolerance=0.01)
    assert few.kind == GOOD
    assert tells(few.text, 2, 11, 18) and tells(few.text, 88, 17, 23) and tells(few.text, 3)
    none = describe_rivals(replace(RIVALS, trials=[]), method="random", tolerance=0.01)
    assert none.kind == GOOD and numbers(none.text) == [88, 3, 95]


def test_it_is_a_doubt_only_if_chance_is_larger_than_the_tolerance():
    many = replace(RIVALS, trials=[1, 2, 3, 4, 5, 6])
    doubt = describe_rivals(many, method="random", tolerance=0.02)
    assert about(doubt) == (DOUBT, "the finalists cannot be told apart", "")
    assert names(doubt.text) == {"split.validation", "select.tolerance"}
    assert describe_rivals(many, method="random", tolerance=0.05).kind == GOOD
    seeds = replace(many, sample=False, seeds=True)
    doubt = describe_rivals(seeds, method="random", tolerance=0.02)
    assert names(doubt.text) == {"retrain.seeds", "select.tolerance"}


@pytest.mark.parametrize(
    ("method", "basis"),
    [
        ("random", "independent"),
        ("variable", "independent"),
        ("blocks", "whole blocks"),
        ("group", "whole groups"),
    ],
)
def test_it_says_what_the_error_rests_on(method, basis):
    text = describe_rivals(RIVALS, method=method, tolerance=0.1).text
    assert basis in text.lower() and "network" in text and "configuration" not in text
    assert (
        "configuration"
        in describe_rivals(replace(RIVALS, seeds=True), method=method, tolerance=0.1).text
    )


@pytest.mark.parametrize(
    ("method", "likeness", "advised"),
    [
        ("random", 0.1, None),
        ("random", 0.9, {"split.method: blocks", "group"}),
        ("variable", 0.1, None),
        ("variable", 0.9, {"split.method: blocks", "group"}),
        ("blocks", 0.9, None),
        ("group", 0.9, None),
    ],
)
def test_an_error_that_is_not_known_is_told_with_what_to_change(method, likeness, advised):
    study = divided(method, n_units=100, likeness=likeness)
    topic = "the noise of the validation split"
    found = [finding for finding in check_noise(study) if finding.topic == topic]
    assert [finding.kind for finding in found] == [UNKNOWN] * (advised is not None)
    assert all(names(finding.text) == advised for finding in found)


@pytest.mark.parametrize(
    ("method", "variable", "n_units", "topic", "advised"),
    [
        ("blocks", None, 20, "has 2 blocks", {"split.n_blocks", "split.validation"}),
        ("group", "s", 12, "has 1 group of `s`", {"s", "split.validation", "split.variable"}),
    ],
)
def test_few_blocks_or_groups_to_validate_on_are_a_doubt(method, variable, n_units, topic, advised):
    study = divided(method, variable=variable, n_units=n_units, likeness=0.1)
    study = replace(study, retrained=study.retrained.assign(difference_error=math.nan))
    (doubt,) = doubts(check_noise(study))
    assert doubt.topic == f"the validation split {topic}"
    assert names(doubt.text) == advised
    assert verdict([doubt]).startswith("**With reservations:**")


def divided(method, *, variable=None, n_units, likeness):
    """Return a study whose samples were divided by a method, and are more or less alike."""
    study = made_up.study()
    division = study.manifest["split"]
    division = division | {"method": method, "variable": variable, "n_units": n_units}
    measured = study.manifest["autocorrelation"] | {"inputs": likeness, "outputs": likeness}
    manifest = study.manifest | {"split": division, "autocorrelation": measured}
    return replace(study, manifest=manifest)


# Fractions

DISAGREE = (DOUBT, "fractions 0.05 and 0.2 do not agree", "")


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
    assert tells(doubt.text, 0.05, 0.2, 0, 12) and "Unrelated" in doubt.text
    on_all = replace(second, fraction="1", trials=turned)
    retrained = study.retrained.rename(columns=lambda name: name.replace("[0.2]", "[1]"))
    changed = replace(study, searches=[first, on_all], retrained=retrained)
    (doubt_on_all,) = doubts(check_fractions(changed))
    assert about(doubt_on_all) == (DOUBT, "fractions 0.05 and 1 do not agree", "")
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


def test_a_study_without_trouble_can_be_trusted_and_one_without_controls_cannot_be_judged():
    study = made_up.study(("0.05",), controls=20)
    (search,) = study.searches
    quiet = with_correlation(study, 0.99)
    quiet.retrained["difference_error"] = 1e-9
    # Two repetitions that differ little.
    first = quiet.retrained.drop_duplicates("trial").assign(seed=0)
    second = first.assign(seed=1, min_val_loss=first["min_val_loss"] * 1.0001)
    quiet = replace(
        quiet,
        searches=[replace(search, trials=trials_with())],
        retrained=pd.concat([first, second], ignore_index=True),
    )
    assert doubts(diagnose(quiet)) == []
    assert diagnosis_section(quiet)[1] == "**It can be trusted**, as far as the checks below tell."
    once = quiet.retrained[quiet.retrained["seed"] == 0]
    config = made_up.config([0.05], seeds=1, controls=20)
    assert diagnosis_section(replace(quiet, retrained=once, config=config))[1].endswith(
        " Not known: the noise of the seeds."
    )
    alone = replace(quiet, retrained=quiet.retrained[~quiet.retrained["control"]])
    assert diagnosis_section(alone)[1].startswith("**It cannot be told** whether it can be trusted")
