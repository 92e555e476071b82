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


def read_finalists(study):
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    return table[~table["control"]]


def test_a_larger_probability_ends_the_rounds_and_a_smaller_one_goes_on(rounds):
    study = rounds
    work = study.run("select_model")
    verdicts = read_rounds(study)
    last = n_finalists = max(verdicts)
    assert verdicts[last]["enough"], verdicts
    # No round before was enough.
    assert sorted(verdicts) == list(range(8, last + 1, 8))
    assert not any(verdicts[finalists]["enough"] for finalists in verdicts if finalists < last)
    assert len(read_finalists(study)) == n_finalists
    assert work.jobs["judge_round"] == len(verdicts)
    assert "Nothing to be done" in study.snakemake("select_model").stderr
    # All of top_k: only what is new is trained.
    before = set(read_finalists(study)["trial"])
    study.config["retrain"]["until"]["probability"] = None
    work = study.run("select_model")
    finalists = set(read_finalists(study)["trial"])
    assert len(finalists) == SETTINGS["top_k"] and before <= finalists
    assert not work.searched
    # Controls that become finalists are there already.
    assert work.retrained.total() <= SETTINGS["top_k"] - n_finalists + 6
    # And back again: nothing is trained.
    study.config["retrain"]["until"]["probability"] = SETTINGS["until"]["probability"]
    work = study.run("select_model")
    assert not work.retrained.total()
    assert len(read_finalists(study)) == n_finalists
