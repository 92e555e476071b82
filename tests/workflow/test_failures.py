"""Trials that fail are recorded, counted and tried again."""

import json

import pandas as pd
import pytest

# One trial each: an error, a killed process, more memory than there is, and a loss that diverges.
FAULTS = """\
        import os
        import signal

        faulty = os.environ.get("FAULTY", "").split()
        if f"{trial.step}-{trial.id}-error" in faulty:
            raise ValueError("made to fail")
        if f"{trial.step}-{trial.id}-kill" in faulty:
            os.kill(os.getpid(), signal.SIGKILL)
        if f"{trial.step}-{trial.id}-memory" in faulty:
            torch.empty(10**15)
"""
BEFORE_TRAINING = "            training = train("


@pytest.fixture
def faulty(fresh, tmp_path):
    """A study whose trials fail as the environment variable FAULTY says."""
    study = fresh.copy(tmp_path / "study")
    inserted = "".join(f"    {line}\n" if line else "\n" for line in FAULTS.splitlines())
    study.edit(
        "workflow/scripts/twostep/trials/trainer.py", BEFORE_TRAINING, inserted + BEFORE_TRAINING
    )
    return study


def trials(study):
    return pd.read_csv(study.results / "rank" / "0.2" / "trials.csv")


def test_failed_trials_are_recorded_counted_and_tried_again(faulty, finished, monkeypatch):
    monkeypatch.setenv("FAULTY", "search-0-error search-1-kill search-5-memory")
    # Too many of them stop the run before anything is ranked.
    process = faulty.snakemake()
    sentence = "Error: 3 of 6 trials (50 %) failed, more than search.max_failed = 20 % ("
    assert process.returncode != 0
    assert process.stderr.count(sentence) == 1, process.stderr
    assert "Traceback" not in process.stderr
    assert not (faulty.results / "rank" / "0.2" / "trials.csv").exists()
    # Allowed, they are left out of the ranking.
    faulty.config["search"]["max_failed"] = 0.5
    work = faulty.run("summarise")
    assert not work.searched
    table = trials(faulty).set_index("trial")
    failed = {0: "failed", 1: "killed", 5: "out_of_memory"}
    assert table["status"].to_dict() == {trial: failed.get(trial, "ok") for trial in range(6)}
    assert table.loc[list(failed), "rank"].isna().all()
    assert table.at[0, "message"] == "ValueError: made to fail"
    assert "killed by SIGKILL 2 times" in table.at[1, "message"]
    summary = (faulty.results / "summary.md").read_text()
    assert "- Trials: 3 ok, 1 failed, 1 killed, 1 out of memory." in summary
    assert "3 of 6 trials (50 %) failed (1 failed, 1 killed, 1 out of memory)" in summary
    assert "--forcerun search_shard retrain_trial" in summary
    assert "Nothing to be done" in faulty.snakemake("summarise").stderr
    # The documented command, once the cause is mended, trains these three and no other.
    monkeypatch.delenv("FAULTY")
    work = faulty.run("summarise", "--forcerun", "search_shard", "retrain_trial")
    assert work.trials("0.2") == [0, 1, 5]
    for path in ("rank/0.2/trials.csv", "select/retrained.csv", "select/selection.csv"):
        assert (faulty.results / path).read_bytes() == (finished.results / path).read_bytes()
    summary = (faulty.results / "summary.md").read_text()
    assert "- Trials: 6 ok." in summary
    assert "none of the 6 trials failed" in summary


def test_a_finalist_that_kills_its_process_cannot_be_chosen(faulty, finished, monkeypatch):
    best, other = trials(finished)["trial"][:2]
    monkeypatch.setenv("FAULTY", f"retrain-{best}-kill")
    faulty.run("summarise", "predict", "export")
    table = pd.read_csv(faulty.results / "select" / "retrained.csv").set_index("trial")
    assert table["status"].to_dict() == {best: "killed", other: "ok"}
    selection = pd.read_csv(faulty.results / "select" / "selection.csv")
    assert set(selection["trial"]) == {other}
    assert "1 of 2 models (50 %) failed (1 killed)" in (faulty.results / "summary.md").read_text()
    process = faulty.snakemake(f"results/small/export/trial_{best}_seed_0/model.onnx")
    assert process.returncode != 0 and "Traceback" not in process.stderr
    sentence = f"Error: results/small/retrain/trial_{best}_seed_0.pt holds no weights: "
    assert process.stderr.count(sentence) == 1, process.stderr
    monkeypatch.delenv("FAULTY")
    work = faulty.run("select_model", "--forcerun", "search_shard", "retrain_trial")
    assert not work.searched and work.retrained.total() == 1
    path = "select/selection.csv"
    assert (faulty.results / path).read_bytes() == (finished.results / path).read_bytes()


def test_a_trial_is_reproduced_by_one_command(study):
    target = "results/small/reproduce/0.2/trial_4.json"
    process = study.snakemake(target)
    assert process.returncode == 0, process.stderr
    assert "Trial 4 was trained once more: its record is identical" in process.stderr
    outcome = json.loads((study.folder / target).read_text())
    assert outcome["differing"] == []
    assert outcome["recorded"] == outcome["reproduced"]
    process = study.snakemake(target.replace("trial_4", "trial_6"))
    assert process.returncode != 0
    assert process.stderr.endswith("Error: there is no trial 6: search.n_trials is 6\n")
    assert "Traceback" not in process.stderr
