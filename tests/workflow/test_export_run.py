"""The handover within a study: the selected model in a full run, any other one by request."""

import hashlib
import json

import numpy as np
import onnxruntime
import pandas as pd
from exported_model import NAMES

from twostep.export.text_format import read_text_model
from twostep.model.model import load_model


def read_selection(study):
    return pd.read_csv(study.results / "select" / "selection.csv").set_index("choice")


def test_a_full_run_exports_the_selected_model(finished):
    folder = finished.results / "export" / "selected"
    assert {path.name for path in folder.iterdir()} == {*NAMES.values(), "origin.json"}
    selected = read_selection(finished).loc["selected"]
    model = load_model(finished.folder / selected["model"])
    table = pd.read_csv(folder / "reference.csv")
    names = [feature["name"] for feature in (*model.inputs, *model.outputs)]
    assert table.columns.tolist() == names and len(table) == 32
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    inputs = table.to_numpy()[:, :3]
    [outputs] = session.run(["outputs"], {"inputs": inputs})
    np.testing.assert_allclose(outputs, model.predict(inputs), atol=1e-6)
    card = (folder / "model_card.md").read_text()
    assert card.startswith(f"# Model card: trial {selected['trial']}, seed 0\n")
    assert "It is the model that the study selected. 6 random configurations" in card
    log = (finished.results / "logs" / "export" / "selected.log").read_text()
    assert log.count("largest difference on 160 test rows") == 4
    provenance = json.loads((finished.results / "provenance.json").read_text())
    for name in NAMES.values():
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert provenance["results"][f"export/selected/{name}"] == digest
    assert "export" in provenance["code"]["stages"]


def test_any_retrained_model_is_exported_by_one_command_and_the_portfolio_by_its_target(study):
    selected = read_selection(study).at["selected", "trial"]
    retrained = pd.read_csv(study.results / "select" / "retrained.csv")["trial"]
    other = next(trial for trial in retrained if trial != selected)
    target = f"results/small/export/trial_{other}_seed_0/model.onnx"
    process = study.snakemake(target, "portfolio")
    assert process.returncode == 0, process.stderr
    for name in ("ONNX", "pt2", "TorchScript", "text"):
        assert f"Largest difference from the trained network, {name}: " in process.stderr
    assert "The portfolio: results/small/portfolio.md" in process.stderr
    # Of torch, as of TorchScript.
    assert "Warning" not in process.stderr
    folder = (study.folder / target).parent
    assert {path.name for path in folder.iterdir()} == {*NAMES.values(), "origin.json"}
    assert "exported by request" in (folder / "model_card.md").read_text()
    portfolio = pd.read_csv(study.results / "portfolio" / "portfolio.csv")
    assert portfolio.loc[portfolio["selected"], "trial"].tolist() == [selected]
    page = (study.results / "portfolio.md").read_text()
    for trial in portfolio["trial"]:
        card = f"export/trial_{trial}_seed_0/model_card.md"
        assert f"[trial {trial}]({card})" in page
        files = {path.name for path in (study.results / card).parent.iterdir()}
        assert files == {*NAMES.values(), "origin.json"}
    assert "Nothing to be done" in study.snakemake("portfolio").stderr
    process = study.snakemake(target.replace(f"trial_{other}", "trial_6"))
    assert process.returncode != 0
    assert process.stderr.endswith("Error: there is no trial 6: search.n_trials is 6\n")
    assert "Traceback" not in process.stderr


def test_variables_of_any_shape_go_through_to_the_exported_model(study):
    study.config["dataset"]["inputs"] = [{"name": "level", "scale": "none"}, {"name": "tair"}]
    study.run("export", "summarise")
    manifest = json.loads((study.results / "prepare" / "manifest.json").read_text())
    assert manifest["variables"]["level"] == {"dimensions": ["mode", "height"], "shape": [2, 3]}
    entries = [f"level[{mode},{i}]" for mode in ("accumulation", "aitken") for i in range(3)]
    folder = study.results / "export" / "selected"
    table = pd.read_csv(folder / "reference.csv")
    assert table.columns.tolist()[:7] == [*entries, "tair"]
    # The values of the file, and one entry that does not vary.
    assert (table[entries[0]] == 0).all() and table[entries[5]].std() > 0
    inputs, expected = table.to_numpy()[:, :7], table.to_numpy()[:, 7:]
    [outputs] = onnxruntime.InferenceSession(folder / "model.onnx").run(
        ["outputs"], {"inputs": inputs}
    )
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    outputs = read_text_model(folder / "model.txt").predict(inputs)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    for text in ("summary.md", "export/selected/model_card.md"):
        assert "without scaling: `level`" in (study.results / text).read_text()


def test_the_selected_model_is_exported_again_when_it_is_another(study):
    folder = study.results / "export" / "selected"
    before = {name: (folder / name).read_bytes() for name in NAMES.values()}
    # The same bytes from another process.
    (folder / "model.txt").unlink()
    assert study.run().jobs.keys() == {"export", "provenance", "report_pages", "all"}
    assert {name: (folder / name).read_bytes() for name in NAMES.values()} == before
    # Another choice exports another model, and trains none.
    selection = read_selection(study)
    by_cost = 'good.sort_values([COST_COLUMNS[cost], "val_loss", "trial"]'
    study.edit(
        "workflow/scripts/twostep/trials/selection.py", by_cost, f"{by_cost}, ascending=False"
    )
    study.config["select"] = {"tolerance": 1000.0}
    work = study.run("export")
    assert work.jobs["export"] == 1 and not work.searched and not work.retrained
    chosen = read_selection(study).at["selected", "trial"]
    assert chosen != selection.at["selected", "trial"]
    assert f"# Model card: trial {chosen}, seed 0" in (folder / "model_card.md").read_text()
    assert "Nothing to be done" in study.snakemake("export").stderr
