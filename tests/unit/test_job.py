"""The frame of a job: what it leaves, and how long it waits for what it reads."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from twostep.util.checked_json import write_checked
from twostep.util.job import job
from twostep.util.origin import PLAN


class Named(list):
    """What Snakemake gives a script: a list of which some have names."""

    def __init__(self, **named: object) -> None:
        super().__init__(named.values())
        self.items = named.items


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/x")
    (folder / "journal").mkdir(parents=True)
    return folder


def snakemake(rule, output, inputs=(), **params):
    return SimpleNamespace(
        rule=rule,
        log=[f"results/x/logs/{rule}.log"],
        input=list(inputs),
        output=Named(output=output),
        params=Named(**params),
        wildcards=Named(),
    )


def run(description):
    with job(description):
        Path(description.output[0]).write_text("result")


def plan(folder, patience_seconds, **rules):
    content = {"patience_seconds": patience_seconds, "rules": rules}
    write_checked(folder / PLAN, content)


def test_a_job_leaves_an_origin_that_the_next_one_knows(folder):
    run(snakemake("draw", "results/x/list.txt", seed=1))
    run(snakemake("rank", "results/x/table.csv", ["results/x/list.txt"], top_k=3))
    left = json.loads((folder / "table.origin.json").read_text())
    assert left["settings"] == {"top_k": 3}
    assert left["inputs"].keys() == {"list.txt"}


def test_a_job_that_fails_leaves_none_and_takes_the_old_one_away(folder):
    description = snakemake("draw", "results/x/list.txt", seed=1)
    run(description)
    with pytest.raises(RuntimeError), job(description):
        raise RuntimeError
    assert not list(folder.glob("*.origin.json"))


def test_a_job_waits_for_another_machines_files_and_says_what_is_wrong_in_the_end(
    folder, monkeypatch, capsys
):
    """The new plan becomes visible only after a while."""
    run(snakemake("draw", "results/x/list.txt", seed=2))
    plan(folder, 30, draw={"seed": 1})
    slept = []
    monkeypatch.setattr(
        "time.sleep", lambda s: (slept.append(s), plan(folder, 0, draw={"seed": 2}))
    )
    run(snakemake("rank", "results/x/table.csv", ["results/x/list.txt"]))
    assert len(slept) == 1
    plan(folder, 0, draw={"seed": 1})
    with pytest.raises(SystemExit):
        run(snakemake("rank", "results/x/table.csv", ["results/x/list.txt"]))
    assert "list.txt was made with another seed (2, not 1)" in capsys.readouterr().err
