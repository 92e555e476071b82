"""Write the tables of config/README.md anew, from the schema of the config.

python config/make_readme.py
"""

import itertools
import json
import textwrap
from pathlib import Path

from twostep.config.schema import load_schema
from twostep.config.sentences import describe_allowed, list_keys

README = Path(__file__).with_name("README.md")
BEFORE_TABLES = "python config/make_readme.py -->\n"
AFTER_TABLES = "<!-- end of the tables -->\n"
# Prose has at most so many columns, rows of tables may have more.
COLUMNS = 120


def key_tables(schema: dict) -> str:
    """Return the keys of a schema as tables, one for each section at the top."""
    sections = []
    for section, rows in itertools.groupby(list_keys(schema), key=lambda row: row[0].split(".")[0]):
        (path, entry), *inner = rows
        lines = [f"### `{section}`", ""]
        if inner:
            lines += [*textwrap.wrap(entry["description"], COLUMNS), ""]
        lines += ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [markdown_row(*row) for row in inner or [(path, entry)]]
        sections.append("\n".join(lines))
    return "\n\n".join(sections) + "\n"


def markdown_row(path: str, entry: dict) -> str:
    """Return a row of a table: a section within a section has neither values nor a default."""
    allowed, default = describe_allowed(entry), "*required*"
    if "default_of" in entry:
        default = f"as `{entry['default_of']}`"
    if "default" in entry:
        default = f"`{json.dumps(entry['default'])}`"
    if entry.get("type") == "object" and "properties" in entry:
        allowed, default = "", ""
    cells = [f"`{path}`", allowed, default, entry["description"]]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def readme_with_tables() -> str:
    """Return the README with the tables that the schema has now, between its two comments."""
    text, before, rest = README.read_text(encoding="utf-8").partition(BEFORE_TABLES)
    _, after, end = rest.partition(AFTER_TABLES)
    if not before or not after:
        raise SystemExit(f"{README} lacks a comment before or after its tables")
    return f"{text}{before}\n{key_tables(load_schema())}\n{after}{end}"


if __name__ == "__main__":
    README.write_text(readme_with_tables(), encoding="utf-8")
