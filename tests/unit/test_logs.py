"""What a rule's script says when it fails."""

import errno
import resource

import generate
import numpy as np
import pytest
import synthetic_study as made_up
import xarray as xr

from twostep.data.arrays import Rows, write_folder
from twostep.model.predictions import write_predictions
from twostep.util.errors import UserError
from twostep.util.logs import reporting


def test_a_mistake_is_its_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit), reporting(tmp_path / "rule.log"):
        raise UserError("x is wrong: take it out")
    assert capsys.readouterr().err == "Error: x is wrong: take it out\n"
    assert "x is wrong" in (tmp_path / "rule.log").read_text()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, capsys):
    inputs = np.zeros((100_000, 2), np.float32)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(SystemExit), reporting(tmp_path / "rule.log"):
            write_folder(tmp_path / "prepare", {"test": Rows.first(100_000, inputs, inputs)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    error = capsys.readouterr().err
    assert error.startswith("Error: ") and error.count("\n") == 1
    assert "run the same command again" in error
    assert not list((tmp_path / "prepare").iterdir())


def test_what_the_system_says_of_a_file_is_passed_on(tmp_path, capsys):
    with pytest.raises(SystemExit), reporting(tmp_path / "rule.log"):
        raise OSError(errno.ENOSPC, "No space left on device", "results/a.npy")
    assert "No space left on device (results/a.npy): mend that" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), reporting(tmp_path / "rule.log"):
        1 / 0  # noqa: B018
    assert "Traceback" in (tmp_path / "rule.log").read_text()


def _generate(path, monkeypatch):
    data = xr.Dataset({"x": ("sample", np.arange(100_000.0))})
    monkeypatch.setattr(generate, "generate", lambda *arguments, **keywords: data)
    generate.main(first=0, last=1, modes=["single"], seed=1, output=str(path))


def _write_predictions(path, monkeypatch):
    write_predictions(path, made_up.predictions(3, 3, 20_000), {"trial": 1, "seed": 0})


@pytest.mark.parametrize("write", [_generate, _write_predictions])
def test_a_disk_that_is_full_for_the_netcdf_library_is_one_sentence(
    write, tmp_path, capsys, monkeypatch
):
    path, limits = tmp_path / "part_0.nc", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(SystemExit), reporting(tmp_path / "rule.log"):
            write(path, monkeypatch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "the file cannot be written, as on a full disk" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["rule.log"]
