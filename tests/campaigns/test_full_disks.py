"""The campaign of full disks, in short."""

import pytest
from full_disks import in_own_namespace, why_no_mounts


def test_a_full_disk_is_one_sentence_and_loses_nothing(finished):
    reason = why_no_mounts()
    if reason:
        pytest.fail(reason, pytrace=False)
    # A retraining and the evaluation of the models.
    process = in_own_namespace("--cases", "2", "--seed", "8", "--study", str(finished.folder))
    assert process.returncode == 0, process.stdout + process.stderr
    assert "2 full disks" in process.stdout
