"""The examples of networks of the user's own, in short, to the end, and what an edit costs."""

import json
import shutil
import subprocess
import sys

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import yaml
from small_study import REPOSITORY

from twostep.model.model import load_model
from twostep.report.entries import figure_entries
from twostep.trials.rungs import rung_names
from twostep.util.errors import UserError
from twostep.util.tables import read_table

EXAMPLES = "examples/networks"
# In short: the same rules run.
SHORT = {
    "search": {"n_trials": 5, "budget": {"max_epochs": 3}, "shard_size": 5},
    "retrain": {"top_k": 2, "controls": 0, "budget": {"max_epochs": 3}},
}


def example(fresh, folder, name):
    """Return the study of an example, in short."""
    study = fresh.copy(folder)
    shutil.copytree(REPOSITORY / EXAMPLES, study.folder / EXAMPLES)
    study.config = yaml.safe_load((study.folder / EXAMPLES / f"{name}.yaml").read_text())
    for section, values in SHORT.items():
        study.config[section] |= values
    return study


@pytest.fixture(scope="module")
def finished(fresh, tmp_path_factory):
    """Return the residual network's study, run to its end."""
    study = example(fresh, tmp_path_factory.mktemp("residual"), "residual")
    study.config["generate"]["n_samples"] = 1500
    # A rung trains them, too.
    study.config["search"]["rungs"] = [{"fraction": 0.25, "top_k": 3, "budget": {"max_epochs": 4}}]
    study.run()
    return study


def test_an_example_runs_to_its_end(finished):
    fraction = "0.25"
    own = sorted(finished.config["search"]["space"]["hyperparameters"])
    trials = pd.read_csv(finished.results / f"rank/{fraction}/trials.csv")
    assert list(trials)[: 5 + len(own)] == [
        *("rank", "trial", "status", "n_parameters", "n_operations"),
        *own,
    ]
    assert not {"n_hidden_layers", "hidden_widths"} & set(trials)
    assert (trials["status"] == "ok").all() and len(trials) == 5
    figures = {path.stem for path in (finished.results / "figures").glob("*.png")}
    rungs = rung_names({"rungs": [], **finished.config["search"]})
    assert figures == set(figure_entries([fraction], rungs=rungs, own_networks=True))
    summary = (finished.results / "summary.md").read_text()
    assert f"The networks are those of `{finished.config['network']['file']}`." in summary
    provenance = json.loads((finished.results / "provenance.json").read_text())
    assert provenance["code"]["network"]["path"] == finished.config["network"]["file"]


def test_the_selected_model_can_be_used_elsewhere(finished):
    check_exported(finished)


def test_profiles_with_batch_normalisation_are_exported(fresh, tmp_path):
    study = example(fresh, tmp_path / "profiles", "profile_convolution")
    make = [sys.executable, f"{EXAMPLES}/make_profiles.py", "profiles.nc"]
    subprocess.run(make, cwd=study.folder, check=True)
    study.run("export")
    trials = pd.read_csv(study.results / "rank/0.25/trials.csv")
    assert (trials["status"] == "ok").all() and len(trials) == 5
    check_exported(study)


def check_exported(study):
    """Check that each format of the selected model predicts what the model does."""
    selection = read_table(study.results / "select/selection.csv").set_index("choice")
    path = study.folder / selection.at["selected", "model"]
    with pytest.raises(UserError, match="run_code=True"):
        load_model(path)
    model = load_model(path, run_code=True)
    folder = study.results / "export/selected"
    assert not (folder / "model.txt").exists()
    reference = pd.read_csv(folder / "reference.csv").to_numpy()
    inputs, expected = np.split(reference, [len(model.inputs)], axis=1)
    assert np.allclose(model.predict(inputs), expected, rtol=1e-5, atol=1e-6)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    [outputs] = session.run(["outputs"], {"inputs": inputs})
    assert np.allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    card = (folder / "model_card.md").read_text()
    assert "| network | of the user's own |" in card and "model.txt" not in card


def test_a_trial_is_reproduced_and_a_forecast_made(finished):
    finished.run("results/{}/reproduce/0.25/trial_3.json".format(finished.config["study"]))
    found = json.loads((finished.results / "reproduce/0.25/trial_3.json").read_text())
    assert found["differing"] == []
    finished.run("forecast")
    assert "both steps" in (finished.results / "forecast.md").read_text()


def test_a_comment_costs_nothing_and_an_edit_trains_anew(finished):
    look = [sys.executable, "workflow/scripts/progress.py", "--configfile", "study.yaml"]
    looked = subprocess.run(look, cwd=finished.folder, capture_output=True, text=True)
    assert "finished" in looked.stdout and "another config" not in looked.stdout
    told = looked.stdout.split("best validation loss")[1].split("learnable")[0]
    own = sorted(finished.config["search"]["space"]["hyperparameters"])
    assert [part.split()[0] for part in told.split(", ")[1:-1]] == own
    path = finished.folder / finished.config["network"]["file"]
    before = path.read_text()
    path.write_text(f"{before}# A comment.\n")
    assert not finished.run().jobs
    path.write_text(f"{before}UNUSED = 1\n")
    listed = finished.snakemake("--dry-run").stdout
    assert "rule draw:" in listed and "rule search_shard:" in listed
    path.write_text(before)


def test_a_mistake_in_the_file_stops_before_or_in_the_first_job(finished, tmp_path):
    study = finished.copy(tmp_path)
    path = study.folder / study.config["network"]["file"]
    source = path.read_text()
    path.write_text(f"import make_profiles\n{source}")
    process = study.snakemake()
    assert process.returncode != 0 and "imports 'make_profiles', a file beside it" in process.stderr
    path.write_text(source.replace("def build(", "def make("))
    process = study.snakemake()
    assert process.returncode != 0 and "has no function `build`" in process.stderr
    assert "rule search_shard:" not in process.stderr
