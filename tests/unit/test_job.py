"""The frame of a job: what it leaves, and how long it waits for what it reads."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from twostep.util.checked_json import write_checked
from twostep.util.errors import UserError
from twostep.util.job import job
from twostep.util.job_note import read_notes, say_what_is_new
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
    folder, monkeypatch
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
    [note] = read_notes(folder).values()
    assert "list.txt was made with another value of seed (2, not 1)" in note.said


# The note of a job


def test_a_job_at_work_has_a_note_that_goes_with_it(folder):
    with job(snakemake("draw", "results/x/list.txt")) as note:
        note.tell(done=1, of=3)
        [read] = read_notes(folder).values()
        assert (read.rule, read.details, read.is_at_work()) == ("draw", {"done": 1, "of": 3}, True)
        Path("results/x/list.txt").touch()
    assert not read_notes(folder)


def test_the_error_of_a_job_is_said_once_at_the_end_of_the_run(folder, capsys):
    description = snakemake("draw", "results/x/list.txt")
    with pytest.raises(SystemExit), job(description):
        raise UserError("x is wrong: take it out")
    assert capsys.readouterr().err == ""
    say_what_is_new(folder, {})
    assert capsys.readouterr().err == "Error: x is wrong: take it out\n"
    before = read_notes(folder)
    say_what_is_new(folder.absolute(), before)
    assert capsys.readouterr().err == ""
    # The same job fails again.
    with pytest.raises(SystemExit), job(description):
        raise UserError("x is wrong: take it out")
    say_what_is_new(folder, before)
    assert capsys.readouterr().err == "Error: x is wrong: take it out\n"


def test_answers_of_a_job_are_said_at_the_end_of_the_run(folder, capsys):
    with job(snakemake("draw", "results/x/list.txt")) as note:
        note.leave("The first.")
        note.leave("The second.")
        Path("results/x/list.txt").touch()
    say_what_is_new(folder, {})
    assert capsys.readouterr().err == "The first.\nThe second.\n"


def test_a_job_goes_on_where_no_note_can_be_written_and_says_its_error_itself(folder, capsys):
    (folder / "logs").mkdir()
    (folder / "logs/jobs").touch()
    with pytest.raises(SystemExit), job(snakemake("draw", "results/x/list.txt")) as note:
        note.tell(done=1, of=3)
        raise UserError("x is wrong: take it out")
    assert capsys.readouterr().err == "Error: x is wrong: take it out\n"
