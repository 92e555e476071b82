"""JSON files that carry a checksum of their content: what the workflow decides by."""

from pathlib import Path

from twostep.util.files import damaged, read_json, write_json
from twostep.util.fingerprint import hash_values

CHECKSUM = "checksum"


def write_checked(path: str | Path, content: dict) -> None:
    """Write `content` and its checksum as JSON, whole or not at all."""
    write_json(path, {**content, CHECKSUM: hash_values(content)})


def read_checked(path: str | Path) -> dict:
    """Read what `write_checked` wrote; UserError if it is damaged."""
    content = read_json(path)
    if content.pop(CHECKSUM, None) != hash_values(content):
        raise damaged(path)
    return content
