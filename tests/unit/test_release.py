"""A release has one version, which all files tell."""

import re
import tomllib
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]


def test_version_and_date_are_the_same_in_all_files():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    headings = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    [released, *_] = [heading for heading in headings if heading != "Unreleased"]
    assert released == f"{project['version']} ({citation['date-released']})"
    assert citation["version"] == project["version"]
