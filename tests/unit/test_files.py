"""Files appear whole or not at all, and what killed processes leave is cleared away."""

import subprocess
import sys

import pytest

from twostep.trials.records import read_lines
from twostep.util.errors import UserError
from twostep.util.files import atomic_path, read_json, write_json, write_text
from twostep.util.tables import read_ranking, read_table


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("half")
        1 / 0  # noqa: B018
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_by_the_next_write(tmp_path):
    script = f"""
import os, signal
from twostep.util.files import atomic_path
writers = [atomic_path({str(tmp_path)!r} + "/" + name) for name in ("a.json", "b.json")]
for writer in writers:
    writer.__enter__().write_text("half")
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], timeout=300)
    assert len(list(tmp_path.iterdir())) == 2
    with atomic_path(tmp_path / "a.json") as mine:
        mine.write_text("mine")
        # Another process would not touch what this one is writing.
        write_text(tmp_path / "a.json", "other")
        assert mine.exists()
    assert (tmp_path / "a.json").read_text() == "mine"
    abandoned, written = sorted(path.name for path in tmp_path.iterdir())
    assert abandoned.startswith(".b.json.") and written == "a.json"


@pytest.mark.parametrize("content", [b"", b'{"a": 1', b"[1]", b"\xff\xfe", b"\x00" * 10])
def test_damaged_json_is_named(tmp_path, content):
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"manifest\.json is damaged: delete it and run"):
        read_json(path)


@pytest.mark.parametrize("content", [b'{"trial": 0}\n{"tri', b"[]\n", b"\xff\n", b"3\n"])
def test_damaged_records_are_named(tmp_path, content):
    path = tmp_path / "shard_3.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"shard_3\.jsonl is damaged"):
        read_lines([path])


def test_a_damaged_table_is_named(tmp_path):
    path = tmp_path / "trials.csv"
    for content in (b"", b"rank,trial\n1,0,5,5\n", b"\xff\xfe,\n"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"trials\.csv is damaged"):
            read_table(path)
    path.write_text("rank,trial\n1,1\n2,0\n")
    assert read_ranking(path, 2)["trial"].tolist() == [1, 0]
    for n_trials in (1, 3):
        with pytest.raises(UserError, match=r"trials\.csv is damaged"):
            read_ranking(path, n_trials)
    for ranks in ("=", "3", "2"):
        path.write_text(f"rank,trial\n{ranks},1\n2,0\n")
        with pytest.raises(UserError, match=r"trials\.csv is damaged"):
            read_ranking(path, 2)
