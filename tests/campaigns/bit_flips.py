"""Flip one bit of one file that a finished study keeps, run it again, and compare the results.

python tests/campaigns/bit_flips.py --flips 100

A run must end with the results of a study that nobody harmed, or with one sentence. Where the
sentence says what to delete, that is done and the run is repeated. Prints the flips by kind of file
and by how they ended, and everything that must not happen.
"""

import argparse
import json
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

sys.path.insert(0, str(Path(__file__).parents[1]))
from kills import content
from mutations import sentence_of
from mutations_configs import set_value
from small_study import Study, make_study

# What is kept, by kind; each kind is as likely as any other.
KINDS = {
    "prepared array": "prepare/*.npy",
    "subset array": "subset/*/*.npy",
    "manifest": "*/**/manifest.json",
    "configurations": "search/configurations_*.jsonl",
    "record of step 1": "search/*/shard_*.jsonl",
    "ranking": "rank/*/*.csv",
    "model": "retrain/*.pt",
    "record of step 2": "retrain/*.json",
    "errors": "retrain/*.evaluation.json",
    "table": "[bsi]*/*.csv",
    "predictions": "predict/predictions.nc",
    "journal of step 1": "journal/search/*/*/*.jsonl",
    "journal of step 2": "journal/retrain/*.pt",
    "record of the data files": "journal/data_files.json",
    "plan": "journal/plan.json",
    "origin": "**/*origin.json",
    "export": "export/selected/*",
    "summary or provenance": "[sp]*[.][mj]*",
}
# What the next run is asked for: some of it reads files that a finished study does not need.
CHANGES: dict[str, dict[str, object]] = {
    "the same again": {},
    "a larger top_k": {"retrain.top_k": 3},
    "more trials": {"search.n_trials": 9},
    "another tolerance": {"select.tolerance": 0.5},
    "another budget of step 2": {"retrain.budget.max_epochs": 4},
    "Snakemake has forgotten": {},
    "all rules again": {},
}
# Nobody needs to delete more than that, one by one.
MOST_DELETIONS = 3
DELETE = re.compile(r"delete (\S+) and run the same command again")


@dataclass
class Flip:
    """One flip: where it was, how it ended, and what must not be."""

    number: int
    kind: str
    path: str
    byte: int
    bit: int
    change: str
    outcome: str = ""
    sentences: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def describe(self) -> str:
        """Return the flip and its end in one line."""
        place = f"bit {self.bit} of byte {self.byte} of {self.path}"
        told = " | ".join(self.sentences + self.violations)
        return f"{self.number} {self.seconds:.0f} s {place}, {self.change}: {self.outcome} {told}"


def choose(number: int, study: Study, rng: random.Random) -> Flip:
    """Choose a bit of a file of the study, and what the next run is asked for."""
    kind = rng.choice(list(KINDS))
    path = rng.choice(sorted(path for path in study.results.glob(KINDS[kind]) if path.is_file()))
    size = path.stat().st_size
    # What a file says of itself is mostly in its first and its last bytes.
    places = [range(size), range(size), range(min(size, 128)), range(max(0, size - 128), size)]
    return Flip(
        number,
        kind,
        path.relative_to(study.results).as_posix(),
        rng.choice(rng.choice(places)),
        rng.randrange(8),
        rng.choice(list(CHANGES)),
    )


def flip_bit(path: Path, byte: int, bit: int) -> None:
    """Change one bit of a file and leave its times, as a disk or a memory does."""
    times = path.stat()
    content = bytearray(path.read_bytes())
    content[byte] ^= 1 << bit
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def make_change(study: Study, change: str) -> None:
    """Change the config as a user would before the next run, or take Snakemake's memory away."""
    for path, value in CHANGES[change].items():
        set_value(study.config, path, value)
    if change == "Snakemake has forgotten":
        shutil.rmtree(study.folder / ".snakemake")


def run(study: Study, change: str) -> subprocess.CompletedProcess:
    """Run the study once."""
    return study.snakemake(*(["--forceall"] if change == "all rules again" else []))


def results(study: Study) -> dict[str, bytes]:
    """Return all that a flip must not change."""
    provenance = json.loads((study.results / "provenance.json").read_bytes())
    told = {key: provenance[key] for key in ("study", "config", "data", "code")}
    for entry in told["data"]["files"]:
        # Copies of a file have times of their own.
        entry.pop("modified_ns", None)
    return content(study) | {"provenance.json": json.dumps(told).encode()}


def try_flip(flip: Flip, finished: Study, expected: dict[str, bytes], folder: Path) -> None:
    """Flip the bit in a copy of a finished study, run that, and fill in how it ended."""
    study = finished.copy(folder)
    start = time.monotonic()
    flip_bit(study.results / flip.path, flip.byte, flip.bit)
    make_change(study, flip.change)
    for _ in range(MOST_DELETIONS + 1):
        process = run(study, flip.change)
        _look_for_tracebacks(flip, study, process)
        if process.returncode == 0 or not _obey(flip, study, process):
            break
    if process.returncode == 0:
        flip.outcome = "named, then as before" if flip.sentences else "as before"
        found = results(study)
        names = sorted(expected.keys() | found.keys())
        different = [name for name in names if expected.get(name) != found.get(name)]
        if different:
            flip.violations.append(f"other results: {different[:5]}")
    else:
        flip.outcome = "no success"
        flip.violations.append(f"no end: {(process.stderr + process.stdout)[-1500:]}")
    flip.seconds = time.monotonic() - start
    shutil.rmtree(folder)


def _look_for_tracebacks(flip: Flip, study: Study, process: subprocess.CompletedProcess) -> None:
    said = process.stderr + process.stdout
    logs = [path.read_text() for path in study.results.glob("logs/**/*.log")]
    if "Traceback" in said or any("unexpected error" in log for log in logs):
        flip.violations.append(f"a traceback: {said[-1500:]}")


def _obey(flip: Flip, study: Study, process: subprocess.CompletedProcess) -> bool:
    """Do what the sentence of a failed run says; return whether it says anything to be done."""
    sentence = sentence_of(process.stderr + process.stdout)
    flip.sentences.append(sentence)
    found = DELETE.search(sentence)
    if found:
        (study.folder / found[1]).unlink()
    return bool(found) or "run the same command again" in sentence


def campaign(
    n_flips: int, seed: int, folder: Path, finished: Study | None = None, only: int | None = None
) -> list[Flip]:
    """Try flips in copies of a finished study, which is run if it is not given."""
    rng = random.Random(seed)
    if finished is None:
        finished = make_study(folder / "finished")
        finished.config["retrain"]["controls"] = 1
        finished.run()
    expected: dict[str, dict[str, bytes]] = {}
    flips = [choose(number, finished, rng) for number in range(n_flips)]
    flips = [flip for flip in flips if only in (None, flip.number)]
    for flip in flips:
        if flip.change not in expected:
            reference = finished.copy(folder / "reference")
            make_change(reference, flip.change)
            process = run(reference, flip.change)
            assert process.returncode == 0, process.stdout + process.stderr
            expected[flip.change] = results(reference)
            shutil.rmtree(reference.folder)
        try_flip(flip, finished, expected[flip.change], folder / "flipped")
        print(flip.describe(), flush=True)
    return flips


def report(flips: list[Flip]) -> str:
    """Return the outcome of a campaign as text."""
    lines = [f"{len(flips)} flips"]
    for title in ("outcome", "kind", "change"):
        counts = Counter(getattr(flip, title) for flip in flips)
        lines += [f"  {title} {name}: {count}" for name, count in counts.most_common()]
    bad = [flip for flip in flips if flip.violations]
    return "\n".join([*lines, f"violations: {len(bad)}", *(flip.describe() for flip in bad)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one flip")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        outcome = campaign(arguments.flips, arguments.seed, Path(place), only=arguments.only)
    print(report(outcome))
    sys.exit(any(flip.violations for flip in outcome))
