"""What each result was made from, in a small file beside it that travels with it.

Snakemake remembers what a file was made from in a folder of its own, and forgets it when a study is
copied without that folder, when its memory is cleaned up or when it is told to look at times only.
Results must not be wrong then. So each job leaves its settings, and the checksums of what it read
and wrote; planning compares them with the config, and a job with what it is about to read.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from twostep.util.checked_json import read_checked, write_checked
from twostep.util.errors import UserError
from twostep.util.fingerprint import hash_file

NAME = "origin.json"
# The settings of the run under way, in a folder that Snakemake does not own.
PLAN = "journal/plan.json"
# Settings in which the jobs of one rule differ from each other.
OWN_SETTINGS = (
    *("fraction", "samples", "trials", "finalists", "n_shards"),
    *("rung_budget", "pilot_budget"),
)
# Settings that are hashes, and what another one means.
HASHES = {
    "code": "other code",
    "version": "other data files",
    "network": "another file of the networks",
}
# Letters of a value that a sentence repeats.
MOST_LETTERS = 40
# Not results, or checked in a way of their own: the manifest has the checksums of the arrays.
NO_RESULTS = ("journal", "logs")
ARRAYS = ".npy"
# Planning compares files up to this size by content, as Snakemake does, and larger ones by size:
# their times say nothing, because Snakemake itself touches what a job has written.
COMPARED_BYTES = 1_000_000

Settings = dict[str, object]


@dataclass(frozen=True)
class Origin:
    """What the results of one job were made from.

    Paths are relative to the study's folder, so that it can be copied and moved. `settings` are
    the parameters of the job; `inputs` are {path: SHA-256} of the results that it read, and
    `outputs` are {path: {"bytes", "sha256"}}.
    """

    rule: str
    wildcards: dict[str, str]
    settings: Settings
    inputs: dict[str, str]
    outputs: dict[str, dict]


def study_folder(path: str) -> Path:
    """Return the folder of the study, `results/<study>`, that a result or a log is in."""
    return Path(*Path(path).parts[:2])


def config_of_results(config: dict) -> dict:
    """Return a resolved config without the sections that have no influence on results.

    These are that of `snakemake advise`, and that of the embedded data where the user has data.
    """
    has_own_data = config["dataset"]["files"] is not None
    unused = {"advise", *(["generate"] if has_own_data else [])}
    return {name: section for name, section in config.items() if name not in unused}


def portable(settings: Settings, folder: Path) -> Settings:
    """Return settings as JSON has them, without paths in the study's folder, which may be moved."""
    prefix = f"{folder.as_posix()}/"
    plain = {
        name: value
        for name, value in settings.items()
        if not (isinstance(value, str) and value.startswith(prefix))
    }
    return json.loads(json.dumps(plain))


def common(settings: Settings) -> Settings:
    """Return those of the settings that are the same for all jobs of a rule."""
    return {name: value for name, value in settings.items() if name not in OWN_SETTINGS}


def origin_path(outputs: list[str]) -> Path:
    """Return where the origin of a job's outputs is: beside them, named after what they share."""
    first = Path(outputs[0])
    stems = {_stem(Path(output)) for output in outputs}
    return first.with_name(f"{_stem(first)}.{NAME}" if len(stems) == 1 else NAME)


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def find_origin(path: Path, folder: Path) -> Origin | None:
    """Return the origin of a result in the study's folder; None if it has none."""
    for candidate in (path.with_name(f"{_stem(path)}.{NAME}"), path.with_name(NAME)):
        origin = read_origin(candidate)
        if origin and path.relative_to(folder).as_posix() in origin.outputs:
            return origin
    return None


def read_origin(path: Path) -> Origin | None:
    """Read an origin; None if there is none, or one that is damaged, which is as good as none."""
    try:
        return Origin(**read_checked(path))
    except (OSError, UserError, TypeError):
        return None


def write_origin(origin: Origin, folder: Path) -> None:
    """Write the origin of outputs in the study's folder."""
    path = origin_path([(folder / output).as_posix() for output in origin.outputs])
    write_checked(path, asdict(origin))


def stamp(path: Path) -> dict:
    """Return size and SHA-256 of a file; no SHA-256 of an array, which may be large."""
    is_array = path.suffix == ARRAYS
    return {"bytes": path.stat().st_size, "sha256": "" if is_array else hash_file(path)}


def check_inputs(paths: Iterable[Path], folder: Path, plan: dict[str, Settings]) -> dict[str, str]:
    """Return {path: SHA-256} of the results that a job is about to read.

    `plan` are the settings that all jobs of a rule share, {rule: settings}. Raises UserError for a
    result that was made with others, is not what its job wrote, or has no origin. What lies outside
    the study's folder is the user's.
    """
    found = {}
    for path in paths:
        if not path.is_relative_to(folder) or path.suffix == ARRAYS:
            continue
        origin = find_origin(path, folder)
        if origin is None:
            raise UserError(
                f"{path} has no {NAME} beside it, which says what it was made from: delete it and "
                "run the same command again"
            )
        difference = describe_difference(
            common(origin.settings), plan.get(origin.rule, common(origin.settings))
        )
        if difference:
            raise UserError(
                f"{path} was made with {difference}, perhaps by a job of an earlier run that has "
                "ended just now: run the same command again"
            )
        name = path.relative_to(folder).as_posix()
        found[name] = hash_file(path)
        if found[name] != origin.outputs[name]["sha256"]:
            raise UserError(
                f"{path} is damaged, because it is not what its job wrote: delete it and run the "
                "same command again"
            )
    return found


def find_outdated(
    folder: Path,
    expected: Callable[[Origin], Settings | None],
    is_told: Callable[[Origin], bool] = lambda origin: True,
) -> tuple[list[str], str]:
    """Return the files of a study that Snakemake must make again, and a sentence about the first.

    They were made with other settings than those `expected` (None where the config has no such
    job), or from inputs that are not there any more; or nothing says what they were made from,
    which is worth no sentence. Files that are not needed may be among them: the sentence is about
    the first that `is_told`.
    """
    files = set(_walk(folder))
    origins = {
        path: origin
        for path in files
        if path.endswith(NAME) and (origin := read_origin(folder / path))
    }
    known = {path: entry for origin in origins.values() for path, entry in origin.outputs.items()}
    outdated = files - origins.keys() - known.keys()
    sentence = ""
    if outdated and not origins:
        sentence = f"{folder} does not say what its results were made from, as of an older version"
    # What comes first in a study has the fewest inputs.
    for origin in sorted(
        origins.values(), key=lambda origin: (len(origin.inputs), *origin.outputs)
    ):
        reason = _why_outdated(origin, folder, files, known, expected(origin))
        if reason:
            outdated |= origin.outputs.keys()
            if not sentence and is_told(origin):
                sentence = reason
    return sorted((folder / path).as_posix() for path in outdated), sentence


def _walk(folder: Path) -> Iterator[str]:
    """Yield the paths of a study's results and their origins, relative to its folder."""
    for place, folders, names in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [name for name in folders if name not in NO_RESULTS]
        relative = Path(place).relative_to(folder)
        yield from ((relative / name).as_posix() for name in names)


def _why_outdated(
    origin: Origin,
    folder: Path,
    files: set[str],
    known: dict[str, dict],
    expected: Settings | None,
) -> str:
    """Return which output of an origin is outdated and why; nothing if none is, or is there."""
    present = [path for path in origin.outputs if path in files]
    if expected is None or not present:
        return ""
    difference = describe_difference(origin.settings, expected)
    if difference:
        return f"{folder / present[0]} was made with {difference}"
    for path, checksum in origin.inputs.items():
        if path in files and known.get(path, {}).get("sha256") != checksum:
            return f"{folder / present[0]} was made from another {path}"
    for path in present:
        if _has_changed(folder / path, origin.outputs[path]):
            return f"{folder / path} is not what its job wrote"
    return ""


def _has_changed(path: Path, entry: dict) -> bool:
    """Tell whether a file is another one than was written."""
    size = path.stat().st_size
    if size != entry["bytes"]:
        return True
    return 0 < size <= COMPARED_BYTES and entry["sha256"] not in ("", hash_file(path))


def describe_difference(old: Settings, new: Settings) -> str:
    """Return how the settings of two jobs differ; "" if they are the same.

    As "another value of seed (1, not 2)", which is right for a name of one thing or several.
    """
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        if one == other:
            continue
        if name in HASHES:
            return HASHES[name]
        path, one, other = _innermost(name, _parsed(one), _parsed(other))
        values = [json.dumps(value) for value in (one, other)]
        is_short = max(map(len, values)) <= MOST_LETTERS
        told = f" ({values[0]}, not {values[1]})" if is_short else ""
        return f"another value of {path}{told}"
    return ""


def _parsed(value: object) -> object:
    """Return the value of a setting that is JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _innermost(path: str, one: object, other: object) -> tuple[str, object, object]:
    """Return the path of the first key in which two values differ, and its values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            if one.get(key) != other.get(key):
                return _innermost(f"{path}.{key}", one.get(key), other.get(key))
    return path, one, other
