"""What all tests share: one thread for each process, and the small study of the real workflow."""

import copy
import fcntl
import json
import os

import pytest
from small_study import Study, make_study
from threadpoolctl import threadpool_limits

# Idle threads of a matrix library spin: on a busy machine that takes far longer than the work
# itself. The variables are for what is loaded later, and for all processes that a test starts; the
# call is for numpy, which plugins of pytest load before this file is read.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))
threadpool_limits(1)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Study:
    """A study that has not been run; copy it before a change."""
    return make_study(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def finished(fresh, tmp_path_factory, worker_id) -> Study:
    """A study that has been run to its end; copy it before a change, or another run.

    What was said of it while it ran is beside it, for `looks`.
    """
    # The workers of pytest-xdist have folders of their own in one that they share.
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "finished"
    with folder.with_suffix(".lock").open("w") as lock:
        # The first to come runs it, and the others wait.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            study = fresh.copy(tmp_path_factory.mktemp("running"))
            folder.with_suffix(".json").write_text(json.dumps(study.run_and_look()))
            study.folder.rename(folder)
    return Study(folder, copy.deepcopy(fresh.config))


@pytest.fixture(scope="session")
def looks(finished) -> list[str]:
    """What the command for the progress said while the finished study ran."""
    return json.loads(finished.folder.with_suffix(".json").read_text())


@pytest.fixture
def study(finished, tmp_path) -> Study:
    """A copy of the finished study, to change and run again."""
    return finished.copy(tmp_path / "study")
