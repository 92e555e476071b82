"""All tests compute with one thread, so that they pass on a busy machine."""

import json
import subprocess
import sys

THREADS = """
import json, numpy, torch, threadpoolctl
pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
print(json.dumps([torch.get_num_threads(), *pools]))
"""


def test_a_process_that_a_test_starts_has_one_thread():
    process = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True)
    found = json.loads(process.stdout)
    assert len(found) > 1 and set(found) == {1}


def test_the_process_of_the_tests_has_one_thread():
    import threadpoolctl
    import torch

    pools = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    assert {torch.get_num_threads(), *pools} == {1}
