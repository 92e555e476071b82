"""Jobs of one machine take different GPUs; without one they are told."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from twostep.training import device
from twostep.util.errors import UserError

HOLDER = """
import sys
from twostep.training.device import take_first
print(take_first(["a", "b"], {folder!r}), flush=True)
sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen:
    """Start a process that takes one of two devices; it says which, and holds it until killed."""
    code = HOLDER.format(folder=str(folder))
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_each_process_gets_a_device_of_its_own(tmp_path):
    first, second = hold(tmp_path), hold(tmp_path)
    try:
        assert {first.stdout.readline(), second.stdout.readline()} == {"0\n", "1\n"}
        with pytest.raises(UserError, match="all 2 GPUs are in use"):
            device.take_first(["a", "b"], tmp_path)
        # Whatever ends the other process, what it held is free again.
        first.kill()
        first.wait()
        assert device.take_first(["a", "b"], tmp_path) in (0, 1)
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()


def test_processes_share_devices_evenly(tmp_path):
    taken = [device.take_first(["a", "b"], tmp_path, jobs_each=2) for _ in range(4)]
    assert taken == [0, 1, 0, 1]
    with pytest.raises(UserError, match="all 2 GPUs are in use"):
        device.take_first(["a", "b"], tmp_path, jobs_each=2)


def test_no_gpu_asked_for():
    assert device.choose_device(0) == torch.device("cpu")


def test_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="finds no GPU"):
        device.choose_device(1)
