"""Kill a study at random moments, run it again, and compare it with one that was left alone.

python tests/campaigns/kills.py --kills 100

Half of the kills come at a random moment; the others wait for a stage that was hit too seldom, and
hit it. Prints the kills by kind, by what was running and by who ran it, the finished trials that
were lost (trained again although they were in the journal) and the results that differ; both must
be none. Where it may, it starts some of the runs as another machine or as another user would.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil
import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))
from small_study import Study, make_study

CONFIG = {
    "study": "killed",
    "dataset": {
        "inputs": [{"name": "tair"}, {"name": "wbar"}, {"name": "num_aer", "transform": "log10"}],
        "outputs": [{"name": "fn"}],
        # A single mode leaves more parcels without a peak than several do.
        "max_dropped": 0.3,
        "constant_features": "refuse",
    },
    "generate": {"n_samples": 4000, "samples_per_file": 2000, "modes": ["single"]},
    "search": {
        "n_trials": 12,
        "shard_size": 4,
        "fractions": [0.4],
        "n_validation": 200,
        "budget": {"max_epochs": 40, "patience_epochs": None},
        "space": {"n_hidden_layers": {"min": 1, "max": 3}, "width": [32, 64], "batch_size": 64},
    },
    "retrain": {"top_k": 2, "controls": 1, "budget": {"max_epochs": 150}},
}
# What must not depend on interruptions.
RESULTS = (
    "prepare/manifest.json",
    "subset/*/manifest.json",
    "search/configurations_*.jsonl",
    "search/*/shard_?.jsonl",
    "rank/*/trials.csv",
    "retrain/*_?.json",
    "retrain/*.evaluation.json",
    "baseline/baseline.csv",
    "select/retrained.csv",
    "select/selection.csv",
    "predict/predictions.nc",
)
KINDS = (
    "SIGKILL to Snakemake",
    "SIGKILL to all processes",
    "SIGKILL to a job",
    "SIGKILL to one process of a job",
    "SIGTERM to Snakemake",
    "SIGTERM to the group",
    "SIGINT to the group",
)
# The rules by their scripts, and what their logs are called.
STAGES = {
    "generate": "generate/",
    "prepare": "prepare.log",
    "subset": "subset/",
    "baseline": "baseline.log",
    "draw": "draw_",
    "search_shard": "search/",
    "rank": "rank/",
    "retrain_trial": "retrain/",
    "select_model": "select_model.log",
    "measure_inference": "measure_inference.log",
    "predict": "predict.log",
    "export": "export/",
    "summarise": "summarise.log",
    "explore": "explore.log",
    "figures": "figures.log",
    "provenance": "provenance.log",
    "report_pages": "report_pages.log",
}
# Who runs a study, with what comes before the command. All may write what the others have written.
HERE, ELSEWHERE, ANOTHER_USER = "this machine", "another machine", "another user"
RUNNERS = {
    HERE: [],
    ELSEWHERE: ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh"],
    # By way of env: the first program after a change of the user keeps some of root's rights.
    ANOTHER_USER: ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env"],
}
POLL_SECONDS = 0.02
# Longer than anything here takes; reached only if something hangs.
LIMIT_SECONDS = 300
MAX_WAIT_SECONDS = 11
JOB_SCRIPT = re.compile(r"\.snakemake/scripts/\w+\.(\w+)\.py")


@dataclass
class Tally:
    """What a campaign has seen."""

    kinds: Counter = field(default_factory=Counter)
    stages: Counter = field(default_factory=Counter)
    runners: Counter = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    unlocked: int = 0
    beside_orphans: int = 0
    resumed: int = 0
    leftovers: int = 0
    studies: int = 0

    @property
    def kills(self) -> int:
        """The number of kills so far."""
        return self.kinds.total()


class Run:
    """One start of Snakemake in a study's folder, in a session of its own."""

    def __init__(self, study: Study, runner: str = HERE):
        self._output = (study.folder / "output.txt").open("w+")
        command = [sys.executable, "-m", "snakemake", "--configfile", "study.yaml", "--cores", "2"]
        # The user nobody has no home.
        home = {"HOME": str(study.folder / "home")} if runner == ANOTHER_USER else {}
        self.process = subprocess.Popen(
            [*RUNNERS[runner], *command],
            cwd=study.folder,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0,
            env={**os.environ, **home},
        )

    def descendants(self) -> list[psutil.Process]:
        """Return all living processes that Snakemake has started, directly or not."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def wait(self) -> str:
        """Wait for the end; return what was printed."""
        try:
            self.process.wait(LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            send(signal.SIGKILL, [psutil.Process(self.process.pid), *self.descendants()])
            raise
        self._output.seek(0)
        return self._output.read()


def send(number: signal.Signals, processes: list[psutil.Process]) -> None:
    """Send a signal to processes, some of which may have ended by themselves."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def script_of(process: psutil.Process) -> str | None:
    """Return the name of the rule's script that a process runs, if it runs one."""
    with suppress(psutil.Error):
        found = JOB_SCRIPT.search(" ".join(process.cmdline()))
        return found[1] if found else None
    return None


@cache
def possible_runners(folder: Path) -> list[str]:
    """Return who can run a study in a folder: root alone can start another user's run."""
    test = [sys.executable, "-c", "import os, sys; sys.exit(not os.access(sys.argv[1], os.W_OK))"]
    return [
        name
        for name, before in RUNNERS.items()
        if subprocess.run([*before, *test, str(folder)], capture_output=True).returncode == 0
    ]


def rarest_stage(study: Study, tally: Tally, rng: random.Random) -> str | None:
    """Return the stage that was hit most seldom of those that the study has not finished."""
    logs = [
        path.relative_to(study.results / "logs").as_posix()
        for path in study.results.glob("logs/**/*.log")
        if "finished in" in path.read_text(errors="replace")
    ]
    left = [
        stage for stage, name in STAGES.items() if not any(log.startswith(name) for log in logs)
    ]
    rng.shuffle(left)
    return min(left, key=lambda stage: tally.stages[stage], default=None)


def wait_for_stage(run: Run, stage: str, rng: random.Random) -> None:
    """Wait until a process of the stage is there, and a moment more; or until the run ends."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while run.process.poll() is None and time.monotonic() < deadline:
        if any(script_of(process) == stage for process in run.descendants()):
            # Its imports take most of its time.
            time.sleep(rng.choice([0, rng.uniform(0, 0.5), rng.uniform(0, 3)]))
            return
        time.sleep(POLL_SECONDS)


def kill(run: Run, kind: str, rng: random.Random) -> None:
    """Kill what the kind says; a kind that finds no job kills Snakemake itself."""
    main, descendants = psutil.Process(run.process.pid), run.descendants()
    workers = [process for process in descendants if script_of(process)]
    if kind == "SIGKILL to all processes":
        send(signal.SIGKILL, [main, *descendants])
    elif kind == "SIGKILL to a job" and workers:
        worker = rng.choice(workers)
        send(signal.SIGKILL, [*worker.children(recursive=True), worker])
    elif kind == "SIGKILL to one process of a job" and workers:
        send(signal.SIGKILL, [rng.choice(workers)])
    elif kind == "SIGTERM to Snakemake":
        send(signal.SIGTERM, [main])
    elif kind.endswith("to the group"):
        number = signal.SIGTERM if kind.startswith("SIGTERM") else signal.SIGINT
        os.killpg(main.pid, number)
    else:
        send(signal.SIGKILL, [main])


def journal_lines(study: Study) -> list[tuple[Path, str]]:
    """Return the file and the key of every whole line of the journal of finished trials."""
    found = []
    for path in study.results.glob("journal/search/*/*/*.jsonl"):
        for line in path.read_bytes().split(b"\n"):
            with suppress(ValueError):
                found.append((path, json.loads(line)["key"]))
    return found


def models(study: Study) -> dict[Path, int]:
    """Return the models in the journal, each with the time at which it was written."""
    paths = study.results.glob("journal/retrain/*.pt")
    return {path: path.stat().st_mtime_ns for path in paths if ".checkpoint" not in path.name}


def lost_trials(study: Study, lines: list[tuple[Path, str]], old_models: dict) -> list[str]:
    """Return the trials that were finished before a run and were trained again by it."""
    files, keys = {path for path, _ in lines}, {key for _, key in lines}
    again = [key for path, key in journal_lines(study) if path not in files and key in keys]
    new_models = models(study)
    return again + [path.name for path, time in old_models.items() if new_models.get(path) != time]


def wait_for_moment(run: Run, study: Study, tally: Tally, rng: random.Random) -> None:
    """Wait until a run is to be killed: a random time, or until a rare stage is running."""
    stage = rarest_stage(study, tally, rng) if rng.random() < 0.5 else None
    if stage:
        wait_for_stage(run, stage, rng)
    else:
        with suppress(subprocess.TimeoutExpired):
            run.process.wait(rng.uniform(0.2, MAX_WAIT_SECONDS))


def attempt(study: Study, tally: Tally, rng: random.Random, n_kills: int) -> bool:
    """Start the study once, perhaps kill it; return whether it came to its end."""
    lines, old_models = journal_lines(study), models(study)
    runner = rng.choice(possible_runners(study.folder))
    run = Run(study, runner)
    orphans = []
    if tally.kills < n_kills:
        wait_for_moment(run, study, tally, rng)
    if run.process.poll() is None and tally.kills < n_kills:
        orphans = run.descendants()
        running = {name for name in map(script_of, orphans) if name}
        kind = rng.choice(KINDS)
        kill(run, kind, rng)
        tally.kinds[kind] += 1
        tally.runners[runner] += 1
        tally.stages.update(running or {"Snakemake alone"})
    output = run.wait()
    if "LockException" in output:
        assert "--unlock" in output, output
        tally.unlocked += 1
        command = [sys.executable, "-m", "snakemake", "--unlock"]
        subprocess.run(command, cwd=study.folder, check=True, capture_output=True, timeout=100)
        return False
    if any(process.is_running() for process in orphans) and rng.random() < 0.5:
        # The next run starts beside them.
        tally.beside_orphans += 1
        study.orphans += orphans
        return False
    psutil.wait_procs(orphans + study.orphans, timeout=LIMIT_SECONDS)
    if not study.orphans:
        tally.lost += lost_trials(study, lines, old_models)
    study.orphans = []
    return run.process.returncode == 0


def content(study: Study) -> dict[str, bytes]:
    """Return all that must not depend on interruptions, by its path in the study."""
    found = {
        path.relative_to(study.results).as_posix(): path.read_bytes()
        for pattern in RESULTS
        for path in study.results.glob(pattern)
        # A model holds how long it took, so that the checksum of it differs.
        if not path.name.endswith("origin.json")
    }
    summary = (study.results / "summary.md").read_text()
    return found | {"summary.md": re.sub(r"## Cost.*?(?=\n## )", "", summary, flags=re.S).encode()}


def fresh_study(folder: Path) -> Study:
    """Return the study of this campaign, not run so far."""
    study = make_study(folder)
    study.config = CONFIG
    study.orphans = []
    (folder / "study.yaml").write_text(yaml.safe_dump(CONFIG))
    # For another user, whose runs share it.
    folder.chmod(0o777)
    return study


def campaign(n_kills: int, seed: int, folder: Path) -> Tally:
    """Kill studies in a folder until there were `n_kills`; return what was seen."""
    rng, tally = random.Random(seed), Tally()
    start = time.monotonic()
    reference = fresh_study(folder / "reference")
    output = Run(reference).wait()
    assert (reference.results / "provenance.json").exists(), output
    expected = content(reference)
    print(f"reference: {len(expected)} files, {time.monotonic() - start:.0f} s", flush=True)
    while tally.kills < n_kills:
        study = fresh_study(folder / "killed")
        for _ in range(1000):
            if attempt(study, tally, rng, n_kills):
                break
        tally.studies += 1
        found = content(study)
        names = sorted(expected.keys() | found.keys())
        tally.differences += [name for name in names if expected.get(name) != found.get(name)]
        plan = study.snakemake("--dry-run")
        if "Nothing to be done" not in plan.stderr:
            tally.differences += re.findall(r"reason: .*", plan.stdout + plan.stderr)[:3]
        logs = [path.read_text() for path in study.results.glob("logs/retrain/*.log")]
        tally.resumed += sum("going on from the checkpoint" in text for text in logs)
        tally.leftovers += sum(path.name.startswith(".") for path in study.results.rglob("*"))
        print(f"after {time.monotonic() - start:.0f} s\n{report(tally)}", flush=True)
        shutil.rmtree(study.folder)
    return tally


def report(tally: Tally) -> str:
    """Return the outcome of a campaign as text."""
    lines = [f"kills: {tally.kills} in {tally.studies} studies"]
    lines += [f"  {kind}: {count}" for kind, count in tally.kinds.most_common()]
    lines.append("running at the time:")
    lines += [f"  {stage}: {count}" for stage, count in tally.stages.most_common()]
    lines += [f"run by {runner}: {count}" for runner, count in tally.runners.most_common()]
    lines.append(f"stages never hit: {sorted(STAGES.keys() - tally.stages.keys())}")
    lines += [
        f"unlocked: {tally.unlocked}; run again beside live orphans: {tally.beside_orphans}",
        f"retrainings that went on from a checkpoint: {tally.resumed}",
        f"temporary files left behind: {tally.leftovers}",
        f"finished trials lost: {len(tally.lost)} {tally.lost[:5]}",
        f"differences: {len(tally.differences)} {tally.differences[:5]}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        outcome = campaign(arguments.kills, arguments.seed, Path(place))
    print(report(outcome))
    sys.exit(bool(outcome.lost or outcome.differences))
