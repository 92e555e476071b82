"""Hostile and silly input to the real workflow: each outcome is a run, or one clear sentence.

Run as a program, it mutates configs and data files, lets Snakemake plan or run each of them in a
copy of the workflow, and prints how they ended and everything that must not happen:

    python tests/campaigns/mutations.py --configs 500 --files 200

A violation is repeated with the same seed and numbers, and `--only` with its number.
"""

import argparse
import itertools
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parent))
from forks import Starter
from mutations_configs import CONFIG, ODD_FILES, ConfigCase, config_cases, set_value
from mutations_files import STORE_NAME, FileCase, file_cases, write_file
from mutations_values import wrong_values

REPOSITORY = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles")
PLAN_SECONDS, RUN_SECONDS = 60, 300
# A sentence is to be read.
LONGEST_SENTENCE = 700
# An error in the rules that nobody thought of, in Snakemake's words; failed jobs are errors, too.
UNFORESEEN = re.compile(
    r'^(?!WorkflowError|RuleException|CalledProcessError)\w+ in file ".*(\.smk|Snakefile)"', re.M
)
# A place in the workflow's files, in a traceback.
OURS = re.compile(r'File ".*(\.smk|Snakefile|/workflow/scripts/.*)", line')


@dataclass
class Outcome:
    """How one case ended: its kind for the table, the sentence, and what must not be."""

    number: int
    what: str
    kind: str
    sentence: str = ""
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


def collect(strategy, n: int, start: int) -> list:
    """Return n different examples of a strategy, the same ones for the same `start`."""
    found = {}
    for batch in itertools.count():
        if len(found) >= n:
            return list(found.values())[:n]
        for example in _draw(strategy, f"{start} {batch}"):
            found.setdefault(example.content, example)


def _draw(strategy, start: str) -> list:
    """Return a few examples, as hypothesis soon begins to vary those that it had before."""
    examples = []

    @seed(start)
    @settings(
        max_examples=3,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def add(example):
        examples.append(example)

    add()
    return examples


class Sandbox:
    """A folder with a copy of the workflow and data files of odd names, used again and again."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "study"
        self.folder.mkdir(parents=True)
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, self.folder / part, ignore=ignore)
            else:
                shutil.copy2(source, self.folder / part)
        write_file(self.folder / "data.nc")
        self.data = (self.folder / "data.nc").read_bytes()
        for name in ODD_FILES:
            (self.folder / name).write_bytes(self.data)
        self._before = self._look()
        self._starter = Starter()

    def clean(self) -> None:
        """Take away what the last case has left."""
        for name in ("results", ".snakemake", STORE_NAME):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "data.nc").write_bytes(self.data)

    def strangers(self) -> list[str]:
        """Return what was created where nothing may be; it is taken away."""
        found = sorted(self._look() - self._before)
        for name in found:
            path = self.root / name
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return found

    def _look(self) -> set[str]:
        found = set()
        for parent, folders, files in os.walk(self.root):
            is_study = Path(parent) == self.folder
            folders[:] = [
                name
                for name in folders
                if name != "__pycache__"
                and not (is_study and name in ("results", ".snakemake", STORE_NAME))
            ]
            relative = Path(parent).relative_to(self.root)
            found |= {str(relative / name) for name in [*folders, *files]}
        return found - {"study/study.yaml"}

    def snakemake(self, *arguments: str, limit: float) -> subprocess.CompletedProcess | None:
        """Run Snakemake with study.yaml; None if it had to be stopped."""
        fixed = ["--configfile", "study.yaml", "--cores", "1"]
        return self._starter.run([*fixed, *arguments], self.folder, limit)

    def close(self) -> None:
        """End the process that starts Snakemake."""
        self._starter.close()

    def logs(self) -> str:
        """Return all that the rules have logged."""
        paths = (self.folder / "results").glob("*/logs/**/*.log")
        return "\n".join(path.read_text(errors="replace") for path in paths)

    def has(self, pattern: str) -> bool:
        """Tell whether a result is there."""
        return any((self.folder / "results").glob(f"*/{pattern}"))


def sentence_of(stderr: str) -> str:
    """Return the sentence by which a run ended; empty if there is none."""
    lines = stderr.splitlines()
    own = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    if own:
        return own[0].strip()
    for before, line in itertools.pairwise(lines):
        if re.match(r"WorkflowError( in file .*)?:?$|WorkflowError in file", before):
            return line.strip()
    return ""


def judge(outcome: Outcome, sandbox: Sandbox, process, *, final: str) -> None:
    """Fill in how a process ended; `final` is the result that is there only after a success."""
    strangers = sandbox.strangers()
    if strangers:
        outcome.violations.append(f"created outside results: {strangers}")
    if process is None:
        outcome.kind = "hang"
        outcome.violations.append("it had to be stopped")
        return
    # A dry run tells everything on its standard output.
    said = process.stderr + process.stdout
    told = said + sandbox.logs()
    if process.returncode == 0:
        outcome.kind = outcome.kind or "accepted"
        if "Traceback" in told:
            outcome.violations.append("a traceback although it succeeded")
        if final and not sandbox.has(final):
            outcome.violations.append(f"success without {final}")
        return
    if final and sandbox.has(final):
        outcome.violations.append(f"failure with {final}")
    outcome.sentence = sentence_of(said)
    if "Traceback" in told and not OURS.search(told):
        # Snakemake's own, over a file that it cannot read: the workflow is not even looked at.
        outcome.kind = "crash of Snakemake while it read the file"
        return
    _judge_refusal(outcome, process.returncode, said, told)


def _judge_refusal(outcome: Outcome, status: int, said: str, told: str) -> None:
    """Judge a failure by its exit status, what Snakemake said, and that with the logs."""
    sentence = outcome.sentence
    outcome.kind = "refused by Snakemake" if "Config file" in sentence else "refused by a sentence"
    if status < 0:
        outcome.violations.append(f"killed by signal {-status}")
    if "Traceback" in told or UNFORESEEN.search(told):
        outcome.violations.append(f"a traceback: {told[-1500:]}")
    elif not sentence:
        outcome.violations.append(f"no sentence: {said[-1500:]}")
    elif len(sentence) > LONGEST_SENTENCE or not sentence.isprintable():
        outcome.violations.append(f"a sentence not to be read: {ascii(sentence)[:1500]}")


def is_small(content: bytes) -> bool:
    """Tell whether a config that was accepted makes a run of seconds."""
    try:
        config = yaml.safe_load(content)
        search, retrain = config.get("search", {}), config.get("retrain", {})
        space = search.get("space", {})
        numbers = [
            (search.get("n_trials", 1000), 6),
            (search.get("budget", {}).get("max_epochs", 100), 5),
            (retrain.get("budget", {}).get("max_epochs", 200), 5),
            (retrain.get("seeds", 1), 3),
            (space.get("n_hidden_layers", {}).get("max", 20), 4),
            (max(space.get("width", [2048])), 64),
            (len(search.get("fractions", [])), 3),
            (config.get("dataset", {}).get("files") is None, 0),
        ]
        return all(float(number) <= limit for number, limit in numbers)
    except (AttributeError, TypeError, ValueError, yaml.YAMLError):
        return False


def try_config(sandbox: Sandbox, number: int, case: ConfigCase, may_run) -> Outcome:
    """Plan a mutated config, and run it to its end if it is a small one and `may_run` says so."""
    outcome = Outcome(number, case.what, "")
    sandbox.clean()
    (sandbox.folder / "study.yaml").write_bytes(case.content)
    judge(outcome, sandbox, sandbox.snakemake("--dry-run", limit=PLAN_SECONDS), final="")
    if outcome.kind == "accepted" and is_small(case.content) and may_run(case.what):
        _run(outcome, sandbox)
    return outcome


def try_file(sandbox: Sandbox, number: int, case: FileCase, may_run) -> Outcome:
    """Prepare a mutated file, and run on to the summary if `may_run` says so."""
    outcome = Outcome(number, case.what, "")
    sandbox.clean()
    config = deepcopy(CONFIG)
    # What a sigmoid cannot reach would end most runs on odd values.
    config["training"] = {"output_activation": "linear" if number % 2 else "sigmoid"}
    for path, value in case.changes.items():
        set_value(config, path, value)
    (sandbox.folder / "study.yaml").write_text(yaml.safe_dump(config))
    case.write(sandbox.folder)
    process = sandbox.snakemake("prepare", limit=PLAN_SECONDS)
    judge(outcome, sandbox, process, final="prepare/manifest.json")
    if outcome.kind == "accepted":
        outcome.kind = "prepared"
        _compare_values(outcome, sandbox, config)
        if may_run(case.what):
            _run(outcome, sandbox)
    return outcome


def _compare_values(outcome: Outcome, sandbox: Sandbox, config: dict) -> None:
    """Compare what was prepared with what xarray reads, where xarray can read the file."""
    (manifest,) = sandbox.folder.glob("results/*/prepare/manifest.json")
    dataset = config["dataset"]
    try:
        wrong = wrong_values(
            manifest, sandbox.folder / dataset["files"], dataset["sample_dimension"]
        )
    except Exception as error:  # another reader may find more that is odd
        outcome.kind = f"prepared, but xarray does not read it ({type(error).__name__})"
        return
    if wrong:
        outcome.violations.append(wrong)


def _run(outcome: Outcome, sandbox: Sandbox) -> None:
    outcome.kind = ""
    process = sandbox.snakemake(limit=RUN_SECONDS)
    judge(outcome, sandbox, process, final="summary.md")
    outcome.kind = {"accepted": "ran to its end"}.get(outcome.kind, f"run: {outcome.kind}")
    if outcome.kind == "ran to its end" and not sandbox.has("figures/retrained.pdf"):
        outcome.violations.append("a run without its figures")


class Ration:
    """Allows a number of full runs, those of telling cases first."""

    def __init__(self, n_runs: int, words: tuple[str, ...]) -> None:
        self._lock, self._left, self._words = threading.Lock(), n_runs, words

    def __call__(self, what: str) -> bool:
        with self._lock:
            if self._left > 0 and any(word in what for word in self._words):
                self._left -= 1
                return True
        return False


@contextmanager
def sandboxes(n_workers: int):
    """Yield a queue of sandboxes, which are deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="mutations_") as root:
        made = [Sandbox(Path(root) / f"worker_{worker}") for worker in range(n_workers)]
        free: queue.Queue[Sandbox] = queue.Queue()
        for sandbox in made:
            free.put(sandbox)
        try:
            yield free
        finally:
            for sandbox in made:
                sandbox.close()


def campaign(
    n_configs: int,
    n_files: int,
    *,
    start: int = 1,
    n_runs: int = 0,
    n_workers: int = 2,
    only: int | None = None,
    report=lambda outcome: None,
) -> list[Outcome]:
    """Try mutated configs, numbered from 0, and files, numbered on; return how they ended.

    `n_runs` accepted ones of each sort are run to their end; `only` is the number of the one case
    to try, and `report` is called with each outcome.
    """
    configs = collect(config_cases(), n_configs, start)
    files = collect(file_cases(), n_files, start)
    # Names of files and odd numbers; names and texts that meet the figures and the summary.
    config_ration = Ration(n_runs, (" file ", "file dataset", "set search", "set retrain", "seed"))
    file_ration = Ration(n_runs, ("text ", "labels", "name ", "attribute"))
    tasks = [
        (function, number, case, ration)
        for number, (function, case, ration) in enumerate(
            [(try_config, case, config_ration) for case in configs]
            + [(try_file, case, file_ration) for case in files]
        )
        if only in (None, number)
    ]
    with sandboxes(n_workers) as free:

        def attempt(task) -> Outcome:
            function, number, case, ration = task
            sandbox, begin = free.get(), time.monotonic()
            try:
                outcome = function(sandbox, number, case, ration)
            finally:
                free.put(sandbox)
            outcome.seconds = time.monotonic() - begin
            report(outcome)
            return outcome

        with ThreadPoolExecutor(n_workers) as executor:
            return list(executor.map(attempt, tasks))


def describe(outcomes: list[Outcome], n_configs: int) -> str:
    """Return the table of outcomes, and each violation."""
    lines = []
    for title, chosen in (
        ("configs", [outcome for outcome in outcomes if outcome.number < n_configs]),
        ("files", [outcome for outcome in outcomes if outcome.number >= n_configs]),
    ):
        lines.append(f"{len(chosen)} mutated {title}")
        kinds = Counter(outcome.kind for outcome in chosen)
        lines += [f"  {count:5d}  {kind}" for kind, count in kinds.most_common()]
    bad = [outcome for outcome in outcomes if outcome.violations]
    lines.append(f"{len(bad)} violations")
    for outcome in bad:
        lines.append(f"  number {outcome.number}: {outcome.what}")
        lines += [f"    {violation}" for violation in outcome.violations]
    return "\n".join(lines)


def main() -> int:
    """Run a campaign as the command line says; return 1 if anything happened that must not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=500)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=10, help="accepted ones of each to run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--verbose", action="store_true", help="print every outcome")
    given_arguments = parser.parse_args()

    def report(outcome: Outcome) -> None:
        if given_arguments.verbose or outcome.violations:
            print(
                f"{outcome.number} {outcome.seconds:.1f} s {outcome.kind} | {outcome.what} | "
                f"{outcome.sentence} {' '.join(outcome.violations)}",
                flush=True,
            )

    outcomes = campaign(
        given_arguments.configs,
        given_arguments.files,
        start=given_arguments.seed,
        n_runs=given_arguments.runs,
        n_workers=given_arguments.workers,
        only=given_arguments.only,
        report=report,
    )
    print(describe(outcomes, given_arguments.configs))
    return 1 if any(outcome.violations for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
