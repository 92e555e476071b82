"""The profile for Slurm, on a real cluster of one node: the same numbers as without, and faults."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cluster import Cluster, ClusterError, running_cluster
from small_study import REPOSITORY, Study

# Quick looks at the queue, and squeue, since this cluster has no accounting.
OPTIONS = (
    "--profile", "slurm",
    "--slurm-status-command", "squeue",
    # About as long as the shortest jobs: after a look that finds none ended it waits 10 s longer.
    "--slurm-init-seconds-before-status-checks", "7",
    "--latency-wait", "15",
)  # fmt: skip
TABLES = (
    "rank/0.2/trials.csv",
    "select/retrained.csv",
    "select/selection.csv",
    "baseline/baseline.csv",
)


@pytest.fixture(scope="session")
def cluster():
    # Not pytest's own folder: the paths of sockets must be short, and other users may look in.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    try:
        with running_cluster(folder) as started:
            yield started
    except ClusterError as error:
        pytest.fail(str(error), pytrace=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def on_slurm(fresh, tmp_path) -> Study:
    """A study that has not been run, in a folder of its own, with the profile."""
    study = fresh.copy(tmp_path / "study")
    shutil.copytree(REPOSITORY / "slurm", study.folder / "slurm")
    return study


@pytest.fixture
def start(cluster) -> Iterator[Callable[..., subprocess.Popen]]:
    """A function that starts Snakemake with the profile; what it started ends with the test."""
    processes = []

    def begin(study: Study, *options: str) -> subprocess.Popen:
        (study.folder / "study.yaml").write_text(yaml.safe_dump(study.config))
        output = (study.folder / "output.txt").open("a")
        command = [sys.executable, "-m", "snakemake", "--configfile", "study.yaml"]
        processes.append(
            subprocess.Popen(
                [*command, *OPTIONS, *options],
                cwd=study.folder,
                env=cluster.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        )
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def finish(study: Study, process: subprocess.Popen) -> str:
    """Wait for a run that must succeed; return what it printed."""
    process.wait(timeout=400)
    output = (study.folder / "output.txt").read_text()
    assert process.returncode == 0, output
    return output


def slow_down(study: Study) -> None:
    """Make the trials of the search so long that a job is met while it trains."""
    study.config["search"]["budget"] = {"max_epochs": 2000, "patience_epochs": None}
    study.config["search"].update(n_trials=4, shard_size=4)
    study.config["retrain"]["top_k"] = 1


def wait_for_trials(study: Study, n_trials: int) -> None:
    for _ in range(2400):
        if sum(study._trained()["search"].values()) >= n_trials:
            return
        time.sleep(0.1)
    raise AssertionError((study.folder / "output.txt").read_text())


def search_job(cluster: Cluster) -> str:
    return next(job for job, comment in cluster.jobs().items() if "search_shard" in comment)


def ranking(study: Study) -> str:
    """Return the path of the table of trials, the end of step 1."""
    return f"results/{study.config['study']}/{TABLES[0]}"


def assert_each_trial_once(study: Study) -> None:
    assert set(study._trained()["search"].values()) == {1}


def assert_same_tables(study: Study, reference: Study, tables: tuple[str, ...]) -> None:
    for table in tables:
        assert (study.results / table).read_bytes() == (reference.results / table).read_bytes()


@pytest.fixture(scope="session")
def reference(fresh, tmp_path_factory) -> Study:
    """The study with long trials, run without a cluster."""
    study = fresh.copy(tmp_path_factory.mktemp("reference"))
    slow_down(study)
    study.run("select_model", "baseline")
    return study


def test_a_study_with_a_cancelled_job_has_the_numbers_of_one_machine(
    cluster, start, on_slurm, reference
):
    slow_down(on_slurm)
    process = start(on_slurm)
    wait_for_trials(on_slurm, 1)
    cluster.command("scancel", search_job(cluster))
    output = finish(on_slurm, process)
    assert "Trying to restart job" in output
    assert len(re.findall(r"has been submitted with SLURM jobid \d+", output)) >= 10
    assert (on_slurm.results / "figures").is_dir()
    assert_each_trial_once(on_slurm)
    assert_same_tables(on_slurm, reference, TABLES)


def test_a_killed_run_is_taken_up_again(start, on_slurm, reference):
    slow_down(on_slurm)
    process = start(on_slurm, ranking(on_slurm))
    wait_for_trials(on_slurm, 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert on_slurm.snakemake("--unlock").returncode == 0
    finish(on_slurm, start(on_slurm, ranking(on_slurm)))
    assert_same_tables(on_slurm, reference, TABLES[:1])


@pytest.mark.slow
def test_a_preempted_job_goes_back_into_the_queue(cluster, start, on_slurm, reference):
    slow_down(on_slurm)
    process = start(on_slurm, ranking(on_slurm))
    wait_for_trials(on_slurm, 1)
    job = search_job(cluster)
    urgent = ("--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap", "sleep 1")
    cluster.command("sbatch", *urgent)
    output = finish(on_slurm, process)
    # The same job, by Slurm and not by Snakemake.
    assert "Trying to restart job" not in output
    assert "Restarts=1" in cluster.command("scontrol", "show", "job", job)
    assert_each_trial_once(on_slurm)
    assert_same_tables(on_slurm, reference, TABLES[:1])


@pytest.mark.slow
def test_a_job_at_its_time_limit_goes_on_in_the_next(start, on_slurm, reference):
    """Slurm counts in minutes and looks as often: this job needs more than two, and is allowed one.

    Of its four trials each takes 35 s, by the speed of this machine.
    """
    slow_down(on_slurm)
    budget = on_slurm.config["search"]["budget"]
    seconds = pd.read_csv(reference.results / "rank/0.2/timings.csv")["cpu_seconds"].mean()
    budget["max_epochs"] = int(budget["max_epochs"] * 35 / seconds)
    longer = ["--set-resources", "search_shard:runtime=attempt"]
    process = start(on_slurm, ranking(on_slurm), *longer)
    output = finish(on_slurm, process)
    assert "SLURM status is: 'TIMEOUT'" in output
    assert "Trying to restart job" in output
    assert_each_trial_once(on_slurm)
