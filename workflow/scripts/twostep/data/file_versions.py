"""Whether the user's files are those that a study was prepared from.

Looking at the time of a file would prepare a study again after a mere touch or copy; reading all of
it whenever Snakemake plans would take minutes. So its content is hashed when it is prepared, and
again only if its size or time differ from what was seen then.
"""

import os
import stat
from pathlib import Path

from twostep.util.checked_json import read_checked, write_checked
from twostep.util.errors import UserError
from twostep.util.fingerprint import hash_file, hash_values


def describe_files(files: list[str], known: dict[str, dict] | None = None) -> list[dict]:
    """Return path, size, time and content hash of each file.

    `known` are descriptions by path, whose hashes are taken over where size and time agree. Raises
    UserError if two files have the same content.
    """
    described: list[dict] = []
    for path in files:
        seen = stamp(path)
        old = (known or {}).get(path, {})
        same = {key: old.get(key) for key in seen} == seen
        described.append({"path": path, **seen, "sha256": old["sha256"] if same else _hash(path)})
    first: dict[str, str] = {}
    for entry in described:
        other = first.setdefault(entry["sha256"], entry["path"])
        if other != entry["path"]:
            raise UserError(
                f"dataset.files: {entry['path']} and {other} have the same content, whose samples "
                "would be in several splits; take one of them out"
            )
    return described


def data_version(
    record: str | Path, files: list[str], *, is_prepared: bool
) -> tuple[str, list[str]]:
    """Return what names the files' content, and the files that have changed.

    It stays what it was when the study was prepared for as long as the content does; `record` is
    the file in which `record_files` noted that. It is empty for a study not prepared so far, as no
    file has been read. One that was prepared and has lost its record, as in a copy without its
    journal, goes by the content, for which all files are read.
    """
    try:
        content = read_checked(record)
    except (FileNotFoundError, UserError):
        # A record that was damaged is as good as none.
        return _version(describe_files(files)) if is_prepared else "", []
    known = {entry["path"]: entry for entry in content["files"]}
    found = describe_files(files, known)
    if found == content["files"]:
        return content["version"], []
    if _version(found) == _version(content["files"]):
        # Only touched or copied: the next look should be a quick one.
        write_checked(record, {**content, "files": found})
        return content["version"], []
    changed = [
        entry["path"]
        for entry in found
        if entry["sha256"] != known.get(entry["path"], {}).get("sha256")
    ]
    return _version(found), changed


def _version(described: list[dict]) -> str:
    return hash_values([entry["sha256"] for entry in described])


def record_files(record: str | Path, version: str, described: list[dict]) -> None:
    """Note what a study was prepared from, and the version that this went by.

    Raises UserError if a file has changed since it was described.
    """
    for entry in described:
        seen = stamp(entry["path"])
        if {key: entry[key] for key in seen} != seen:
            raise UserError(
                f"{entry['path']} was changed while it was being read: run the same command again "
                "once it is complete"
            )
    write_checked(record, {"version": version, "files": described})


def _parts(path: str | Path) -> list[Path]:
    """Return the file itself, or all files of a folder such as a Zarr store."""
    path = Path(path)
    return sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]


def stamp(path: str | Path) -> dict[str, int]:
    """Return the size of a file or a folder, and the time of its last change."""
    # Asked for each of thousands of files: nearly all of them are no folders.
    whole = os.stat(path)  # noqa: PTH116
    is_folder = stat.S_ISDIR(whole.st_mode)
    stats = [part.stat() for part in _parts(path)] if is_folder else [whole]
    return {
        "bytes": sum(part.st_size for part in stats),
        "modified_ns": max((part.st_mtime_ns for part in stats), default=0),
    }


def _hash(path: str | Path) -> str:
    hashes = []
    for part in _parts(path):
        hashes.append([part.relative_to(path).as_posix(), hash_file(part)])
    return hashes[0][1] if not Path(path).is_dir() else hash_values(hashes)
