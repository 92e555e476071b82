"""The diagnosis: which sentence each check says, when it doubts, and the verdict."""

import math
from dataclasses import replace

import pandas as pd
import pytest
import synthetic_study as made_up

from twostep.analysis.agreement import Agreement, Coefficient
from twostep.analysis.noise import RepetitionNoise, ValidationNoise
from twostep.analysis.regret import Cut, Regret, judge_cut
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


def doubts(found):
    return [finding.text for finding in found if finding.kind == DOUBT]


def texts(found):
    return " ".join(finding.text for finding in found)


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
    assert ("near copies among the training samples" in texts(found)) == warned


@pytest.mark.parametrize(("inputs", "told"), [(-0.38, True), (-0.02, False), (0.5, False)])
def test_neighbours_that_are_less_alike_than_by_chance_are_explained(inputs, told):
    measured = {"along": "sample", "inputs": inputs, "outputs": -0.19, "n_pairs": 1000}
    assert ("spread evenly" in wording.autocorrelation(measured)) == told


def trials_with(**columns):
    trials = made_up.trials_table(n_failed=0).assign(stop_reason="patience", batch_size=16)
    return trials.assign(**columns)


def test_a_search_without_trouble_has_no_doubts_and_says_so():
    found = check_search("0.05", trials_with(), BUDGET)
    assert doubts(found) == []
    assert "none of the 200 trials failed." in texts(found)
    assert "0 of 200 trials reached the limit of `search.budget` before their patience" in texts(
        found
    )
    assert "patience of `search.budget` is at least 1,095 updates" in texts(found)


def test_failed_trials_are_counted_by_their_status_and_many_are_a_doubt():
    trials = trials_with()
    trials.loc[trials.index[-3:], "status"] = ["diverged", "killed", "diverged"]
    found = check_search("0.05", trials, BUDGET)
    assert "3 of 200 trials (1.5 %) failed (2 diverged, 1 killed)" in texts(found)
    assert "--forcerun search_shard" in texts(found)
    assert doubts(found) == []
    trials.loc[trials.index[-10:], "status"] = "diverged"
    (doubt,) = doubts(check_search("0.05", trials, BUDGET))
    assert "10 of 200 trials (5 %) failed (10 diverged)" in doubt
    assert "smaller `search.space.learning_rate`" in doubt and "--forcerun" not in doubt


def test_many_trials_at_the_limit_are_a_doubt():
    trials = trials_with()
    trials.loc[trials.index[:39], "stop_reason"] = "max_epochs"
    assert doubts(check_search("0.05", trials, BUDGET)) == []
    trials.loc[trials.index[:40], "stop_reason"] = "max_epochs"
    (doubt,) = doubts(check_search("0.05", trials, BUDGET))
    assert (
        "40 of 200 trials (20 %) reached the limit of `search.budget` before their patience"
        in doubt
    )
    assert "consider a larger budget" in doubt


def test_without_a_patience_only_trials_whose_last_epoch_was_the_best_count():
    budget = {"max_epochs": 100}
    done = trials_with(stop_reason="max_epochs", epochs=100, best_epoch=80)
    assert doubts(check_search("0.05", done, budget)) == []
    (doubt,) = doubts(check_search("0.05", done.assign(best_epoch=100), budget))
    assert "200 of 200 trials had the best epoch last when they reached the limit" in doubt


def test_a_patience_of_few_updates_is_a_doubt():
    # 3,500 samples in batches of 1024 are 4 updates an epoch.
    (doubt,) = doubts(check_search("0.05", trials_with(batch_size=1024), BUDGET))
    assert "as short as 20 updates" in doubt
    assert "3,500 training samples" in doubt


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


@pytest.mark.parametrize(
    ("widths", "expected"),
    [
        ("64-32-64", None),
        ("64-" * 7 + "32", "8 hidden layers, the most"),
        ("16", None),
        ("512-512", "512 units, the largest"),
        ("8-8-8", "8 units, the smallest"),
    ],
)
def test_a_best_network_at_the_edge_of_the_space_is_a_doubt(widths, expected):
    (finding,) = check_edges(network(widths), SPACE)
    assert finding.kind == (DOUBT if expected else GOOD)
    assert (expected or "at no edge of the search space") in finding.text


def test_the_fewest_layers_are_an_edge_unless_they_are_one():
    layers = {"n_hidden_layers": {"min": 2, "max": 8}}
    (doubt,) = doubts(check_edges(network("64-32"), SPACE | layers))
    assert "2 hidden layers, the fewest" in doubt
    fixed = {"n_hidden_layers": {"min": 2, "max": 2}, "width": [64]}
    assert doubts(check_edges(network("64-64"), SPACE | fixed)) == []


@pytest.mark.parametrize(
    ("dimension", "values", "value", "expected"),
    [
        ("learning_rate", {"min": 1e-4, "max": 1e-2}, 1e-3, None),
        ("learning_rate", {"min": 1e-4, "max": 1e-2}, 1.2e-4, "lower end"),
        ("learning_rate", {"min": 1e-4, "max": 1e-2}, 9e-3, "upper end"),
        ("weight_decay", {"min": 1e-6, "max": 1e-2}, 1.1e-6, "lower end"),
        ("dropout", {"min": 0.0, "max": 0.5}, 0.001, None),
        ("dropout", {"min": 0.0, "max": 0.5}, 0.49, "upper end"),
        ("dropout", {"min": 0.1, "max": 0.5}, 0.11, "lower end"),
        ("batch_size", [64, 128, 256], 128, None),
        ("batch_size", [64, 128, 256], 256, "batches of 256, the largest"),
        ("batch_size", [64, 128], 128, None),
    ],
)
def test_other_edges_count_if_they_are_searched(dimension, values, value, expected):
    best = network("64-32", **{dimension: value})
    found = doubts(check_edges(best, SPACE | {dimension: values}))
    assert len(found) == (expected is not None)
    assert all(expected in text and f"`search.space.{dimension}`" in text for text in found)


# The retraining


def test_models_that_failed_or_do_not_beat_a_line_are_doubts():
    retrained = made_up.study().retrained
    losses = {"best_loss": 0.01, "linear": 0.02}
    assert doubts(check_retraining(retrained, BUDGET, **losses)) == []
    failed = retrained.copy()
    failed.loc[0, "status"] = "diverged"
    first, second = doubts(check_retraining(failed, BUDGET, best_loss=0.02, linear=0.02))
    assert f"1 of {len(failed)} models" in first and "failed (1 diverged)" in first
    assert "no better than a linear regression" in second


def test_a_retraining_that_ended_early_is_a_doubt():
    retrained = made_up.study().retrained.assign(stop_reason="max_epochs")
    losses = {"best_loss": 0.01, "linear": 0.02}
    assert doubts(check_retraining(retrained, {"max_epochs": 9}, **losses)) == []
    retrained["best_epoch"] = retrained["epochs"]
    (doubt,) = doubts(check_retraining(retrained, {"max_epochs": 9}, **losses))
    assert "limit of `retrain.budget`: a larger budget" in doubt


# The steps

DOUBTFUL, CERTAIN = Coefficient(0.4, -0.1, 0.7), Coefficient(0.8, 0.6, 0.9)


def test_an_order_that_may_be_chance_is_a_doubt():
    good = describe_order("0.05", Agreement(12, CERTAIN, DOUBTFUL), CERTAIN, 6, n_others=179)
    assert good.kind == GOOD and "better than chance" in good.text
    assert "as 6 controls tell, Spearman's correlation is 0.80 [0.60, 0.90]" in good.text
    doubt = describe_order("0.05", Agreement(12, DOUBTFUL, CERTAIN), None, 0, n_others=179)
    assert doubt.kind == DOUBT and "Spearman 0.40 [-0.10, 0.70]" in doubt.text
    assert "controls" not in doubt.text
    assert "consider a larger fraction or a larger `retrain.top_k`." in doubt.text


@pytest.mark.parametrize(
    ("fraction", "n_others", "advice"),
    [
        ("0.05", 0, "(Spearman 0.40 [-0.10, 0.70]): consider a larger fraction."),
        ("1", 179, "consider a larger `search.budget` or a larger `retrain.top_k`."),
        ("1", 0, "consider a larger `search.budget`."),
    ],
)
def test_no_more_is_advised_than_there_is(fraction, n_others, advice):
    agreement = Agreement(12, DOUBTFUL, CERTAIN)
    assert describe_order(fraction, agreement, None, 0, n_others=n_others).text.endswith(advice)


def test_an_order_of_few_trials_or_of_none_is_not_known():
    found = describe_order("0.05", Agreement(5, CERTAIN, CERTAIN), None, 0, n_others=179)
    assert found.kind == UNKNOWN
    assert "chose only 5 were retrained with success, too few to tell if it carries" in found.text
    assert "larger `retrain.top_k`" in found.text
    found = describe_order("0.05", None, None, 0, n_others=0)
    assert found.kind == UNKNOWN and "succeeded, or their losses are equal, to tell" in found.text
    assert "top_k" not in found.text and "larger `search.n_trials`" in found.text
    six = Agreement(6, CERTAIN, CERTAIN)
    assert describe_order("0.05", six, None, 0, n_others=179).kind == GOOD


def test_better_controls_are_a_doubt_and_worse_ones_bound_what_was_lost():
    good = describe_cut("0.05", Cut(12, 17, 179, 0, 0.0, 0.195, 2.1))
    assert good.kind == GOOD
    assert "None of 17 controls, drawn at random from the 179 trials cut off," in good.text
    assert "2.1 times as high. 0 to 20 % (95 % interval) of them all may be better." in good.text
    doubt = describe_cut("0.05", Cut(12, 6, 179, 2, 0.043, 0.777, 0.9))
    assert doubt.kind == DOUBT
    assert "by 10 % of the loss; so may 4.3 to 78 % (95 % interval) of them all" in doubt.text
    assert "Consider a larger fraction or a larger `retrain.top_k`." in doubt.text
    assert "larger fraction" not in describe_cut("1", Cut(12, 6, 179, 2, 0.043, 0.777, 0.9)).text


@pytest.mark.parametrize(("n_controls", "kind"), [(16, UNKNOWN), (17, GOOD)])
def test_too_few_controls_leave_open_what_was_lost(n_controls, kind):
    losses = [1.0] * 12 + [2.0] * n_controls
    steps = pd.DataFrame({"step_2_loss": losses, "among_top_k": [loss == 1 for loss in losses]})
    cut = judge_cut(steps.assign(control=~steps["among_top_k"]), n_others=179)
    found = describe_cut("0.05", cut)
    assert found.kind == kind
    hint = "more `retrain.controls` would tell, of which 17 bound it below 20 % if none of them"
    assert (hint in found.text) == (kind == UNKNOWN)
    # Of 5 others all are known.
    assert describe_cut("0.05", Cut(12, 5, 5, 0, 0.0, 0.0, 2.1)).kind == GOOD


def cut_sentence(study):
    (finding,) = [
        found for found in check_steps(study, "0.05") if "cut" in found.topic + found.text
    ]
    return finding.kind, finding.text


def test_without_controls_that_succeeded_nothing_is_known_of_the_cut():
    study = made_up.study(("0.05",), controls=0)
    kind, text = cut_sentence(study)
    assert kind == UNKNOWN and text.endswith(
        "as none was retrained. `retrain.controls` retrains some."
    )
    study = made_up.study(("0.05",), controls=6)
    for failed in (study.retrained["control"], ~study.retrained["control"]):
        status = study.retrained["status"].mask(failed, "diverged")
        kind, text = cut_sentence(replace(study, retrained=study.retrained.assign(status=status)))
        assert kind == UNKNOWN and text.endswith("as no control or no chosen trial succeeded.")


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
    assert cut_sentence(study) == (
        GOOD,
        "All trials that succeeded were retrained: there is no cut.",
    )
    assert "top_k" not in texts(check_steps(study, "0.05"))


@pytest.mark.parametrize(
    ("ratio", "kind", "words"),
    [
        ([1.0, 1.0, 1.0, 1.0], GOOD, "the first alone of the 4 trials"),
        ([1.5, 1.2, 1.0, 1.0], GOOD, "the first 3 of the 4 trials"),
        ([1.5, 1.2, 1.2, 1.0], DOUBT, "was number 4, close to the cut"),
        ([math.nan, math.nan, math.nan, 1.2, 1.0], DOUBT, "was number 5, close to the cut"),
        ([1.5, 1.3, 1.3, 1.3], DOUBT, "None of the 4 trials that fraction 0.05 chose is within"),
    ],
)
def test_the_regret_in_words(ratio, kind, words):
    regret = Regret(*(pd.Series(ratio).to_numpy(),) * 3)
    (finding,) = describe_regret("0.05", regret, tolerance=0.1, n_others=179)
    assert finding.kind == kind and words in finding.text
    assert ("`retrain.top_k`" in finding.text) == (kind == DOUBT)
    (finding,) = describe_regret("0.05", regret, tolerance=0.1, n_others=0)
    assert "`retrain.top_k`" not in finding.text


# Chance


def test_seeds_that_explain_the_differences_are_a_doubt():
    good = describe_repetitions(RepetitionNoise(12, 3, 0.01, 0.2, 1e-6), n_repetitions=3)
    assert good.kind == GOOD and "3 retrainings of one trial differ by 1 %" in good.text
    doubt = describe_repetitions(RepetitionNoise(12, 3, 0.1, 0.06, 0.4), n_repetitions=3)
    assert doubt.kind == DOUBT and "with a probability of 0.4" in doubt.text
    unknown = describe_repetitions(None, n_repetitions=1)
    assert unknown.kind == UNKNOWN and "`retrain.seeds: 3` shows" in unknown.text


def test_a_validation_split_that_cannot_tell_the_finalists_apart_is_a_doubt():
    (good,) = describe_validation(ValidationNoise(12, 2, 0.01))
    assert good.kind == GOOD and "cannot tell 2 of 11 other finalists (18 %)" in good.text
    (best,) = describe_validation(ValidationNoise(12, 0, 0.01))
    assert best.kind == GOOD and "tell all other finalists from the best one" in best.text
    (doubt,) = describe_validation(ValidationNoise(12, 6, 0.05))
    assert doubt.kind == DOUBT and "larger `split.validation`" in doubt.text
    assert describe_validation(None) == []


# Fractions


def test_fractions_that_agree_are_no_doubt_and_unrelated_ones_are():
    study = made_up.study()
    found = check_fractions(study)
    assert doubts(found) == []
    assert "Fractions 0.05 and 0.2 share" in texts(found)
    assert "1.00 on fraction 0.05" in texts(found) or "1.00 on fraction 0.2" in texts(found)
    first, second = study.searches
    turned = second.trials.copy()
    ranked = turned["rank"].notna()
    turned.loc[ranked, "rank"] = 197 - turned.loc[ranked, "rank"]
    turned.loc[ranked, "min_val_loss"] = 1 / turned.loc[ranked, "min_val_loss"]
    changed = replace(study, searches=[first, replace(second, trials=turned)])
    (doubt,) = doubts(check_fractions(changed))
    assert "share 0 of their best 12 trials" in doubt and "might share as many" in doubt
    assert doubt.endswith("rely on the larger fraction, and consider one beyond 0.2.")
    on_all = replace(second, fraction="1", trials=turned)
    retrained = study.retrained.rename(columns=lambda name: name.replace("[0.2]", "[1]"))
    changed = replace(study, searches=[first, on_all], retrained=retrained)
    (doubt,) = doubts(check_fractions(changed))
    assert doubt.endswith("rely on the larger fraction.")
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
    assert doubts(found) == [] and "over 20 trials the correlation" in texts(found)


@pytest.mark.parametrize("n_trials", [1, 5])
def test_fractions_with_few_trials_in_common_cannot_be_compared(n_trials):
    study = made_up.study()
    few = [
        replace(search, trials=search.trials[search.trials["trial"] < n_trials])
        for search in study.searches
    ]
    first, _ = check_fractions(replace(study, searches=few))
    assert first.kind == UNKNOWN and first.topic == "if the fractions agree"
    assert "Too few trials succeeded on both fractions 0.05 and 0.2" in first.text


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
