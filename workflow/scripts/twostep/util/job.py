"""The frame of every job: its log, its note, and what its results were made from."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from twostep.util.checked_json import read_checked
from twostep.util.errors import UserError
from twostep.util.job_note import JobNote
from twostep.util.logs import reporting
from twostep.util.origin import (
    PLAN,
    Origin,
    check_inputs,
    origin_path,
    portable,
    stamp,
    study_folder,
    write_origin,
)


@contextmanager
def job(snakemake: Any) -> Iterator[JobNote]:
    """Check what the job reads, log what happens in it, and leave the origin of its results.

    `snakemake` is the object that Snakemake gives to a script. A UserError, and what the system
    says of files and disks, become a sentence in the job's note and exit status 1.
    """
    log_file = snakemake.log[0]
    folder = study_folder(log_file)
    wildcards = dict(snakemake.wildcards.items())
    note = JobNote(log_file, snakemake.rule, wildcards, folder)
    with closing(note), reporting(log_file, note.fail):
        outputs = [Path(path) for path in snakemake.output]
        # Until the new results are complete, nothing says what the files are.
        origin_path(list(snakemake.output)).unlink(missing_ok=True)
        inputs = _check_patiently([Path(path) for path in snakemake.input], folder)
        yield note
        origin = Origin(
            rule=snakemake.rule,
            wildcards=wildcards,
            settings=portable(dict(snakemake.params.items()), folder),
            inputs=inputs,
            outputs={path.relative_to(folder).as_posix(): stamp(path) for path in outputs},
        )
        write_origin(origin, folder)


def _check_patiently(paths: list[Path], folder: Path) -> dict[str, str]:
    """Check what the job reads, for as long as the plan says where it looks wrong.

    On the file systems of clusters, what one machine has written takes a while to reach another.
    """
    start = time.monotonic()
    while True:
        plan = _read_plan(folder)
        try:
            return check_inputs(paths, folder, plan["rules"])
        except UserError:
            if time.monotonic() - start >= plan["patience_seconds"]:
                raise
        time.sleep(1)


def _read_plan(folder: Path) -> dict:
    """Return the plan of the run; one that knows nothing where there is none or a damaged one."""
    try:
        return read_checked(folder / PLAN)
    except (OSError, UserError):
        return {"patience_seconds": 0, "rules": {}}
