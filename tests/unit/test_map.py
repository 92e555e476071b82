"""The map of the code, docs/development.md, names what there is."""

import importlib
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MAP = (REPOSITORY / "docs" / "development.md").read_text(encoding="utf-8")
LIBRARY = REPOSITORY / "workflow" / "scripts" / "twostep"
PACKAGES = sorted(path.name for path in LIBRARY.iterdir() if (path / "__init__.py").exists())


def find(name: str) -> object:
    """Return what a dotted name in the library stands for; AttributeError if there is none."""
    package, module, *parts = name.split(".")
    found = importlib.import_module(f"twostep.{package}.{module}")
    for part in parts:
        found = getattr(found, part)
    return found


def test_every_function_that_it_names_is_there():
    names = re.findall(rf"`((?:{'|'.join(PACKAGES)})\.\w+(?:\.\w+)*)`", MAP)
    names = [name for name in names if not name.endswith((".csv", ".smk"))]
    assert len(names) > 40
    for name in names:
        assert find(name) is not None


def test_every_package_has_a_row():
    rows = re.findall(r"^\| `(\w+)` \|", MAP, re.MULTILINE)
    assert set(PACKAGES) <= set(rows)


def test_every_rule_with_a_script_has_a_row_with_its_file():
    for file in (REPOSITORY / "workflow" / "rules").glob("*.smk"):
        rules = re.findall(
            r"^(?:rule|checkpoint) (\w+):$(.*?)(?=^\S)", file.read_text() + "\n#", re.M | re.S
        )
        for rule, body in rules:
            if "    script:" in body:
                assert re.search(rf"^\|.*`{rule}`.* \| {file.name} \|", MAP, re.M), rule


def test_every_file_that_it_names_is_there():
    for name in re.findall(r"`((?:\w+/)+\w+\.\w+)`", MAP):
        places = [REPOSITORY / name, LIBRARY / name, REPOSITORY / "workflow" / name]
        # What a study writes is not part of the repository.
        if not name.startswith(("retrain/", "prepare/", "rungs/", "search/")):
            assert any(place.exists() for place in places), name
