"""The small study of the tests that run the real workflow."""

import pytest
from small_study import Study, make_study


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Study:
    """A study that has not been run; copy it before a change."""
    return make_study(tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def finished(fresh, tmp_path_factory) -> Study:
    """A study that has been run to its end; copy it before a change."""
    study = fresh.copy(tmp_path_factory.mktemp("finished"))
    study.run()
    return study


@pytest.fixture
def study(finished, tmp_path) -> Study:
    """A copy of the finished study, to change and run again."""
    return finished.copy(tmp_path / "study")
