"""The page to explore: what it holds of a study's trials, whatever their names."""

import json
import re

import numpy as np
import pytest
from explored_records import make_record, make_records

from twostep.report.explore import embed, explore_page
from twostep.report.explore_data import MOST_CURVES, MOST_EPOCHS, gather, thin

HOSTILE = "</script><b>{{script}} \u2028 Größe %"
CONFIGURATION = {
    "hidden_widths": [8, 4],
    "learning_rate": 0.001,
    "batch_size": 32,
    "activation": "relu",
    "optimizer": "adam",
    "weight_decay": 0.0,
    "dropout": 0.0,
}


def own(random: np.random.Generator) -> dict:
    """Return a configuration of a network of the user's own."""
    return {
        "hyperparameters": {HOSTILE: float(random.random()), "gate": bool(random.random() < 0.5)},
        "learning_rate": 0.01,
        "batch_size": 32,
        "optimizer": "adam",
        "weight_decay": 0.0,
    }


def columns_of(gathered: dict) -> dict[str, list]:
    return {column["name"]: column["values"] for column in gathered["columns"]}


def test_losses_stand_beside_the_trials_in_any_order():
    records = make_records(9, n_rung=4, n_retrained=2, n_failed=1)
    found = gather(records)
    assert found["trials"] == list(range(9))
    assert [step["name"] for step in found["steps"]] == ["0.05", "rung_1", "retrain"]
    search, rung, retrained = found["steps"]
    by_trial = {record["trial"]: record for record in records["0.05"]}
    for i, trial in enumerate(found["trials"]):
        expected = by_trial[trial]["min_val_loss"]
        assert search["loss"][i] == (expected and pytest.approx(expected, rel=1e-5))
    assert sum(loss is not None for loss in rung["loss"]) == 4
    assert sum(status is None for status in retrained["status"]) == 7
    assert gather({name: rows[::-1] for name, rows in records.items()}) == found


def test_a_failed_trial_says_why_and_has_no_loss():
    [search, _] = gather(make_records(3, n_failed=1))["steps"]
    assert search["status"] == ["ok", "ok", "diverged"]
    assert search["loss"][2] is None
    assert search["messages"] == {2: "the loss of epoch 1 is not finite"}
    assert 2 not in search["curves"]


def test_repetitions_count_by_their_mean_and_fail_together():
    rows = [
        make_record(0, CONFIGURATION, 0.2),
        make_record(0, CONFIGURATION, 0.4, seed=1),
        make_record(1, CONFIGURATION, 0.2),
        make_record(1, CONFIGURATION, None, seed=1),
    ]
    [step] = gather({"retrain": rows})["steps"]
    assert step["loss"] == [pytest.approx(0.3), None]
    assert step["status"] == ["ok", "diverged"]
    assert step["label"] == "step 2, all data, mean of 2"


def test_a_study_of_one_trial_and_one_without_any():
    assert gather(make_records(1))["trials"] == [0]
    assert gather({"0.05": [], "retrain": []})["trials"] == []


def test_settings_that_only_some_trials_name_are_at_their_defaults_in_the_others():
    scheduled = {**CONFIGURATION, "learning_rate_schedule": "cosine"}
    records = [make_record(0, CONFIGURATION, 0.1), make_record(1, scheduled, 0.1)]
    columns = columns_of(gather({"0.05": records}))
    assert columns["learning_rate_schedule"] == ["constant", "cosine"]
    assert columns["hidden_widths"] == ["8-4", "8-4"]


def test_hyperparameters_of_own_networks_are_columns_under_their_own_names():
    found = gather(make_records(4, draw=own))
    columns = columns_of(found)
    assert set(columns["gate"]) <= {"true", "false"}
    assert all(isinstance(value, float) for value in columns[HOSTILE])
    assert HOSTILE in [column["label"] for column in found["columns"]]
    assert "hidden_widths" not in columns


def test_the_page_is_whole_in_itself_whatever_the_names():
    page = explore_page(make_records(4, draw=own), study="s", loss="cross_entropy", n_trials=4)
    # The content, the libraries and the script: no name ends one, or takes the place of another.
    assert page.count("</script>") == 3
    [content] = re.findall(r'id="content">(.*?)</script>', page, re.DOTALL)
    assert HOSTILE in [column["name"] for column in json.loads(content)["columns"]]
    # That it asks for nothing from elsewhere is tested in a browser.
    assert "<b>" not in page


def test_curves_are_those_of_the_best_and_thinned():
    records = make_records(MOST_CURVES + 20, epochs=500)
    [search, _] = gather(records)["steps"]
    best = sorted(records["0.05"], key=lambda record: record["min_val_loss"])[:MOST_CURVES]
    assert search["curves"].keys() == {record["trial"] for record in best}
    epochs, validation, training = search["curves"][best[0]["trial"]]
    assert len(epochs) == len(validation) == len(training) <= MOST_EPOCHS
    assert validation[-1] == pytest.approx(best[0]["min_val_loss"], rel=1e-3)


@pytest.mark.parametrize(("n_epochs", "best"), [(1, 1), (40, 7), (41, 7), (1000, 333)])
def test_thinned_epochs_hold_the_first_the_last_and_the_best(n_epochs, best):
    epochs = thin(n_epochs, best)
    assert {1, best, n_epochs} <= set(epochs)
    assert epochs == sorted(set(epochs))
    assert len(epochs) <= MOST_EPOCHS


def test_extreme_losses_are_numbers_of_json():
    found = gather(
        {"0.05": [make_record(0, CONFIGURATION, 1e300), make_record(1, CONFIGURATION, 0)]}
    )
    assert json.loads(embed(found))["steps"][0]["loss"] == [1e300, 0]
