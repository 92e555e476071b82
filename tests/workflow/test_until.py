"""`retrain.until`: rounds of retraining end before top_k, and go on exactly."""

import json

import pandas as pd
import pytest

SETTINGS = {
    "top_k": 12,
    "controls": 6,
    # A tolerance and a probability that a study of seconds can reach.
    "until": {"probability": 0.9, "round_size": 8},
    "budget": {"max_epochs": 4},
}


@pytest.fixture
def rounds(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    study.config["search"] |= {"n_trials": 30, "shard_size": 30, "fractions": [0.5]}
    # Sizes so different that even a short training tells them apart.
    study.config["search"]["space"] = {
        "n_hidden_layers": {"min": 1, "max": 2},
        "width": [1, 2, 4, 8, 16, 32, 64, 128],
        "batch_size": 16,
    }
    study.config["retrain"] = SETTINGS | {"until": dict(SETTINGS["until"])}
    study.config["select"] = {"tolerance": 2.0}
    return study


def read_rounds(study):
    """Return the verdicts by the number of finalists."""
    paths = (study.results / "rounds").glob("*[0-9].json")
    verdicts = [json.loads(path.read_text()) for path in paths]
    return {verdict["finalists"]: verdict for verdict in verdicts}


def test_rounds_end_once_they_are_enough_and_go_on_exactly(rounds):
    study = rounds
    work = study.run("select_model")
    verdicts = read_rounds(study)
    last = max(verdicts)
    # The last round and no other was enough.
    assert [verdicts[finalists]["enough"] for finalists in range(8, last + 1, 8)] == (
        [False] * (last // 8 - 1) + [True]
    )
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    assert (~table["control"]).sum() == last < SETTINGS["top_k"]
    assert work.jobs["judge_round"] == len(verdicts)
    assert "Nothing to be done" in study.snakemake("select_model").stderr
    # Another probability asks again, and trains nothing unless the answer is another one.
    study.config["retrain"]["until"]["probability"] = 0.89
    assert study.run("retrain", "--dry-run").jobs.keys() == {"judge_round", "retrain"}
    # All of top_k: only finalists that are new, and controls in the place of those, are trained.
    study.config["retrain"]["until"]["probability"] = None
    work = study.run("retrain", "--dry-run")
    assert not work.jobs.keys() & {"search_shard", "rank", "judge_round"}
    assert 1 <= work.jobs["retrain_trial"] <= SETTINGS["top_k"] - last
