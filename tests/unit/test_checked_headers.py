"""What the headers of the data files said is remembered until something has changed."""

import json
import os

import netCDF4
import numpy as np
import pytest
import xarray as xr

from twostep.config import checked_headers
from twostep.config.checked_headers import counted_samples
from twostep.data import source
from twostep.util.errors import UserError

DATASET = {
    "inputs": [{"name": "x", "transform": "none"}],
    "outputs": [{"name": "y", "transform": "none"}],
    "sample_dimension": ["sample"],
    "sample_weight": None,
    "group": None,
}


def count_samples(files, dataset, split_variable, memory):
    """Return the number of samples, with nothing else to be checked."""
    with counted_samples(files, dataset, split_variable, memory) as n_samples:
        return n_samples


@pytest.fixture
def files(tmp_path):
    paths = [str(tmp_path / name) for name in ("a.nc", "b.nc")]
    for path in paths:
        xr.Dataset({name: ("sample", np.arange(3.0)) for name in "xyz"}).to_netcdf(path)
    return paths


@pytest.fixture
def opened(monkeypatch):
    """The paths of the files that are opened from now on."""
    opened = []

    def open_file(path, group=None):
        opened.append(path)
        return original(path, group)

    original = source.open_file
    monkeypatch.setattr(source, "open_file", open_file)
    return opened


@pytest.fixture
def memory(files, tmp_path):
    """The memory of a first look."""
    path = tmp_path / "journal" / "data_headers.json"
    assert count_samples(files, DATASET, None, path) == 6
    return path


def test_nothing_is_opened_while_nothing_has_changed(files, memory, opened):
    assert count_samples(files, DATASET, None, memory) == 6
    assert opened == []


@pytest.mark.parametrize("content", [None, "", "{", "[1]", "{}", '{"key": 5, "n_samples": 7}'])
def test_without_a_memory_the_files_are_looked_at(files, memory, opened, content):
    if content is None:
        memory.unlink()
    else:
        memory.write_text(content)
    assert count_samples(files, DATASET, None, memory) == 6
    assert opened == files
    # And it is there again.
    assert count_samples(files, DATASET, None, memory) == 6
    assert opened == files


def test_a_memory_whose_number_is_damaged(files, memory, opened):
    content = json.loads(memory.read_text())
    memory.write_text(json.dumps(content | {"n_samples": "six"}))
    assert count_samples(files, DATASET, None, memory) == 6
    assert opened == files


@pytest.mark.parametrize("role", ["inputs", "outputs"])
def test_other_variables_count(files, memory, opened, role):
    change = {role: [{"name": "z", "transform": "none"}]}
    assert count_samples(files, DATASET | change, None, memory) == 6
    assert opened == files


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"sample_dimension": ["sample", "other"]}, "no dimension 'other'"),
        ({"group": "inner"}, "no group 'inner'"),
    ],
)
def test_where_the_variables_are_counts(files, memory, change, fragment):
    with pytest.raises(UserError, match=fragment):
        count_samples(files, DATASET | change, None, memory)


def test_a_split_variable_and_another_list_of_files_count(files, memory, opened):
    with pytest.raises(UserError, match="no variable 'part'"):
        count_samples(files, DATASET, "part", memory)
    assert count_samples(files[:1], DATASET, None, memory) == 3
    assert count_samples(files[::-1], DATASET, None, memory) == 6
    assert opened == [files[0], files[0], *files[::-1]]


def test_a_file_that_has_changed_is_found(files, memory):
    with netCDF4.Dataset(files[1], "a") as data:
        data.renameVariable("y", "w")
    os.utime(files[1], ns=(2, 2))
    for _ in range(2):
        # A mistake is never remembered.
        with pytest.raises(UserError, match=r"b\.nc has no variable 'y'"):
            count_samples(files, DATASET, None, memory)


def test_a_transform_is_none_of_its_business(files, memory, opened):
    inputs = [{"name": "x", "transform": "log10"}]
    assert count_samples(files, DATASET | {"inputs": inputs}, None, memory) == 6
    assert opened == []


def test_other_code_looks_again(files, memory, opened, monkeypatch):
    monkeypatch.setattr(checked_headers, "hash_module", lambda name: "other")
    assert count_samples(files, DATASET, None, memory) == 6
    assert opened == files


def test_a_memory_that_cannot_be_written_is_none(files, tmp_path):
    (tmp_path / "journal").write_text("in the way")
    path = tmp_path / "journal" / "data_headers.json"
    assert count_samples(files, DATASET, None, path) == 6


def test_nothing_is_left_behind_where_another_check_fails(files, tmp_path):
    path = tmp_path / "journal" / "data_headers.json"
    with pytest.raises(UserError), counted_samples(files, DATASET, None, path):
        raise UserError("the fraction is too small")
    assert not path.parent.exists()
