"""Signs of a search that misleads, in words."""

import math
from dataclasses import replace

import numpy as np
import pytest
import synthetic_study as made_up
from findings import about, names, numbers, tells

from twostep.analysis.more_trials import MoreTrials
from twostep.analysis.overfitting import Overfitting
from twostep.analysis.size_bias import SizeBias
from twostep.report.finding import DOUBT, GOOD, UNKNOWN
from twostep.report.signature_checks import (
    check_length,
    check_signatures,
    describe_bias,
    describe_length,
    describe_overfitting,
)

TOLERANCE = 0.25
# Gains are logarithms.
BIASED = SizeBias(1000, math.log(2), math.log(4), True)
SMALL = SizeBias(1000, math.log(1.1), math.log(1.2), True)
OPEN = SizeBias(1000, math.log(2), math.log(4), False)


@pytest.mark.parametrize(
    ("bias", "kind", "topic", "told", "advised"),
    [
        (BIASED, DOUBT, "step 1 is biased against large networks", [2, 1000], {"search.fractions"}),
        (SMALL, GOOD, "", [25, 1000], set()),
        (
            OPEN,
            UNKNOWN,
            "if step 1 is biased against large networks",
            [4, 1000],
            {"retrain.controls"},
        ),
    ],
)
def test_a_bias_in_words(bias, kind, topic, told, advised):
    (found,) = describe_bias("0.05", bias, tolerance=TOLERANCE)
    assert about(found) == (kind, topic, "0.05" if topic else "")
    assert numbers(found.text) == [0.05, *told] and names(found.text) == advised
    assert describe_bias("0.05", None, tolerance=TOLERANCE) == []


def test_on_all_data_a_larger_budget_is_advised():
    (found,) = describe_bias("1", BIASED, tolerance=TOLERANCE)
    assert names(found.text) == {"search.budget"}


OVERFIT = Overfitting(50, 1.2, 2.9, 1.6, 1.5, 1.4)


@pytest.mark.parametrize(
    ("found", "bias", "kind", "told"),
    [
        (OVERFIT, None, DOUBT, [1.6, 1.4]),
        (OVERFIT, OPEN, DOUBT, [1.6, 1.4]),
        # Step 2 knows better.
        (OVERFIT, SMALL, GOOD, [1.6]),
        # No other trial would be chosen, or it cannot be told.
        (replace(OVERFIT, missed=1.2), None, GOOD, [1.6, 25]),
        (replace(OVERFIT, missed=math.nan), None, UNKNOWN, [1.6]),
        (replace(OVERFIT, lowest=1.2), None, GOOD, []),
    ],
)
def test_overfitting_in_words(found, bias, kind, told):
    (finding,) = describe_overfitting("0.05", found, bias, tolerance=TOLERANCE)
    topic = {
        DOUBT: "large networks overfit in step 1",
        UNKNOWN: "if large networks overfit in step 1",
    }.get(kind, "")
    assert about(finding) == (kind, topic, "0.05" if topic else "")
    assert numbers(finding.text) == [0.05, 1.2, 2.9, *told]
    assert names(finding.text) == ({"search.fractions"} if kind == DOUBT else set())
    assert describe_overfitting("0.05", None, bias, tolerance=TOLERANCE) == []


def test_dropout_hides_overfitting():
    study = made_up.study(("0.05",))
    (search,) = study.searches
    hidden = replace(search, trials=search.trials.assign(dropout=0.1))
    found = check_signatures(replace(study, searches=[hidden]))
    unknown = (UNKNOWN, "if large networks overfit in step 1", "0.05")
    assert unknown in [about(finding) for finding in found]
    assert unknown not in [about(finding) for finding in check_signatures(study)]


@pytest.mark.parametrize(("probability", "kind"), [(0.24, GOOD), (0.25, DOUBT), (0.004, GOOD)])
def test_more_trials_are_advised_where_they_may_help(probability, kind):
    more = MoreTrials(190, probability, 0.12)
    found = describe_length(more, n_trials=200, tolerance=TOLERANCE)
    topic = "more trials may find a better one" if kind == DOUBT else ""
    assert about(found) == (kind, topic, "")
    told = 1 if probability < 0.01 else 100 * probability
    assert numbers(found.text) == [25, told, 12, 190]
    assert names(found.text) == ({"search.n_trials: 400"} if kind == DOUBT else set())


def test_without_enough_trials_it_cannot_be_told():
    found = describe_length(None, n_trials=50, tolerance=TOLERANCE)
    assert about(found) == (UNKNOWN, "if more trials would help", "")
    assert numbers(found.text) == [100]


def test_a_space_that_is_used_up_has_no_more_trials():
    study = made_up.study(("0.05",))
    assert len(check_length(study)) == 1
    # 7 + 49 + 343 networks.
    study.config["search"]["space"]["n_hidden_layers"] = {"min": 1, "max": 3}
    assert check_length(study) == []


def test_constraints_may_leave_no_more_trials():
    """Unless a range of numbers has no end of configurations."""
    study = made_up.study(("0.05",))
    search = study.config["search"]
    search["constraints"] = {"max_parameters": 1_000_000, "max_operations": None}
    assert check_length(study) == []
    search["space"]["learning_rate"] = {"min": 1e-4, "max": 1e-2, "log": True}
    assert len(check_length(study)) == 1


def test_the_largest_fraction_tells_of_the_length():
    study = made_up.study(("0.05", "0.2"))
    (found,) = check_length(study)
    smaller, larger = study.searches
    assert check_length(replace(study, searches=[larger, smaller])) == [found]
    alike = replace(smaller, trials=smaller.trials.assign(min_val_loss=1.0))
    assert check_length(replace(study, searches=[alike, larger])) == [found]


def with_bias(study, factor):
    """The study with losses of step 2 that gain by a factor with each factor e in size."""
    retrained = study.retrained.copy()
    gains = factor ** -np.log(retrained["n_parameters"].astype(float))
    noise = np.exp(0.05 * np.random.default_rng(1).standard_normal(len(retrained)))
    retrained["min_val_loss"] = retrained["search_val_loss[0.05]"] * gains * noise
    return replace(study, retrained=retrained)


def test_a_study_is_looked_at_as_a_whole():
    study = made_up.study(("0.05",), controls=20)
    kinds = {finding.topic: finding.kind for finding in check_signatures(with_bias(study, 2))}
    assert kinds["step 1 is biased against large networks"] == DOUBT
    found = check_signatures(with_bias(study, 1))
    assert not any("biased against" in finding.topic for finding in found if finding.kind == DOUBT)
    # Training losses are 0.9 times the validation losses, whatever the size.
    fit = next(finding for finding in found if "training loss" in finding.text)
    assert fit.kind == GOOD and tells(fit.text, 1.1, 1.1)
