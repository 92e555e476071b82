"""Damaged files and full disks are told, and cost at worst the trials that were damaged."""

import json
import resource

RESULTS = ("rank/0.2/trials.csv", "select/retrained.csv", "select/selection.csv")


def damage_journal(study):
    """Tear the last line of one file of the journal, and garble the middle of another."""
    torn, garbled = sorted((study.results / "journal" / "search").rglob("*.jsonl"))
    torn.write_bytes(torn.read_bytes()[:-30])
    lines = garbled.read_bytes().splitlines(keepends=True)
    # Still JSON, with another number: only the checksum tells.
    assert b'"epochs": 4' in lines[1]
    lines[1] = lines[1].replace(b'"epochs": 4', b'"epochs": 5')
    garbled.write_bytes(b"".join(lines[:1]) + b"\x00\xff{]\n" + b"".join(lines[1:]))
    return {json.loads(lines[1])["record"]["trial"]}


def test_a_damaged_journal_costs_only_the_damaged_trials(study):
    before = (study.results / "rank" / "0.2" / "trials.csv").read_bytes()
    files = sorted((study.results / "journal" / "search").rglob("*.jsonl"))
    last = json.loads(files[0].read_bytes().splitlines()[-1])["record"]["trial"]
    lost = damage_journal(study) | {last}
    for path in (study.results / "search").rglob("shard_*"):
        path.unlink()
    study.snakemake("search", "select_model")
    read = [
        json.loads(line)["record"]["trial"]
        for path in (study.results / "journal" / "search").rglob("*.jsonl")
        if path not in files
        for line in path.read_text().splitlines()
    ]
    assert sorted(read) == sorted(lost)
    assert (study.results / "rank" / "0.2" / "trials.csv").read_bytes() == before
    assert "Nothing to be done" in study.snakemake("search", "select_model").stderr


def test_truncated_outputs_are_made_anew_from_the_journal(study, finished):
    patterns = (
        "retrain/*.pt",
        "rank/0.2/trials.csv",
        "search/0.2/shard_1.jsonl",
        "subset/0.2/validation_inputs.npy",
        "prepare/manifest.json",
    )
    for pattern in patterns:
        path = sorted(study.results.glob(pattern))[0]
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "is not what its job wrote: it is made again" in study.snakemake("--dry-run").stdout
    work = study.run()
    assert not work.searched and not work.retrained
    assert work.jobs.keys() >= {"prepare", "subset", "search_shard", "rank", "retrain_trial"}
    for name in RESULTS:
        assert (study.results / name).read_bytes() == (finished.results / name).read_bytes()


def test_a_full_disk_is_told_and_loses_nothing(fresh, finished, tmp_path):
    """A limit on the size of files that the models do not fit in, and then none."""
    study = fresh.copy(tmp_path)
    study.run("search")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
    try:
        process = study.snakemake("--cores", "1")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert process.returncode != 0
    work = study.run("select_model")
    assert not work.searched
    for name in RESULTS:
        assert (study.results / name).read_bytes() == (finished.results / name).read_bytes()


def test_a_plan_that_cannot_be_noted_is_one_sentence(study):
    """As on a full disk: Snakemake would add a traceback to an error in an input function."""
    plan = study.results / "journal" / "plan.json"
    plan.unlink()
    plan.mkdir()
    process = study.snakemake()
    assert process.returncode != 0
    assert "Traceback" not in process.stderr + process.stdout
    (line,) = [line for line in process.stderr.splitlines() if line.startswith("Error: ")]
    assert "mend that and run the same command again" in line
    plan.rmdir()
    assert not study.run().retrained
