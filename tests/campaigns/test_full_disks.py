"""The campaign of full disks, in short."""

import pytest
from full_disks import in_own_namespace, why_no_mounts


def test_a_full_disk_is_one_sentence_and_loses_nothing():
    reason = why_no_mounts()
    if reason:
        pytest.fail(reason, pytrace=False)
    process = in_own_namespace("--cases", "4", "--seed", "5")
    assert process.returncode == 0, process.stdout
    assert "4 full disks" in process.stdout
