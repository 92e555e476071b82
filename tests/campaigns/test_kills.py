"""The campaign of kills, in short, and two runs at a time."""

import time

import pandas as pd
from kills import Run, campaign, fresh_study, report


def test_kills_lose_nothing_and_change_nothing(tmp_path):
    tally = campaign(n_kills=5, seed=3, folder=tmp_path)
    print(report(tally))
    assert tally.kills == 5
    assert not tally.lost
    assert not tally.differences


def test_a_second_run_in_the_same_folder_is_refused(tmp_path):
    study = fresh_study(tmp_path)
    first = Run(study)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".snakemake/locks/*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    second = study.snakemake("search")
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stderr and "--unlock" in second.stderr
    first.wait()
    assert first.process.returncode == 0
    table = pd.read_csv(study.results / "rank" / "0.4" / "trials.csv")
    assert sorted(table["trial"]) == list(range(12))
