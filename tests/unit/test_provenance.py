"""What a study says of where its results come from."""

import hashlib
import platform
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from twostep.report.provenance import (
    PACKAGES,
    count_environments,
    describe_commit,
    describe_environment,
    describe_files,
    hash_results,
)
from twostep.util.processor import processor_name

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
REQUIREMENTS = Path(__file__).parents[2] / "envs" / "requirements.txt"
UNKNOWN = {"commit": None, "dirty": None}


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository")


def make_repository(folder):
    (folder / "workflow").mkdir(parents=True)
    (folder / "workflow" / "a.py").write_text(f"a = '{folder.name}'\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*GIT, *arguments], cwd=folder, check=True)
    return folder


def test_the_commit_is_named_and_edits_are_told(repository):
    described = describe_commit(repository / "workflow")
    assert len(described["commit"]) == 40 and described["dirty"] is False
    # Data and results are no edits of the workflow.
    (repository / "data.nc").write_text("data")
    assert describe_commit(repository / "workflow") == described
    (repository / "workflow" / "a.py").write_text("a = 2\n")
    assert describe_commit(repository / "workflow") == {**described, "dirty": True}


def test_without_a_repository_or_git_nothing_is_claimed(repository, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.parent))
    (repository / ".git").rename(repository / "not git")
    assert describe_commit(repository) == UNKNOWN
    (repository / "not git").rename(repository / ".git")
    assert describe_commit(repository) != UNKNOWN
    monkeypatch.setenv("PATH", str(repository))
    assert describe_commit(repository) == UNKNOWN


def test_a_repository_without_a_commit_claims_nothing(tmp_path):
    subprocess.run([*GIT, "init", "-q"], cwd=tmp_path, check=True)
    assert describe_commit(tmp_path) == UNKNOWN


def test_a_repository_that_does_not_know_the_workflow_claims_nothing(repository):
    """Such as that of a home folder, whose commit would say nothing of the code."""
    (repository / "copy").mkdir()
    (repository / "copy" / "a.py").write_text("a = 1\n")
    assert describe_commit(repository / "copy") == UNKNOWN


def test_names_that_are_no_text_are_told_as_edits(repository):
    name = b"workflow/\xff.py".decode("utf-8", "surrogateescape")
    subprocess.run([*GIT, "config", "core.quotePath", "false"], cwd=repository, check=True)
    (repository / name).write_text("b = 1\n")
    subprocess.run([*GIT, "add", "."], cwd=repository, check=True)
    assert describe_commit(repository)["dirty"] is True


def test_the_commit_is_that_of_the_workflow_even_within_a_git_hook(
    repository, tmp_path, monkeypatch
):
    expected = describe_commit(repository)
    monkeypatch.setenv("GIT_DIR", str(make_repository(tmp_path / "other") / ".git"))
    assert describe_commit(repository) == expected


def test_looking_at_a_repository_does_not_write_to_it(repository):
    index = repository / ".git" / "index"
    before = index.read_bytes()
    # An old time, which a plain `git status` would note in the index.
    subprocess.run(["touch", "-d", "2020-01-01", "workflow/a.py"], cwd=repository, check=True)
    assert describe_commit(repository)["dirty"] is False
    assert index.read_bytes() == before


def test_the_environment_is_described():
    described = describe_environment(threads=3)
    assert described["threads"] == 3
    assert described["python"] == f"CPython {platform.python_version()}"
    assert described["packages"]["torch"].startswith("2.13.0")
    assert None not in described["packages"].values()
    assert described["processor"] == processor_name() != ""
    assert described["matrix_libraries"]["torch"][0].startswith("BLAS: ")
    assert "unknown" not in described["matrix_libraries"]["torch"][0]
    assert described["matrix_libraries"]["numpy"]


def test_all_requirements_are_among_the_packages():
    lines = REQUIREMENTS.read_text().splitlines()
    assert {line.split("==")[0] for line in lines if line and line[0] != "#"} == set(PACKAGES)


def test_a_numpy_without_a_known_matrix_library_is_no_error(monkeypatch):
    for config, expected in (
        ({}, "unknown"),
        ({"Build Dependencies": {"blas": {"name": "accelerate"}}}, "accelerate"),
    ):
        monkeypatch.setattr(np, "show_config", lambda mode, config=config: config)
        assert describe_environment(threads=1)["matrix_libraries"]["numpy"] == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "processor\t: 0\ncpu family\t: 25\nmodel\t: 17\nmodel name\t: AMD  EPYC\n\n"
            "processor\t: 1\nmodel name\t: other\n",
            "AMD EPYC (cpu family 25, model 17)",
        ),
        ("model name : POWER9\n", "POWER9"),
        ("processor\t: 0\nCPU implementer\t: 0x41\n", "aarch64"),
        (None, "aarch64"),
    ],
)
def test_a_processor_has_a_name_on_every_system(monkeypatch, content, expected):
    def read_text(path, encoding):
        if content is None:
            raise FileNotFoundError(path)
        return content

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    # Past the cache, which other tests share.
    assert processor_name.__wrapped__() == expected


def test_trials_are_counted_by_processor_version_and_threads():
    timings = pd.DataFrame(
        {"processor": ["b", "a", "b"], "torch": ["2", "2", "2"], "seconds": [1.0, 2.0, 3.0]}
    )
    assert count_environments(timings.assign(threads=[1, 1, 4])) == [
        {"processor": "a", "torch": "2", "threads": 1, "n_trials": 1},
        {"processor": "b", "torch": "2", "threads": 1, "n_trials": 1},
        {"processor": "b", "torch": "2", "threads": 4, "n_trials": 1},
    ]


def test_results_are_named_relative_to_the_study(tmp_path):
    (tmp_path / "figures").mkdir()
    path = tmp_path / "figures" / "a.png"
    path.write_bytes(b"content")
    expected = hashlib.sha256(b"content").hexdigest()
    assert hash_results([str(path)], tmp_path) == {"figures/a.png": expected}


def test_a_deleted_record_of_the_data_files_is_no_error(tmp_path):
    assert describe_files(tmp_path / "data_files.json") is None
