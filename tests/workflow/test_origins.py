"""A study is what its config says, also where Snakemake has forgotten what it was made from."""

import copy
import json
import shutil

import pandas as pd
import pytest
from small_study import Study

from twostep.util.checked_json import read_checked, write_checked
from twostep.util.origin import Origin, stamp, write_origin

RANK = "results/small/rank/0.2/trials.csv"
# What a dry run lists where all is to be done: the ranking tells what comes after it.
ALL = {"prepare", "subset", "draw", "search_shard", "rank", "baseline"}


def forget(study) -> None:
    """Take away what Snakemake remembers."""
    shutil.rmtree(study.folder / ".snakemake")


def copy_without_times(source: Study, folder) -> Study:
    """Copy a study as `rsync` without `-t` and without hidden folders does."""
    shutil.copytree(source.folder, folder, copy_function=shutil.copyfile)
    forget(study := Study(folder, copy.deepcopy(source.config)))
    return study


def origin(study, path: str) -> dict:
    return json.loads((study.results / path).read_text())


def test_a_copy_without_snakemakes_memory_has_nothing_to_do(study):
    forget(study)
    assert "Nothing to be done" in study.snakemake().stderr


def test_another_budget_after_a_copy_retrains_all(study):
    forget(study)
    study.config["retrain"]["budget"]["max_epochs"] = 5
    plan = study.snakemake("-n").stdout
    assert "was made with another value of budget.max_epochs (3, not 5)" in plan
    work = study.run("select_model")
    assert not work.searched
    assert work.jobs["retrain_trial"] == work.retrained.total() == 2
    assert set(pd.read_csv(study.results / "select" / "retrained.csv")["epochs"]) == {5}
    assert "Nothing to be done" in study.snakemake("select_model").stderr


def test_another_space_after_a_copy_is_searched_and_retrained(study):
    """The trials keep their ids: only the list of configurations tells that they are others."""
    forget(study)
    study.config["search"]["space"]["width"] = [5, 6]
    work = study.run("select_model")
    assert work.trials("0.2") == list(range(6))
    widths = pd.read_csv(study.results / "select" / "retrained.csv")["hidden_widths"].astype(str)
    assert set("-".join(widths).split("-")) <= {"5", "6"}
    assert "Nothing to be done" in study.snakemake("select_model").stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rerun-triggers", "mtime"),
        ("--rerun-triggers", "params"),
    ],
)
def test_another_seed_does_all_again_whatever_snakemake_looks_at(study, arguments):
    study.config["seed"] = 2
    assert study.run("--dry-run", *arguments).jobs.keys() >= ALL


def test_touched_results_of_another_seed_are_done_again(study):
    study.config["seed"] = 2
    assert study.snakemake("--touch").returncode == 0
    assert study.run("--dry-run").jobs.keys() >= ALL


def test_forgotten_metadata_and_edited_code(study):
    for shard in (0, 1):
        study.snakemake("--cleanup-metadata", f"results/small/search/0.2/shard_{shard}.jsonl")
    study.edit("workflow/scripts/twostep/training/windows.py", "65_536", "32_768")
    work = study.run(RANK, "--dry-run", "--rerun-triggers", "mtime")
    assert work.jobs["search_shard"] == 2


def test_a_copy_without_times_does_not_mix_and_trains_nothing(finished, tmp_path):
    study = copy_without_times(finished, tmp_path / "copy")
    work = study.run("select_model")
    assert not work.searched and not work.retrained
    study.config["search"]["budget"]["max_epochs"] = 2
    assert study.run("select_model", "--dry-run").jobs["search_shard"] == 2


def test_a_study_can_get_another_name_and_place(finished, tmp_path):
    study = finished.copy(tmp_path / "moved")
    forget(study)
    study.results.rename(study.results.with_name("renamed"))
    study.config["study"] = "renamed"
    work = study.run("summarise")
    assert not work.searched and not work.retrained
    assert not work.jobs.keys() & {"prepare", "search_shard", "retrain_trial", "select_model"}
    assert "renamed" in (study.results / "summary.md").read_text()
    assert "Nothing to be done" in study.snakemake("summarise").stderr


def test_data_that_were_moved_train_nothing_again(study):
    (study.folder / "elsewhere").mkdir()
    (study.folder / "data.nc").rename(study.folder / "elsewhere" / "renamed.nc")
    study.config["dataset"]["files"] = "elsewhere/renamed.nc"
    work = study.run("select_model")
    assert work.jobs["prepare"] == 1 and not work.searched and not work.retrained


def test_old_pilots_are_told_of_only_where_advice_is_asked_for(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    shard = study.results / "advise" / "1-0.2" / "shard_0.jsonl"
    shard.parent.mkdir(parents=True)
    shard.write_text("")
    wildcards = {"pilot": "1", "fraction": "0.2", "shard": "0"}
    outputs = {shard.relative_to(study.results).as_posix(): stamp(shard)}
    write_origin(Origin("pilot_shard", wildcards, {"seed": 9}, {}, outputs), study.results)
    sentence = "shard_0.jsonl was made with another value of "
    assert sentence in study.snakemake("advise", "-n").stdout
    assert sentence in study.snakemake("results/small/advise.md", "-n").stdout
    assert sentence not in study.snakemake("search", "-n").stdout


def test_a_result_without_an_origin_is_made_again(study):
    (study.results / "rank" / "0.2" / "origin.json").unlink()
    work = study.run(RANK)
    assert work.jobs["rank"] == 1 and "search_shard" not in work.jobs


def test_a_file_of_another_study_in_its_place_is_made_again(study):
    path = study.results / "rank" / "0.2" / "trials.csv"
    table = path.read_text()
    path.write_text(table.replace("relu", "tanh", 1))
    assert study.run(RANK).jobs["rank"] == 1
    assert path.read_text() == table


def test_a_shard_that_an_old_job_replaced_is_not_ranked(study):
    """As by a job of an earlier run, with another budget, that ends after Snakemake has planned."""
    path = study.results / "search" / "0.2" / "shard_1.origin.json"
    late = read_checked(path)
    late["settings"]["budget"] = late["settings"]["budget"].replace("4", "9")
    write_checked(study.folder / "late.json", late)
    command = f"shell('cp late.json {path.relative_to(study.folder)}')"
    study.edit("workflow/Snakefile", "rule all:", f"onstart:\n    {command}\n\n\nrule all:")
    (study.folder / RANK).unlink()
    process = study.snakemake(RANK)
    assert process.returncode != 0
    sentence = "shard_1.jsonl was made with another value of budget.max_epochs (9, not 4)"
    assert sentence in process.stderr
    # Planning sees it the next time.
    study.edit("workflow/Snakefile", command, "pass")
    work = study.run(RANK)
    assert work.jobs["search_shard"] >= 1 and not work.searched


def test_a_flipped_bit_is_mended(study):
    path = study.results / "search" / "0.2" / "shard_1.jsonl"
    content = path.read_bytes()
    place = content.index(b'"min_val_loss": 0.') + len(b'"min_val_loss": 0.')
    path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    work = study.run("select_model")
    assert work.jobs["search_shard"] == 1 and not work.searched
    assert path.read_bytes() == content


def test_origins_name_settings_and_inputs(finished):
    rank = origin(finished, "rank/0.2/origin.json")
    assert rank["settings"]["n_trials"] == 6
    assert set(rank["inputs"]) == {
        "subset/0.2/manifest.json",
        *(f"search/0.2/shard_{i}{end}.jsonl" for i in (0, 1) for end in ("", ".timings")),
    }
    assert set(rank["outputs"]) == {"rank/0.2/trials.csv", "rank/0.2/timings.csv"}
    made = set(finished.results.rglob("*.origin.json"))
    assert len(made) >= 10
    # Nothing of the machine or the folder is in them.
    for path in made:
        assert str(finished.folder) not in path.read_text()
