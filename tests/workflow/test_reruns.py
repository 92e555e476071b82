"""Only what changed reruns, counted in trials trained and not in jobs.

Where training is all that a test looks at, it stops at the choice of a model, `select_model`.
"""

import json

import pandas as pd
from small_study import write_data

from twostep.config.resolve import resolve_config
from twostep.trials.configurations import draw_configurations


def selected(study, fraction="0.2"):
    """The trials in the top_k of a fraction."""
    table = pd.read_csv(study.results / "rank" / fraction / "trials.csv")
    return set(table.loc[table["rank"] <= study.config["retrain"]["top_k"], "trial"])


def test_the_finished_study_has_trained_each_trial_once(finished):
    table = pd.read_csv(finished.results / "rank" / "0.2" / "trials.csv")
    assert sorted(table["trial"]) == list(range(6))
    counts = finished._trained()
    assert counts["search"] == {("0.2", trial): 1 for trial in range(6)}
    assert counts["retrain"].total() == 2


def test_unrelated_changes_run_nothing(study):
    """None of them does: a key without influence, comments, sentences, a time of a data file."""
    study.config["generate"] = {"n_samples": 10}
    study.edit("workflow/Snakefile", "rule all:", "# A comment.\nrule all:")
    study.edit("workflow/scripts/twostep/figures/size.py", '"""', '"""Reworded: ')
    (study.folder / "data.nc").touch()
    assert "Nothing to be done" in study.snakemake("--resources", "mem_mb=99999").stderr


def test_changed_data_are_told_and_done_again_and_old_ones_are_remembered(study):
    path = study.folder / "data.nc"
    original, other = path.read_bytes(), study.folder / "other.nc"
    before = (study.results / "rank" / "0.2" / "trials.csv").read_bytes()
    write_data(other, n_samples=1500)
    other.replace(path)
    plan = study.snakemake("--dry-run")
    warning = "data of study small have changed since it was prepared (data.nc)"
    assert warning in plan.stdout + plan.stderr
    work = study.run("select_model")
    assert work.jobs["prepare"] == 1
    assert work.trials("0.2") == list(range(6))
    assert "Nothing to be done" in study.snakemake("select_model").stderr
    path.write_bytes(original)
    work = study.run("select_model")
    assert work.jobs["prepare"] == 1
    assert not work.searched and not work.retrained
    assert (study.results / "rank" / "0.2" / "trials.csv").read_bytes() == before


def test_more_trials_train_only_the_new_ones(study):
    before = selected(study)
    old = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv").set_index("trial")
    study.config["search"]["n_trials"] = 11
    work = study.run("select_model")
    assert work.trials("0.2") == [6, 7, 8, 9, 10]
    assert work.jobs["draw"] == 0
    assert work.jobs["search_shard"] == 2
    assert work.jobs["retrain_trial"] == len(selected(study) - before) == work.retrained.total()
    new = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv").set_index("trial")
    pd.testing.assert_frame_equal(
        new.loc[range(6)].drop(columns="rank"), old.loc[range(6)].drop(columns="rank")
    )


def test_another_space_is_drawn_and_trained(study):
    study.config["search"]["space"]["width"] = [5, 6]
    work = study.run("select_model")
    assert work.jobs["draw"] == 1
    assert work.trials("0.2") == list(range(6))
    config = resolve_config(study.config)
    drawn = draw_configurations(config["search"]["space"], range(6), seed=config["seed"])
    table = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv").sort_values("trial")
    assert table["hidden_widths"].astype(str).tolist() == [
        "-".join(map(str, configuration.hidden_widths)) for configuration in drawn
    ]


def test_trials_beyond_a_list_take_a_larger_one(study):
    study.config["search"] |= {"n_trials": 1001, "shard_size": 500}
    study.config["search"]["space"]["n_hidden_layers"] = {"min": 6, "max": 7}
    plan = study.run("search", "--dry-run")
    assert (plan.jobs["draw"], plan.jobs["search_shard"]) == (2, 3)


def test_fewer_trials_ignore_the_others(study):
    study.config["search"]["n_trials"] = 5
    work = study.run("select_model")
    assert not work.searched
    table = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv")
    assert sorted(table["trial"]) == list(range(5))


def test_larger_top_k_retrains_only_the_new_ones(study):
    study.config["retrain"]["top_k"] = 3
    work = study.run("select_model")
    assert not work.searched
    assert work.jobs["rank"] == 0
    assert work.jobs["retrain_trial"] == work.retrained.total() == 1


def test_another_seed_of_retraining_is_added(study):
    study.config["retrain"]["seeds"] = 2
    work = study.run("select_model")
    assert not work.searched
    assert work.jobs["retrain_trial"] == work.retrained.total() == 2
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    assert sorted(table["seed"]) == [0, 0, 1, 1]


def test_comments_train_nothing_again(study):
    study.edit("workflow/scripts/twostep/training/train.py", "\n\n\n", "\n\n\n# A comment.\n")
    study.edit("workflow/scripts/search_shard.py", "def main", "# A comment.\ndef main")
    work = study.run("select_model")
    assert not work.searched and not work.retrained
    assert work.jobs["retrain_trial"] == 0


def test_another_sentence_of_an_error_trains_nothing_again(study):
    """Only `prepare` and `subset` use the module; their data come out as they were."""
    study.edit("workflow/scripts/twostep/data/sizes.py", "take a larger", "choose a larger")
    work = study.run("select_model")
    assert work.jobs["prepare"] == work.jobs["subset"] == 1
    assert not work.searched and not work.retrained
    assert "Nothing to be done" in study.snakemake("select_model").stderr


def test_jobs_use_the_library_of_their_own_repository(study, tmp_path, monkeypatch):
    """Another copy may be installed, as here one that nothing can import."""
    (tmp_path / "twostep").mkdir()
    (tmp_path / "twostep" / "__init__.py").write_text("raise ImportError('another copy')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (study.results / "baseline" / "baseline.csv").unlink()
    assert study.run("baseline").jobs["baseline"] == 1


def test_a_semantic_edit_of_the_trainer_trains_all_again(study):
    study.edit("workflow/scripts/twostep/training/windows.py", "65_536", "32_768")
    work = study.run("select_model")
    assert work.trials("0.2") == list(range(6))
    assert work.jobs["retrain_trial"] == work.retrained.total() == len(selected(study))
    assert work.jobs["prepare"] == work.jobs["subset"] == 0


def test_an_edit_of_the_schedules_trains_no_constant_rate_again(study):
    study.edit(
        "workflow/scripts/twostep/training/schedules.py",
        "int(warmup * total)",
        "round(warmup * total)",
    )
    work = study.run("select_model")
    assert not work.searched and not work.retrained


def test_another_shard_size_trains_nothing_again(study):
    before = (study.results / "rank" / "0.2" / "trials.csv").read_bytes()
    study.config["search"]["shard_size"] = 2
    # Nor does a list of configurations that has to be made again.
    (study.results / "search" / "configurations_1000.jsonl").unlink()
    work = study.run("select_model")
    assert (work.jobs["draw"], work.jobs["search_shard"]) == (1, 3)
    assert not work.searched and not work.retrained
    assert (study.results / "rank" / "0.2" / "trials.csv").read_bytes() == before


def test_another_fraction_and_controls_train_only_their_own_trials(study):
    before = selected(study)
    study.config["search"]["fractions"] = [0.2, 4e-1]
    study.config["retrain"]["controls"] = 2
    work = study.run()
    assert work.trials("0.2") == []
    assert work.trials("0.4") == list(range(6))
    chosen = before | selected(study, "0.4")
    assert work.retrained.total() == len(chosen - before) + 2
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    assert set(table.loc[~table["control"], "trial"]) == chosen
    assert table["control"].sum() == 2
    assert (table["val_loss_error"] > 0).all()
    figures = {path.stem for path in (study.results / "figures").glob("*.png")}
    assert {"regret_0.2", "regret_0.4", "fractions"} <= figures
    summary = (study.results / "summary.md").read_text()
    assert "and 2 controls, drawn at random from the others" in summary
    assert "Fractions 0.2 and 0.4 share" in summary
    assert "Nothing to be done" in study.snakemake().stderr
    # One more only adds, and retrains nothing else.
    study.config["retrain"]["controls"] = 3
    work = study.run("select_model")
    assert not work.searched
    again = pd.read_csv(study.results / "select" / "retrained.csv")
    assert set(table.loc[table["control"], "trial"]) <= set(again.loc[again["control"], "trial"])
    assert work.retrained.total() == len(set(again["trial"]) - set(table["trial"]))
    small, large = (
        pd.read_csv(study.results / "rank" / fraction / "trials.csv")
        .set_index("trial")
        .sort_index()
        for fraction in ("0.2", "0.4")
    )
    assert (small["hidden_widths"] == large["hidden_widths"]).all()


def test_a_deleted_shard_and_a_deleted_model_are_remade(study):
    shard = study.results / "search" / "0.2" / "shard_1.jsonl"
    model = min((study.results / "retrain").glob("*.pt"))
    content, record = shard.read_bytes(), json.loads(model.with_suffix(".json").read_text())
    shard.unlink()
    model.unlink()
    work = study.run("search", "retrain", "select_model")
    assert work.jobs["search_shard"] == work.jobs["retrain_trial"] == 1
    assert not work.searched and not work.retrained
    assert shard.read_bytes() == content
    assert json.loads(model.with_suffix(".json").read_text()) == record


def test_a_deleted_shard_without_a_journal_is_trained_again(study):
    path = study.results / "search" / "0.2" / "shard_0.jsonl"
    content = path.read_bytes()
    for journal in (study.results / "journal" / "search").rglob("*.jsonl"):
        journal.unlink()
    path.unlink()
    work = study.run("search", "select_model")
    assert work.trials("0.2") == [0, 1, 2]
    assert not work.retrained
    assert path.read_bytes() == content
