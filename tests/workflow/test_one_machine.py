"""Jobs that run together on one machine do not ask for more than it has."""

import re

import pytest


def most_at_a_time(output: str, rule: str) -> int:
    """Return how many jobs of a rule ran at a time, from Snakemake's messages."""
    running, most = set(), 0
    current = None
    for line in output.splitlines():
        if line.startswith(("rule ", "checkpoint ", "localrule ")):
            current = line.split()[1].rstrip(":")
        elif (started := re.match(r"    jobid: (\d+)", line)) and current == rule:
            running.add(started[1])
            most = max(most, len(running))
        elif finished := re.match(r"Finished jobid: (\d+)", line):
            running.discard(finished[1])
    return most


@pytest.fixture(scope="module")
def with_subset(fresh, tmp_path_factory):
    """A study whose shards come next: two that could run at a time."""
    study = fresh.copy(tmp_path_factory.mktemp("subset"))
    study.config["search"].update(n_trials=2, shard_size=1)
    study.run("results/small/subset/0.2/manifest.json")
    return study


@pytest.fixture
def study(with_subset, tmp_path):
    return with_subset.copy(tmp_path)


def run_shards(study, *arguments: str) -> str:
    process = study.snakemake("search", "--cores", "2", *arguments)
    assert process.returncode == 0, process.stderr
    return process.stdout + process.stderr


def test_memory_is_shared_without_any_option(study):
    """Each job declares half of what the machine has and a little more: one runs at a time."""
    dry = study.snakemake("--dry-run")
    output = dry.stdout + dry.stderr
    assert dry.returncode == 0, output
    quick = run_shards(study, "--set-resources", "search_shard:machine_mb=1")
    assert most_at_a_time(quick, "search_shard") == 2
    machine = int(re.search(r"Provided resources: .*\"machine_mb\", (\d+)", quick)[1])
    half = machine // 2 + 1
    slow = run_shards(
        study, "--forcerun", "search_shard", "--set-resources", f"search_shard:machine_mb={half}"
    )
    assert most_at_a_time(slow, "search_shard") == 1


def test_a_job_larger_than_the_machine_runs_alone_and_only_visible_gpus_count(study, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    output = run_shards(study, "--set-resources", "search_shard:machine_mb=1000000000")
    assert most_at_a_time(output, "search_shard") == 1
    assert re.search(r"Provided resources: .*\"machine_gpu\", 200\b", output)


@pytest.mark.parametrize(
    "limits", ["machine_mb=800 machine_gpu=900", "machine_mb=99000 machine_gpu=100"]
)
def test_the_limits_can_be_lowered_by_an_option(study, limits):
    """It takes the place of both of them, so that both have to be named."""
    output = run_shards(
        study, "--resources", *limits.split(), "--set-resources", "search_shard:machine_gpu=100"
    )
    assert most_at_a_time(output, "search_shard") == 1


def test_no_job_asks_for_more_time_than_a_day(study):
    study.config["search"]["budget"] = {"max_epochs": 100_000_000}
    plan = study.snakemake("search", "--dry-run")
    output = plan.stdout + plan.stderr
    assert output.count("runtime=1440") == 2, output


def test_a_gpu_that_is_not_there_is_told(study):
    study.config["training"] = {"gpu": 1}
    process = study.snakemake("search")
    output = process.stdout + process.stderr
    assert process.returncode != 0
    assert "training.gpu is 1, but this job finds no GPU" in output
    assert "Traceback" not in output
