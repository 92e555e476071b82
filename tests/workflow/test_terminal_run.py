"""What a person sees of a run in a terminal: bars, and at the end what matters, alone."""

import sys

from terminal import run_in_terminal

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--configfile", "study.yaml", "--cores", "1"]
WATCH = [sys.executable, "workflow/scripts/progress.py", "--configfile", "study.yaml", "--watch"]
PREPARE = "results/small/prepare/manifest.json"


def test_a_run_shows_bars_and_its_log_has_the_rest(study):
    study.write_config()
    shown = run_in_terminal(
        [*SNAKEMAKE, "--force", "results/small/export/selected/model.onnx"], study.folder
    )
    assert shown.status == 0, shown.text
    assert "Total Progress" in shown.stream and "export" in shown.text
    assert "rule export:" not in shown.text
    # An answer of the job that its bars would cover, and below it what to read.
    *_, answer, read, explore = shown.text.strip().splitlines()
    assert answer.startswith("Largest difference from the trained network, text: ")
    assert read == "What study small has found: results/small/summary.md"
    assert explore == "All its trials, to explore in a browser: results/small/explore.html"
    again = run_in_terminal([*SNAKEMAKE, "--dry-run"], study.folder)
    assert again.status == 0 and "Largest difference" not in again.text
    [log] = sorted((study.folder / ".snakemake/log").glob("*.log"))[-1:]
    assert "rule export:" in log.read_text()


def test_a_mistake_in_a_config_stands_alone(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    study.config["retrain"]["topp_k"] = 1
    study.write_config()
    shown = run_in_terminal(SNAKEMAKE, study.folder)
    assert shown.status == 1
    first, *sentences = shown.text.strip().splitlines()[-2:]
    assert "workflow specific profile" in first or "arguments" in first
    assert sentences == ["Error: retrain.topp_k is not a known key; did you mean retrain.top_k?"]


def test_the_error_of_a_job_stands_last_in_a_narrow_terminal_too(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    study.config["dataset"]["outputs"] = [{"name": "fixed"}]
    study.write_config()
    shown = run_in_terminal([*SNAKEMAKE, PREPARE], study.folder, columns=60)
    assert shown.status == 1
    before, sentence = shown.text.replace("\n", "").rsplit("Error: ", 1)
    assert before.endswith("At least one job did not complete successfully.")
    assert sentence.startswith("output 'fixed' has 1,600 values outside [0, 1]")
    assert "Traceback" not in shown.text
    failed = run_in_terminal(WATCH, study.folder, columns=60, interrupt_at="not finished")
    assert "Error: output 'fixed' has 1,600" in failed.text.replace("\n", "")
    # Ctrl-C is the way to end a view.
    assert failed.status == 0 and "Traceback" not in failed.text


def test_the_view_of_a_finished_study_ends_by_itself(finished):
    shown = run_in_terminal(WATCH, finished.folder)
    assert shown.status == 0, shown.text
    assert "step 1, fraction 0.2 ━━━" in shown.text
    assert "6 of 6 trials done (6 ok)" in shown.text
    assert shown.last == "  finished: read results/small/summary.md"
    # Without a terminal it is one plain look.
    assert "step 1, fraction 0.2: 6 of 6 trials done" in finished.look("--watch")
