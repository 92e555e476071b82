"""How far a study is: what counts as done, what is best, how quick it goes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
import yaml
from small_study import CONFIG, REPOSITORY

from twostep.config.resolve import resolve_config
from twostep.running.progress import measure_progress
from twostep.running.progress_report import describe_progress
from twostep.running.step import Step
from twostep.training.configuration import Configuration
from twostep.training.data import TrainingData
from twostep.training.objective import Objective
from twostep.training.train import Budget, Tensors
from twostep.trials import retrain
from twostep.trials.configurations import draw_configurations
from twostep.trials.journal import Journal
from twostep.trials.key import trial_key, trial_seed
from twostep.trials.search import search
from twostep.trials.supervision import Watch
from twostep.trials.trainer import Trainer
from twostep.trials.trial import Trial
from twostep.util.job_note import JobNote
from twostep.util.origin import PLAN

DATA = "hash of the subset"
NOW = 1_800_000_000.0
COMMAND = REPOSITORY / "workflow/scripts/progress.py"


@pytest.fixture
def config() -> dict:
    return resolve_config(CONFIG)


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "results/small"
    write(folder / "subset/0.2/manifest.json", {"data_hash": DATA})
    splits = {"test": 160, "training": 1280, "validation": 160}
    manifest = {"data_hash": "all data", "splits": splits, "inputs": [{}] * 3, "outputs": [{}]}
    write(folder / "prepare/manifest.json", manifest)
    return folder


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def drawn(config: dict) -> list[Configuration]:
    search = config["search"]
    return draw_configurations(search["space"], range(search["n_trials"]), seed=config["seed"])


def entry(config, trial, loss=0.1, *, status="ok", seconds=30.0, threads=1) -> dict:
    """Return what the journal holds of a trial of step 1."""
    configuration = drawn(config)[trial].to_dict()
    key = trial_key(
        data_hash=DATA,
        configuration=configuration,
        budget=config["search"]["budget"],
        output_activation=config["training"]["output_activation"],
        objective=Objective.of(config).to_dict(),
        seed=trial_seed(config["seed"], "search", trial, 0),
        torch=version("torch"),
        numpy=version("numpy"),
        threads=threads,
        device="cpu",
    )
    record = {
        "trial": trial,
        "seed": 0,
        "status": status,
        "message": "",
        "configuration": configuration,
        "n_parameters": 1234,
        "n_operations": 1200,
        "min_val_loss": loss if status == "ok" else None,
        "train_loss": [0.5, 0.25],
        "val_loss": [0.5, loss],
    }
    timing = {"trial": trial, "seconds": seconds, "threads": threads}
    timing |= {library: version(library) for library in ("torch", "numpy")}
    return {"key": key, "record": record, "timing": timing}


def append(folder: Path, entries: list[dict], *, ended: float, job: str = "job") -> Path:
    """Let a process of its own write entries, the last of them at a time."""
    journal = Journal(folder / "journal/search/0.2", job)
    before = set(folder.glob("journal/search/0.2/*/*"))
    for item in entries:
        journal.append(item["record"]["trial"], item)
    (path,) = set(folder.glob("journal/search/0.2/*/*")) - before
    os.utime(path, (ended, ended))
    return path


def test_trials_of_several_processes_are_counted_once_by_status(config, folder):
    append(folder, [entry(config, 0, 0.3), entry(config, 1, status="diverged")], ended=NOW)
    append(folder, [entry(config, 0, 0.3), entry(config, 4, 0.2)], ended=NOW, job="other")
    step = measure_progress(config, folder, NOW).searches[0]
    assert step.n_done == 3
    assert step.statuses == {"ok": 2, "diverged": 1}
    assert step.best["trial"] == 4


def test_a_torn_line_is_left_out(config, folder):
    path = append(folder, [entry(config, 0), entry(config, 1)], ended=NOW)
    whole = path.read_bytes()
    for end in range(len(whole) - 1, len(whole) - 40, -1):
        path.write_bytes(whole[:end])
        n_done = measure_progress(config, folder, NOW).searches[0].n_done
        assert n_done == (2 if end == len(whole) - 1 else 1)
    path.write_bytes(whole[: whole.rindex(b"val_loss")])
    assert measure_progress(config, folder, NOW).searches[0].n_done == 1


def forget(content: dict, path: str) -> dict:
    """Return nested content without the entry at a path of keys."""
    content = json.loads(json.dumps(content))
    *parents, last = path.split(".")
    inner = content
    for key in parents:
        inner = inner[key]
    del inner[last]
    return content


@pytest.mark.parametrize(
    "path",
    [
        *("key", "record", "record.trial", "record.status", "record.min_val_loss"),
        *("record.configuration", "timing", "timing.seconds", "timing.torch"),
    ],
)
def test_an_entry_that_lacks_something_is_left_out(config, folder, path):
    file = append(folder, [entry(config, 0, 0.3)], ended=NOW)
    damaged = forget({**entry(config, 1), "checksum": ""}, path)
    file.write_text(file.read_text() + json.dumps(damaged) + "\n")
    assert measure_progress(config, folder, NOW).searches[0].n_done == 1
    assert "1 of 6 trials done (1 ok)" in describe(config, folder)


@pytest.mark.parametrize("content", [{}, {"splits": {}}, {"data_hash": "x"}])
def test_a_manifest_that_lacks_something_is_not_there(config, folder, content):
    write(folder / "prepare/manifest.json", content)
    assert "data: not prepared yet" in describe(config, folder)


def test_generated_parts_are_counted(config, folder):
    (folder / "prepare/manifest.json").unlink()
    config["dataset"]["files"] = None
    config["generate"] |= {"n_samples": 2500, "samples_per_file": 1000}
    # The third, and one of a larger study of before.
    for part in (2, 7):
        write(folder / f"generate/part_{part}.nc", {})
    assert "data: not prepared yet, 1 of 3 parts are there" in describe(config, folder)


def test_a_subset_without_a_hash_is_of_other_data(config, folder):
    append(folder, [entry(config, 0)], ended=NOW)
    write(folder / "subset/0.2/manifest.json", {})
    assert measure_progress(config, folder, NOW).searches[0].n_foreign == 1


def test_a_trial_that_failed_and_was_then_trained_is_ok(config, folder):
    append(folder, [entry(config, 2)], ended=NOW - 10)
    append(folder, [entry(config, 2, status="killed")], ended=NOW, job="later")
    assert measure_progress(config, folder, NOW).searches[0].statuses == {"ok": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["search"]["budget"].update(max_epochs=5),
        lambda config: config.update(seed=2),
        lambda config: config["search"]["space"].update(batch_size=32),
        lambda config: config["training"].update(output_activation="linear"),
        lambda config: config["search"].update(precision="bfloat16"),
    ],
)
def test_trials_of_another_config_do_not_count(config, folder, change):
    append(folder, [entry(config, trial) for trial in range(3)], ended=NOW)
    assert measure_progress(config, folder, NOW).searches[0].n_done == 3
    change(config)
    step = measure_progress(config, folder, NOW).searches[0]
    assert (step.n_done, step.n_foreign) == (0, 3)
    assert "3 more were trained from another config" in describe(config, folder)


def test_trials_of_other_data_do_not_count(config, folder):
    append(folder, [entry(config, 0)], ended=NOW)
    write(folder / "subset/0.2/manifest.json", {"data_hash": "other data"})
    assert measure_progress(config, folder, NOW).searches[0].n_foreign == 1


def test_the_threads_of_a_job_make_no_difference(config, folder):
    append(folder, [entry(config, 0, threads=4)], ended=NOW)
    assert measure_progress(config, folder, NOW).searches[0].n_done == 1


def test_what_the_real_search_wrote_counts(config, folder):
    inputs, targets = torch.rand(80, 3), torch.rand(80, 1)
    tensors = Tensors(inputs[:60], targets[:60], inputs[60:], targets[60:])
    data = TrainingData(tensors, DATA, ["a", "b", "c"], ["y"], [1.0])
    settings = config["search"]
    activation = config["training"]["output_activation"]
    trainer = Trainer(data, Budget(**settings["budget"]), activation, config["seed"])
    journal = Journal(folder / "journal/search/0.2", "job")
    records, _ = search(trainer, range(4), drawn(config)[:4], journal, Watch())
    step = measure_progress(config, folder, time.time()).searches[0]
    assert step.n_done == 4
    losses = {record["trial"]: record["min_val_loss"] for record in records}
    assert step.best["trial"] == min(losses, key=losses.get)


def test_the_rate_comes_from_the_files_times_and_what_each_trial_took(config, folder):
    # Two processes, three trials each one after the other: 6 trials in 90 s, begun 100 s ago.
    for job in (0, 1):
        entries = [entry(config, 3 * job + i, seconds=30.0) for i in range(3)]
        append(folder, entries, ended=NOW - 10, job=f"job{job}")
    step = measure_progress(config, folder, NOW).searches[0]
    per_second, window = step.rate(NOW)
    assert window == pytest.approx(100)
    assert per_second == pytest.approx(6 / 100)
    assert step.rate(NOW + 3600) is None


def test_the_rate_of_a_long_run_is_that_of_the_last_minutes(config, folder):
    config["search"]["n_trials"] = 12
    config["search"]["space"]["learning_rate"] = {"min": 1e-4, "max": 1e-2}
    append(folder, [entry(config, trial, seconds=3000.0) for trial in range(2)], ended=NOW - 700)
    later = [entry(config, trial, seconds=20.0) for trial in range(2, 12)]
    append(folder, later, ended=NOW, job="later")
    per_second, window = measure_progress(config, folder, NOW).searches[0].rate(NOW)
    assert (per_second, window) == (pytest.approx(10 / 200), pytest.approx(200))


def test_a_round_of_retraining_wants_its_finalists(config, folder):
    config["retrain"] |= {"top_k": 5, "controls": 0}
    config["retrain"]["until"] = {"probability": 0.05, "round_size": 2}
    ranking = "rank,trial\n" + "".join(f"{trial + 1},{trial}\n" for trial in range(6))
    (folder / "rank/0.2").mkdir(parents=True)
    (folder / "rank/0.2/trials.csv").write_text(ranking)

    def n_wanted() -> int:
        return measure_progress(config, folder, NOW).retraining.n_wanted

    assert n_wanted() == 2
    write(folder / "rounds/2.json", {"finalists": 2, "enough": False})
    assert n_wanted() == 4
    write(folder / "rounds/4.json", {"finalists": 4, "enough": False})
    assert n_wanted() == 5
    write(folder / "rounds/2.json", {"finalists": 2, "enough": True})
    assert n_wanted() == 2


def describe(config, folder, now=NOW) -> str:
    return describe_progress(measure_progress(config, folder, now), config["study"], now)


def test_words_for_a_run_that_is_on(config, folder):
    entries = [entry(config, 0, 0.3), entry(config, 1, 0.00123), entry(config, 2, status="failed")]
    append(folder, entries, ended=NOW - 20)
    note = at_work(folder, "search/0.2/shard_0", "search_shard", fraction="0.2", shard="0")
    note.tell(done=3, of=6)
    text = describe(config, folder)
    assert "data: prepared, 1,280 training, 160 validation, 160 test samples" in text
    assert "step 1, fraction 0.2: 3 of 6 trials done (2 ok, 1 failed)" in text
    assert "best validation loss 0.00123: trial 1, " in text
    # 3 trials in 110 s leave 110 s for the other 3.
    assert "shards at work: 1; 1.64 a minute over the last 110 s, about 110 s left" in text
    assert "the last one ended 20 s ago" in text
    assert "shard 0: 3 of 6 trials" in text
    assert "step 2: not yet, 0 of 1 fractions are ranked" in text
    assert text.endswith("not finished")
    note.close()
    assert "at work" not in describe(config, folder)


def at_work(folder: Path, log: str, rule: str, **wildcards: str) -> JobNote:
    """Return the note of a job of this process, which is at work."""
    return JobNote(str(folder / f"logs/{log}.log"), rule, wildcards, folder)


def of_another(folder: Path, **changes: object) -> None:
    """Let all notes be those of another machine or process, or of another time."""
    when = changes.pop("when", NOW)
    for path in folder.glob("logs/jobs/*.json"):
        write(path, json.loads(path.read_text()) | changes)
        os.utime(path, (when, when))


def test_a_retraining_tells_how_far_it_is(config, folder):
    (folder / "rank/0.2").mkdir(parents=True)
    ranking = "rank,trial\n" + "".join(f"{trial + 1},{trial}\n" for trial in range(6))
    (folder / "rank/0.2/trials.csv").write_text(ranking)
    note = at_work(folder, "retrain/trial_1", "retrain_trial", trial="1", repetition="0")
    progress = retrain.RetrainProgress(
        Trial(1, drawn(config)[1], "retrain"), Budget(max_epochs=60), note.tell
    )
    training = {"epochs": 20, "updates": 400, "best_epoch": 19, "min_val_loss": 0.00123456}
    progress.pass_on(training)
    text = describe(config, folder)
    assert "models at work: 1" in text
    assert "trial 1, seed 0: epochs 20 of at most 60, best validation loss 0.00123\n" in text


def test_a_job_whose_process_is_gone_is_not_at_work(config, folder):
    at_work(folder, "search/0.2/shard_0", "search_shard", fraction="0.2", shard="0")
    gone = subprocess.Popen(["true"])
    gone.wait()
    of_another(folder, process=gone.pid)
    assert "at work: 1" not in describe(config, folder)


def test_a_job_on_another_machine_is_believed_for_a_while(config, folder):
    at_work(folder, "search/0.2/shard_0", "search_shard", fraction="0.2", shard="0")
    of_another(folder, host="node17")
    assert "shards at work: 1" in describe(config, folder)
    assert "at work: 1" not in describe(config, folder, NOW + 3600)


def test_what_is_at_work_beside_the_training_is_named(config, folder):
    at_work(folder, "figures", "figures")
    at_work(folder, "generate/part_0", "generate", part="0")
    at_work(folder, "generate/part_1", "generate", part="1")
    of_another(folder, when=NOW - 90)
    text = describe(config, folder)
    assert "figures for 90 s" in text and "generate (2 jobs) for 90 s" in text


def test_a_damaged_note_is_none(config, folder):
    at_work(folder, "figures", "figures")
    [path] = folder.glob("logs/jobs/*.json")
    whole = path.read_text()
    for content in ("", whole[:-9], "[]", '{"rule": "figures"}'):
        path.write_text(content)
        assert "also at work" not in describe(config, folder)


def test_a_job_that_has_failed_is_told_until_the_next_run(config, folder):
    at_work(folder, "prepare", "prepare").fail("x is wrong: take it out")
    assert "\n  Error: x is wrong: take it out\n" in describe(config, folder)
    write(folder / PLAN, {})
    of_another(folder, when=(folder / PLAN).stat().st_mtime - 1)
    assert "x is wrong" not in describe(config, folder)


def test_what_follows_step_2_is_counted(config, folder):
    config["retrain"] |= {"top_k": 1, "controls": 0}
    config["search"]["n_trials"] = 0
    progress = replace(
        measure_progress(config, folder, NOW), searches=[], retraining=Step("retrain", 0)
    )
    assert "results: 0 of 8 are there, not yet selection, " in describe_progress(progress, "x", NOW)


def test_words_for_a_run_that_seems_dead(config, folder):
    append(folder, [entry(config, 0)], ended=NOW - 7200)
    moment = time.localtime(NOW - 7200)
    text = describe(config, folder)
    assert (
        f"nothing has moved since {time.strftime('%Y-%m-%d %H:%M:%S', moment)}, 2.0 h ago" in text
    )
    assert "no job is at work: if no run is, give the same command again" in text


def test_words_for_a_study_that_has_not_begun(config, tmp_path):
    assert describe(config, tmp_path / "results/small").endswith("nothing is there yet")


def test_a_look_at_ten_thousand_trials_is_a_quick_one_and_fits_a_screen(tmp_path):
    """The command itself, on files of a search of the paper's size."""
    given = {**CONFIG, "search": {**CONFIG["search"], "n_trials": 10_000, "fractions": [0.2]}}
    given["search"]["space"] = {}
    config = resolve_config(given)
    folder = tmp_path / "results/small"
    write(folder / "subset/0.2/manifest.json", {"data_hash": DATA})
    write(folder / "prepare/manifest.json", {"inputs": [{}], "outputs": [{}]})
    first = entry({**config, "search": {**config["search"], "n_trials": 1}}, 0)
    first["record"]["train_loss"] = first["record"]["val_loss"] = [0.123456789012345] * 100
    for start in range(0, 10_000, 100):
        path = folder / f"journal/search/0.2/{start // 100:06d}/job-1.jsonl"
        path.parent.mkdir(parents=True)
        lines = []
        for trial in range(start, start + 100):
            first["record"]["trial"] = trial
            lines.append(json.dumps({**first, "checksum": ""}) + "\n")
        path.write_text("".join(lines))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(given))
    process = subprocess.run(
        [sys.executable, "-X", "importtime", COMMAND, "--configfile", "study.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr[-500:]
    assert "step 1, fraction 0.2: 1 of 10,000 trials done" in process.stdout
    assert "9,999 more were trained from another" in process.stdout
    assert len(process.stdout.splitlines()) < 24
    imported = {line.split("|")[-1].strip() for line in process.stderr.splitlines()}
    assert "yaml" in imported and not {"torch", "pandas"} & imported


def test_the_log_of_retraining_tells_epochs_best_loss_and_time_left(caplog, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(retrain.time, "monotonic", lambda: clock[0])
    configuration = Configuration((8,), 1e-3, 32, "relu", "adam", 0.0, 0.0)
    trial = Trial(17, configuration, "retrain", 1)
    budget = Budget(max_epochs=60, max_updates=10_000)
    told = []
    progress = retrain.RetrainProgress(trial, budget, lambda **details: told.append(details))
    # A training that another process has begun; 2 s an epoch of 100 updates from there.
    with caplog.at_level("INFO"):
        for epoch in range(20, 31):
            training = {"epochs": epoch, "updates": 100 * epoch, "best_epoch": 19}
            progress.pass_on(training | {"min_val_loss": 0.00123456})
            clock[0] += 2
    assert caplog.messages == [
        f"trial 17, seed 1: epochs {epoch} of at most 60, updates {updates} of at most 10,000, "
        f"best validation loss 0.001235 in epoch 19{left}"
        for epoch, updates, left in (
            (20, "2,000", ""),
            (25, "2,500", ", at most 70 s left"),
            (30, "3,000", ", at most 60 s left"),
        )
    ]
    assert [details["seconds_left"] for details in told] == [None, *range(78, 58, -2)]


# The command


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, COMMAND, *arguments], cwd=folder, capture_output=True, text=True
    )


def test_several_config_files_are_merged_as_snakemake_does_it(tmp_path):
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(CONFIG))
    (tmp_path / "b.yaml").write_text("study: other\nsearch: {n_trials: 4}\n")
    (tmp_path / "results/other").mkdir(parents=True)
    process = command(tmp_path, "--configfile", "a.yaml", "b.yaml")
    assert process.stdout.startswith("Study other in results/other")
    assert "0 of 4 trials" in process.stdout


def test_the_default_is_the_default_study(tmp_path):
    assert "nothing is there yet" in command(tmp_path).stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "study.yaml cannot be read as a config file"),
        ("study: [", "study.yaml cannot be read as a config file"),
        ("- 1\n", "study.yaml cannot be read as a config file"),
        ("study: x\nserch: {}\n", "serch"),
        ("__use_yte__: true\n", "__use_yte__"),
    ],
)
def test_a_bad_config_is_one_sentence(tmp_path, content, words):
    if content is not None:
        (tmp_path / "study.yaml").write_text(content)
    process = command(tmp_path, "--configfile", "study.yaml")
    assert process.returncode == 1
    assert process.stderr.startswith("Error: ") and words in process.stderr
    assert process.stderr.count("\n") == 1
