"""Let the disk be full at a random byte of each stage, make space again, and compare the results.

python tests/campaigns/full_disks.py --cases 50

The results lie on a small file system in memory, of a size that does not suffice for the stage. The
run must end with one sentence; the same command with enough space must then give the results of a
study that always had it. Mounting takes root, or a system where users may have namespaces.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from kills import content
from mutations import sentence_of
from small_study import Study, make_study

# What each stage writes, in their order; what trials leave in the journal is theirs, too.
STAGES = {
    "planning": ["journal/plan.json"],
    "generate": ["generate"],
    "prepare": ["prepare", "journal/data_files.json"],
    "subset": ["subset"],
    "baseline": ["baseline"],
    "draw": ["search/*.json*"],
    "search_shard": ["search/*/", "journal/search"],
    "rank": ["rank"],
    "retrain_trial": ["retrain", "journal/retrain"],
    "select_model": ["select"],
    "measure_inference": ["inference"],
    "predict": ["predict"],
    "export": ["export"],
    "summarise": ["summary.*"],
    "explore": ["explore.*"],
    "figures": ["figures"],
    "provenance": ["provenance.*"],
    "report_pages": ["report"],
}
# The origin of a job, which may end just before or after them.
MARGIN_BYTES = 4_000
# In which the file system in memory counts.
PAGE_BYTES = 4096
MEGABYTE = 1_000_000
ENOUGH_BYTES = 200 * MEGABYTE
FAILED_RULE = re.compile(r"Error in rule (\w+)")
# What the system says, what the NetCDF library leaves open, and what `prepare` asks before.
OF_A_DISK = re.compile("No space left on device|as on a full disk|GB of free disk space")
# Names the process that may mount: the one that was started in a namespace of its own.
MAY_MOUNT = "CAMPAIGN_MAY_MOUNT"


@dataclass
class Case:
    """One full disk: what it was to meet, what it met, how that ended, and what must not be."""

    number: int
    stage: str
    free_bytes: int = 0
    failed: str = "nothing"
    sentence: str = ""
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def describe(self) -> str:
        """Return the case and its end in one line."""
        told = " | ".join([self.sentence, *self.violations])
        return (
            f"{self.number} {self.seconds:.0f} s {self.stage} with {self.free_bytes:,} bytes: "
            f"{self.failed} failed: {told}"
        )


class SmallDisk:
    """A file system in memory, mounted on the folder of a study's results."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._mount("-t", "tmpfs", "-o", f"size={ENOUGH_BYTES}", "none", str(folder))

    def leave_free(self, n_bytes: int) -> None:
        """Change the size, so that so many bytes are free; the system rounds up to a page."""
        status = os.statvfs(self._folder)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        self._mount("-o", f"remount,size={used + n_bytes}", str(self._folder))

    def remove(self) -> None:
        """Take the file system and its content away."""
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)

    def _mount(self, *arguments: str) -> None:
        subprocess.run(["mount", *arguments], check=True)


def take_back(study: Study, stage: str) -> int:
    """Delete what a stage and those after it have written; return the space of that stage."""
    names = list(STAGES)
    n_bytes = 0
    for name in reversed(names[names.index(stage) :]):
        paths = [path for pattern in STAGES[name] for path in study.results.glob(pattern)]
        files = [file for path in paths for file in (path, *path.rglob("*")) if file.is_file()]
        n_bytes = sum(-(-file.stat().st_size // PAGE_BYTES) * PAGE_BYTES for file in files)
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return n_bytes


def try_case(case: Case, finished: Study, folder: Path, rng: random.Random) -> None:
    """Run a copy of the finished study that lacks a stage on a small disk, then on a large one."""
    start = time.monotonic()
    shutil.copytree(
        finished.folder,
        folder,
        ignore=lambda place, names: names if Path(place).name == "results" else [],
    )
    study = Study(folder, finished.config)
    disk = SmallDisk(study.results.parent)
    try:
        shutil.copytree(finished.results, study.results)
        case.free_bytes = rng.randrange(take_back(study, case.stage) + MARGIN_BYTES)
        n_planned = 0
        if case.stage != "planning":
            # The plan has its place again.
            plan = study.results / "journal" / "plan.json"
            n_planned = -(-plan.stat().st_size // PAGE_BYTES) * PAGE_BYTES
            plan.unlink()
        disk.leave_free(case.free_bytes + n_planned)
        # Else others that may run as well would meet the end of the disk first.
        until = [] if case.stage == "planning" else ["--until", case.stage]
        process = study.snakemake("--cores", "1", *until)
        _judge_refusal(case, study, process)
        disk.leave_free(ENOUGH_BYTES)
        process = study.snakemake()
        if process.returncode != 0:
            said = process.stderr + process.stdout
            case.violations.append(f"no success with enough space: {said[-1500:]}")
        else:
            case.violations += _differences(study, finished)
    finally:
        disk.remove()
        shutil.rmtree(folder)
    case.seconds = time.monotonic() - start


def _judge_refusal(case: Case, study: Study, process: subprocess.CompletedProcess) -> None:
    """Fill in how the run on the small disk ended."""
    if process.returncode == 0:
        return
    said = process.stderr + process.stdout
    found = FAILED_RULE.search(said)
    case.failed = found[1] if found else "planning"
    case.sentence = sentence_of(said)
    logs = [path.read_text() for path in study.results.glob("logs/**/*.log")]
    if "Traceback" in said or any("unexpected error" in log for log in logs):
        case.violations.append(f"a traceback: {said[-2500:]}")
    elif not OF_A_DISK.search(case.sentence):
        case.violations.append(f"no sentence: {said[-1500:]}")


def _differences(study: Study, finished: Study) -> list[str]:
    expected, found = content(finished), content(study)
    names = [
        name
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]
    left = [path.name for path in study.results.rglob(".*")]
    differences = [f"other results: {names[:5]}"] if names else []
    return differences + ([f"files left behind: {left[:5]}"] if left else [])


def finish_study(folder: Path) -> Study:
    """Run a study that has all stages; return it."""
    finished = make_study(folder)
    finished.config["dataset"] = {
        "inputs": [{"name": "tair"}, {"name": "num_aer", "transform": "log10"}],
        "outputs": [{"name": "fn"}],
        "max_dropped": 0.3,
    }
    finished.config["generate"] = {
        "n_samples": 1600,
        "samples_per_file": 800,
        "modes": ["single"],
    }
    finished.config["retrain"]["controls"] = 1
    finished.run()
    return finished


def campaign(
    n_cases: int, seed: int, folder: Path, finished: Study, only: int | None = None
) -> list[Case]:
    """Try full disks in copies of a finished study, each stage in its turn."""
    stages = list(STAGES)
    cases = [Case(number, stages[(number + seed) % len(stages)]) for number in range(n_cases)]
    for case in cases:
        if only in (None, case.number):
            try_case(case, finished, folder / "full", random.Random(f"{seed} {case.number}"))
            print(case.describe(), flush=True)
    return cases


def report(cases: list[Case]) -> str:
    """Return the outcome of a campaign as text."""
    lines = [f"{len(cases)} full disks"]
    failed = Counter(case.failed for case in cases)
    lines += [f"  {rule}: {count}" for rule, count in failed.most_common()]
    bad = [case for case in cases if case.violations]
    return "\n".join([*lines, f"violations: {len(bad)}", *(case.describe() for case in bad)])


def in_own_namespace(*arguments: str, is_told: bool = False) -> subprocess.CompletedProcess:
    """Run this program where it may mount, unseen by all others."""
    return subprocess.run(
        [*_unshare(), sys.executable, __file__, *arguments],
        env={**os.environ, MAY_MOUNT: "1"},
        capture_output=not is_told,
        text=True,
        check=False,
    )


def _unshare() -> list[str]:
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def why_no_mounts() -> str:
    """Return why nothing can be mounted here; nothing if it can."""
    command = [*_unshare(), "mount", "-t", "tmpfs", "none", tempfile.gettempdir()]
    try:
        process = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return "unshare and mount are missing: install the Debian packages util-linux and mount"
    if process.returncode != 0:
        return (
            "no small disk can be mounted: run this as root, or where users may have namespaces "
            f"({process.stderr.strip()})"
        )
    return ""


if __name__ == "__main__":
    if MAY_MOUNT not in os.environ:
        sys.exit(why_no_mounts() or in_own_namespace(*sys.argv[1:], is_told=True).returncode)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=len(STAGES))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--study", type=Path, help="the folder of a finished study to copy")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        if options.study:
            config = yaml.safe_load((options.study / "study.yaml").read_text())
            study = Study(options.study, config)
        else:
            study = finish_study(Path(place) / "finished")
        outcome = campaign(options.cases, options.seed, Path(place), study, options.only)
    print(report(outcome))
    sys.exit(any(case.violations for case in outcome))
