"""What a study says of where its results come from."""

import hashlib
import subprocess

import pandas as pd
import pytest

from twostep.processor import processor_name
from twostep.provenance import (
    count_environments,
    describe_commit,
    describe_environment,
    describe_files,
    hash_results,
)

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "a.py").write_text("a = 1\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*GIT, *arguments], cwd=tmp_path, check=True)
    return tmp_path


def test_the_commit_is_named_and_edits_are_told(repository):
    described = describe_commit(repository / "workflow")
    assert len(described["commit"]) == 40 and described["dirty"] is False
    # Data and results are no edits of the workflow.
    (repository / "data.nc").write_text("data")
    assert describe_commit(repository / "workflow") == described
    (repository / "workflow" / "a.py").write_text("a = 2\n")
    assert describe_commit(repository / "workflow") == {**described, "dirty": True}


def test_without_a_repository_or_git_nothing_is_claimed(tmp_path, repository, monkeypatch):
    unknown = {"commit": None, "dirty": None}
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / ".git").rename(tmp_path / "not git")
    assert describe_commit(tmp_path) == unknown
    (tmp_path / "not git").rename(tmp_path / ".git")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert describe_commit(tmp_path) == unknown


def test_the_environment_is_described():
    described = describe_environment(threads=3)
    assert described["threads_per_job"] == 3
    assert described["packages"]["torch"].startswith("2.13.0")
    assert None not in described["packages"].values()
    assert described["processor"] == processor_name() != ""
    assert described["matrix_libraries"]["torch"][0].startswith("BLAS: ")
    assert "unknown" not in described["matrix_libraries"]["torch"][0]
    assert described["matrix_libraries"]["numpy"]


def test_trials_are_counted_by_processor_and_version():
    timings = pd.DataFrame({"processor": ["b", "a", "b"], "torch": ["2", "2", "2"]})
    assert count_environments(timings) == [
        {"processor": "a", "torch": "2", "n_trials": 1},
        {"processor": "b", "torch": "2", "n_trials": 2},
    ]


def test_results_are_named_relative_to_the_study(tmp_path):
    (tmp_path / "figures").mkdir()
    path = tmp_path / "figures" / "a.png"
    path.write_bytes(b"content")
    expected = hashlib.sha256(b"content").hexdigest()
    assert hash_results([str(path)], tmp_path) == {"figures/a.png": expected}


def test_a_deleted_record_of_the_data_files_is_no_error(tmp_path):
    assert describe_files(tmp_path / "sources.json") is None
