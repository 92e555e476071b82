"""Rungs in a real run: what is trained where, and that a change trains only what is new."""

import json

import pandas as pd
import pytest

RULES = {"cut", "rung_shard", "rank_rung"}


@pytest.fixture
def rungs(fresh, tmp_path):
    """A study with a rung on the search's own fraction and another one on more data."""
    study = fresh.copy(tmp_path / "study")
    study.config["search"] |= {
        "n_trials": 14,
        "shard_size": 14,
        "rungs": [
            {"fraction": 0.2, "top_k": 8, "budget": {"max_epochs": 6}},
            {"fraction": 0.4, "top_k": 5},
        ],
    }
    study.config["search"]["space"]["learning_rate"] = {"min": 0.0003, "max": 0.01}
    study.config["retrain"] |= {"top_k": 2, "controls": 1}
    return study


def passed(study, number):
    """Return the ids of the trials that a cut let pass."""
    cut = json.loads((study.results / "rungs" / str(number) / "cut.json").read_text())
    return {*cut["finalists"], *cut["controls"]}


def retrained(study):
    return set(pd.read_csv(study.results / "select" / "retrained.csv")["trial"])


def test_rungs_train_what_passed_and_a_change_trains_what_is_new(rungs):
    study = rungs
    work = study.run()
    assert work.trials("0.2") == list(range(14))
    cuts = [passed(study, number) for number in (1, 2)]
    assert [len(cut) for cut in cuts] == [9, 7]
    # The first rung has the search's data, and trains its trials all the same.
    assert [set(work.of_rung(number)) for number in (1, 2)] == cuts
    assert work.climbed.total() == sum(map(len, cuts))
    assert work.jobs["subset"] == 2
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    assert {"rank[0.2]", "rank[rung_1]", "search_val_loss[rung_2]"} <= set(table)
    # Two finalists, and the controls of three cuts unless one of them is a finalist.
    assert (~table["control"]).sum() == 2 and table["control"].sum() <= 3
    first = pd.read_csv(study.results / "rungs" / "1" / "trials.csv").set_index("trial")
    searched = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv").set_index("trial")
    assert (first["epochs"] > 4).any()
    assert not set(first["min_val_loss"]) & set(searched["min_val_loss"])
    assert "## Rungs" in (study.results / "summary.md").read_text()
    for name in ("search_rung_1", "steps_0.2", "steps_rung_2", "regret_rung_1"):
        assert (study.results / "figures" / f"{name}.png").exists()
    provenance = json.loads((study.results / "provenance.json").read_text())
    assert {"rung 1", "rung 2"} <= set(provenance["trained_on"])
    assert set(provenance["code"]["stages"]) >= RULES
    assert "Nothing to be done" in study.snakemake().stderr
    seen = study.look()
    for told in ("rung 1: 9 of 9 trials done", "rung 2: 7 of 7 trials done", "finished: read"):
        assert told in seen
    page = (study.results / "explore.html").read_text()
    # The command finds what the run has used.
    study.explore()
    assert (study.results / "explore.html").read_text() == page

    [trial, *_] = sorted(cuts[1])
    again = study.snakemake(f"results/{study.config['study']}/reproduce/rung_2/trial_{trial}.json")
    assert again.returncode == 0, again.stderr
    assert f"Trial {trial} was trained once more: its record is identical" in again.stderr

    kept = [*cuts, retrained(study)]
    study.config["search"]["rungs"][0]["top_k"] = 10
    work = study.run("select_model")
    assert not work.jobs.keys() & {"search_shard", "rank", "subset", "draw"}
    new = [passed(study, 1), passed(study, 2), retrained(study)]
    assert [set(work.of_rung(number)) for number in (1, 2)] == [
        new[0] - kept[0],
        new[1] - kept[1],
    ]
    assert work.jobs["retrain_trial"] == work.retrained.total() == len(new[2] - kept[2])
    assert "Nothing to be done" in study.snakemake("select_model").stderr

    # More trials: the last ranking is waited for, and chooses.
    study.config["search"]["n_trials"] = 18
    work = study.run("select_model")
    assert work.trials("0.2") == [14, 15, 16, 17]
    last = pd.read_csv(study.results / "rungs" / "2" / "trials.csv")
    assert set(last["trial"]) == passed(study, 2)
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    assert set(table.loc[~table["control"], "trial"]) == set(last.loc[last["rank"] <= 2, "trial"])
    assert "Nothing to be done" in study.snakemake("select_model").stderr

    # Another budget of the last rung leaves the first one alone.
    study.config["search"]["rungs"][1]["budget"] = {"max_epochs": 5}
    work = study.run("rungs")
    assert work.jobs["rung_shard"] == 1
    assert not work.of_rung(1) and set(work.of_rung(2)) == passed(study, 2)


def test_without_rungs_there_are_none(fresh, tmp_path):
    study = fresh.copy(tmp_path / "study")
    plan = study.run("--dry-run")
    assert plan.jobs["rank"] == 1
    assert not plan.jobs.keys() & RULES
    asked = study.snakemake(f"results/{study.config['study']}/rungs/1/trials.csv")
    assert asked.returncode != 0
    assert "there is no rung 1: search.rungs has 0 entries" in asked.stdout + asked.stderr
