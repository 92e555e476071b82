"""The packages of the library import in one direction, and importing them changes nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LIBRARY = REPOSITORY / "workflow" / "scripts" / "twostep"
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the library with the contracts on its imports, to be edited."""
    shutil.copy2(REPOSITORY / "pyproject.toml", tmp_path)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(LIBRARY, tmp_path / "workflow/scripts/twostep", ignore=ignore)
    return tmp_path / "workflow/scripts/twostep"


def lint(folder: Path) -> subprocess.CompletedProcess:
    """Check the imports of the library in a folder, which may be another one than is installed."""
    return subprocess.run(
        [LINT, "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "workflow/scripts")},
        capture_output=True,
        text=True,
    )


def test_imports_go_in_one_direction():
    process = lint(REPOSITORY)
    assert process.returncode == 0, process.stdout


@pytest.mark.parametrize(
    ("module", "line", "offence"),
    [
        # Upwards, also within a function; to the side; around in a circle.
        ("training/train", "import twostep.trials.key", "twostep.training.train"),
        ("util/seeds", "def f():\n    from twostep.data import sizes", "twostep.util.seeds"),
        ("figures/size", "from twostep.report import finding", "twostep.figures.size"),
        ("util/files", "from twostep.util import tables", ".tables -> .files"),
    ],
)
def test_an_import_in_another_direction_is_named(copy, module, line, offence):
    path = copy / f"{module}.py"
    path.write_text(f"{path.read_text()}\n{line}\n")
    process = lint(copy.parents[2])
    assert process.returncode != 0
    assert offence in process.stdout


def test_a_package_without_a_layer_is_named(copy):
    (copy / "attic").mkdir()
    (copy / "attic" / "__init__.py").touch()
    process = lint(copy.parents[2])
    assert process.returncode != 0
    assert "attic" in process.stdout


def test_packages_have_no_code_of_their_own():
    folders = [path for path in (LIBRARY, *LIBRARY.iterdir()) if list(path.glob("*.py"))]
    assert len(folders) > 10
    for folder in folders:
        assert (folder / "__init__.py").read_text() == "", folder


def test_importing_the_library_leaves_the_garbage_collector_alone():
    code = (
        "import gc; before = gc.get_threshold()\n"
        "import twostep.trials.trainer, twostep.util.logs\n"
        "print(gc.isenabled(), gc.get_threshold() == before)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout.split() == ["True", "True"], process.stderr
