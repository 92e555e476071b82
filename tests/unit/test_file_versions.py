"""Whether a study's data are still those that it was prepared from."""

import os
from pathlib import Path

import pytest

from twostep.data import file_versions
from twostep.data.file_versions import describe_files, record_files
from twostep.util.checked_json import read_checked
from twostep.util.errors import UserError


def data_version(record, files, is_prepared=True):
    return file_versions.data_version(record, files, is_prepared=is_prepared)


@pytest.fixture
def files(tmp_path):
    store = tmp_path / "store.zarr"
    (store / "x").mkdir(parents=True)
    (store / "x" / "0").write_text("chunk")
    (tmp_path / "data.nc").write_text("content")
    return [str(tmp_path / "data.nc"), str(store)]


@pytest.fixture
def record(files, tmp_path):
    path = tmp_path / "journal" / "data_files.json"
    assert data_version(path, files, is_prepared=False) == ("", [])
    record_files(path, "", describe_files(files))
    return path


def test_nothing_changed(files, record):
    assert data_version(record, files) == ("", [])


def test_a_touch_changes_nothing_and_is_looked_into_once(files, record, monkeypatch):
    os.utime(files[0], ns=(1, 1))
    assert data_version(record, files) == ("", [])
    monkeypatch.setattr(
        "twostep.data.file_versions._hash", lambda path: pytest.fail("hashed again")
    )
    assert data_version(record, files) == ("", [])


@pytest.mark.parametrize("number", [0, 1])
def test_another_content_is_another_version_and_stays_one(files, record, tmp_path, number):
    target = [tmp_path / "data.nc", tmp_path / "store.zarr" / "x" / "0"][number]
    target.write_text("other")
    version, changed = data_version(record, files)
    assert version and changed == [files[number]]
    assert data_version(record, files) == (version, changed)
    # Once the study is prepared from it, that version is the study's.
    record_files(record, version, describe_files(files))
    assert data_version(record, files) == (version, [])
    target.write_text("one more")
    assert data_version(record, files)[0] not in ("", version)


def test_a_file_that_changes_while_it_is_read(files, record):
    described = describe_files(files)
    os.utime(files[0], ns=(1, 1))
    with pytest.raises(UserError, match=r"data\.nc was changed while"):
        record_files(record, "", described)


def test_the_same_content_under_two_names_is_refused(files, tmp_path):
    (tmp_path / "copy.nc").write_text("content")
    with pytest.raises(UserError, match=r"copy\.nc and .*data\.nc have the same content"):
        describe_files([*files, str(tmp_path / "copy.nc")])


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("{")])
def test_without_a_record_a_prepared_study_goes_by_the_content(files, record, damage):
    damage(record)
    version, changed = data_version(record, files)
    assert version and not changed
    assert data_version(record, files)[0] == version
    Path(files[0]).write_text("other")
    assert data_version(record, files)[0] != version
    assert data_version(record, files, is_prepared=False) == ("", [])


def test_a_flipped_bit_of_the_record_is_noticed(files, record):
    """Its hashes would be taken over into the provenance."""
    sha256 = read_checked(record)["files"][0]["sha256"]
    record.write_text(record.read_text().replace(sha256, chr(ord(sha256[0]) ^ 1) + sha256[1:]))
    with pytest.raises(UserError, match=r"data_files\.json is damaged: delete it"):
        read_checked(record)
    # Planning reads all files instead.
    version, changed = data_version(record, files)
    assert version and not changed
