"""The pages of the documentation: lines that fit a screen, and links that lead somewhere."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCS = sorted((REPOSITORY / "docs").glob("*.md"))
README, CHANGELOG = REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md"
EVIDENCE = REPOSITORY / "docs/evidence.md"
PAGES = [
    README,
    CHANGELOG,
    REPOSITORY / "config/README.md",
    REPOSITORY / "evidence/README.md",
    *DOCS,
]
COLUMNS = 120


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def text_of(path: Path) -> str:
    """Return the text of a page; of the changelog the latest part."""
    text = path.read_text(encoding="utf-8")
    return text.split("\n## ")[1] if path == CHANGELOG else text


def prose_of(path: Path) -> list[str]:
    """Return the lines of a page that are neither code nor rows of a table."""
    text = re.sub(r"^( *)```.*?^\1```", "", text_of(path), flags=re.DOTALL | re.MULTILINE)
    return [line for line in text.splitlines() if not line.lstrip().startswith("|")]


def anchors_of(path: Path) -> set[str]:
    """Return what links to the headings of a page end with, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_no_line_of_prose_is_too_long(path):
    assert [line for line in prose_of(path) if len(line) > COLUMNS] == []


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "config").glob("*.yaml")), ids=lambda path: path.name
)
def test_no_line_of_a_config_is_too_long(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_to_a_file_and_a_heading(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(path)):
        if link.startswith(("http:", "https:")):
            continue
        target, _, anchor = link.partition("#")
        file = path.parent / target if target else path
        assert file.exists(), link
        assert not anchor or anchor in anchors_of(file), link


def test_the_readme_leads_to_every_page():
    """Directly, or by docs/evidence.md, which lists the pages of its tables."""
    links = set(re.findall(r"\]\(docs/(\w+\.md)", README.read_text(encoding="utf-8")))
    links |= set(re.findall(r"\]\((evidence_\w+\.md)", EVIDENCE.read_text(encoding="utf-8")))
    assert {page.name for page in DOCS} <= links
