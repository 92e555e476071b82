"""A whole study: what it leaves behind, on several kinds of data and from several configs."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
import yaml

from twostep.config.resolve import resolve_config
from twostep.model.model import load_model
from twostep.report.entries import figure_entries

SEARCHED = {"prepare", "subset", "draw", "search_shard", "rank"}


@pytest.mark.parametrize(
    ("target", "jobs"),
    [
        ("prepare", {"prepare"}),
        ("search", {"prepare", "subset", "draw", "search_shard", "search"}),
        ("retrain", SEARCHED | {"retrain"}),
        ("export", SEARCHED | {"baseline", "select_model"}),
        ("figures", SEARCHED | {"baseline", "select_model", "measure_inference", "predict"}),
    ],
)
def test_stage_targets_do_what_they_say(fresh, tmp_path, target, jobs):
    study = fresh.copy(tmp_path)
    assert study.run(target, "--dry-run").jobs.keys() == jobs | {target}


def test_every_stage_leaves_its_results(finished):
    results = finished.results
    for path in (
        "prepare/manifest.json",
        "subset/0.2/manifest.json",
        "search/configurations_1000.jsonl",
        "search/0.2/shard_1.jsonl",
        "rank/0.2/trials.csv",
        "select/retrained.csv",
        "select/selection.csv",
        "baseline/baseline.csv",
        "inference/inference.csv",
        "predict/predictions.nc",
        "summary.md",
        "explore.html",
    ):
        assert (results / path).stat().st_size > 0
    figures = {path.stem for path in (results / "figures").glob("*.png")}
    assert figures == set(figure_entries(["0.2"]))
    assert figures == {path.stem for path in (results / "figures").glob("*.pdf")}
    logs = {path.stem for path in (results / "logs").rglob("*.log")}
    assert {"prepare", "shard_0", "figures", "summarise"} <= logs


def test_every_retrained_trial_is_measured_and_the_selected_one_predicts(finished):
    results = finished.results
    inference = pd.read_csv(results / "inference" / "inference.csv")
    retrained = pd.read_csv(results / "select" / "retrained.csv")
    assert set(inference["trial"]) == set(retrained["trial"])
    assert (inference.groupby("trial")["batch_size"].agg(list).map(tuple) == (1, 64, 1024)).all()
    selected = pd.read_csv(results / "select" / "selection.csv").set_index("choice").loc["selected"]
    with xr.open_dataset(results / "predict" / "predictions.nc") as data:
        assert (data.attrs["trial"], data.attrs["seed"]) == (selected["trial"], selected["seed"])
        assert data["input_tair"].attrs["units"] == "K"
        error = data["predicted_fn[aitken]"] - data["true_fn[aitken]"]
        model = retrained[retrained["trial"] == selected["trial"]].iloc[0]
        rmse = float((error**2).mean() ** 0.5)
        assert rmse == pytest.approx(model["test_rmse[fn[aitken]]"], rel=1e-6)


def test_predictions_stand_beside_the_very_values_of_the_file(finished):
    with (
        xr.open_dataset(finished.folder / "data.nc") as given,
        xr.open_dataset(finished.results / "predict" / "predictions.nc") as data,
    ):
        assert np.isin(data["input_tair"], given["tair"]).all()
        assert np.isin(data["true_fn[aitken]"], given["fn"]).all()
        manifest = json.loads((finished.results / "prepare" / "manifest.json").read_text())
        assert data.sizes["sample"] == data.attrs["n_test"] == manifest["splits"]["test"]


def test_every_trial_is_accounted_for(finished):
    table = pd.read_csv(finished.results / "rank" / "0.2" / "trials.csv")
    assert sorted(table["trial"]) == list(range(6))
    assert table["min_val_loss"].is_monotonic_increasing
    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert not table.duplicated(["hidden_widths"]).any()
    assert (table["n_train"] == 256).all() and (table["n_validation"] == 100).all()
    outputs = ["val_loss[fn[accumulation]]", "val_loss[fn[aitken]]"]
    np.testing.assert_allclose(table[outputs].mean(axis=1), table["min_val_loss"], rtol=1e-12)


def test_the_selected_model_reproduces_its_reported_error(finished):
    """Load the model as docs/model.md says and apply it to the test rows of the user's own file."""
    selection = pd.read_csv(finished.results / "select" / "selection.csv").set_index("choice")
    model = load_model(finished.folder / selection.at["selected", "model"])
    names = [feature["name"] for feature in model.inputs]
    assert names == ["tair", "num_aer[accumulation]", "num_aer[aitken]"]
    content = torch.load(finished.folder / selection.at["selected", "model"], weights_only=True)
    assert content["record"]["configuration"]["hidden_widths"]
    manifest = json.loads((finished.results / "prepare" / "manifest.json").read_text())
    scaled = np.load(finished.results / "prepare" / "test_inputs.npy").astype(float)
    mean, std = (np.array([f[key] for f in manifest["inputs"]]) for key in ("mean", "std"))
    physical = scaled * std + mean
    physical[:, 1:] = 10 ** physical[:, 1:]
    targets = np.load(finished.results / "prepare" / "test_targets.npy")
    mse = np.mean((model.predict(physical) - targets) ** 2)
    assert mse == pytest.approx(selection.at["selected", "test_mse"], rel=1e-4)
    # The rows are those of the file: inputs and outputs still belong together.
    data = xr.open_dataset(finished.folder / "data.nc")
    rows = [int(np.abs(data["tair"].values - tair).argmin()) for tair in physical[:20, 0]]
    np.testing.assert_allclose(data["fn"].values[rows], targets[:20], rtol=1e-4)


def test_results_do_not_depend_on_shards_or_cores(finished, fresh, tmp_path):
    other = fresh.copy(tmp_path)
    other.config["search"]["shard_size"] = 50
    other.run("select_model", "baseline", "--cores", "1")
    for path in (
        "prepare/manifest.json",
        "rank/0.2/trials.csv",
        "select/retrained.csv",
        "select/selection.csv",
        "baseline/baseline.csv",
    ):
        assert (other.results / path).read_bytes() == (finished.results / path).read_bytes()


def test_the_ranking_does_not_depend_on_the_trials_before_one_in_a_shard(finished, fresh, tmp_path):
    """Of shards of five and of one trial, where those of the finished study have three."""
    other = fresh.copy(tmp_path)
    other.config["search"]["shard_size"] = 5
    ranking = "rank/0.2/trials.csv"
    other.run(f"results/small/{ranking}")
    content = (other.results / ranking).read_bytes()
    assert content == (finished.results / ranking).read_bytes()
    assert content.count(b"\n") == 7


def test_figures_and_tables_can_be_traced_to_what_made_them(finished):
    provenance = json.loads((finished.results / "provenance.json").read_text())
    hashes = provenance["results"]
    shown = [*finished.results.glob("figures/*.p*"), *finished.results.glob("*/**/*.csv")]
    for path in [*shown, finished.results / "summary.md", *finished.results.glob("retrain/*.pt")]:
        name = path.relative_to(finished.results).as_posix()
        assert hashes[name] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(shown) >= 8 + 5
    expected = resolve_config(finished.config)
    # They have no influence on a study of one's own data.
    del expected["generate"], expected["advise"]
    assert provenance["config"] == expected
    (file,) = provenance["data"]["files"]
    content = (finished.folder / "data.nc").read_bytes()
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    (trained,) = provenance["trained_on"]["search, fraction 0.2"]
    assert trained["n_trials"] == 6
    assert set(provenance["code"]["stages"]) >= {"prepare", "search_shard", "figures"}


def test_a_single_mode_with_a_linear_output_and_searched_settings(fresh, tmp_path):
    """Scalars only, targets far from [0, 1], every hyperparameter searched, failures among them."""
    study = fresh.copy(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1200))
    columns = {"x": x, "y": y, "z": 300 + 50 * np.sin(x) * y}
    columns["x"][7] = np.nan
    for part in range(2):
        rows = slice(600 * part, 600 * part + 600)
        xr.Dataset({name: ("time", values[rows]) for name, values in columns.items()}).to_netcdf(
            tmp_path / f"part_{part}.nc"
        )
    study.config = {
        "study": "single",
        "dataset": {
            "files": "part_*.nc",
            "sample_dimension": "time",
            "inputs": [{"name": "x"}, {"name": "y"}],
            "outputs": [{"name": "z"}],
        },
        "training": {"output_activation": "linear"},
        "search": {
            "n_trials": 6,
            "max_failed": 0.5,
            "fractions": [0.5],
            "shard_size": 6,
            "n_validation": 100,
            "budget": {"max_epochs": 3},
            "constraints": {"max_parameters": 500},
            "space": {
                "n_hidden_layers": {"min": 1, "max": 3},
                "width": {"min": 8, "max": 16},
                "width_pattern": ["equal", "tapering"],
                "learning_rate": {"min": 1e-3, "max": 1e20},
                "batch_size": {"min": 32, "max": 64},
                "activation": ["relu", "tanh"],
                "optimizer": ["adam", "sgd"],
                "dropout": {"min": 0.0, "max": 0.2},
                "learning_rate_schedule": ["cosine", "one_cycle"],
                "warmup": {"min": 0.1, "max": 0.5},
                "momentum": {"min": 0.5, "max": 0.9},
                "beta1": {"min": 0.8, "max": 0.95},
            },
        },
        "retrain": {"top_k": 1, "controls": 0, "budget": {"max_updates": 50, "max_epochs": None}},
    }
    study.run()
    manifest = json.loads((study.results / "prepare" / "manifest.json").read_text())
    assert manifest["n_rows_read"] == 1200
    assert manifest["dropped"] == [
        {
            "reason": "missing or not finite",
            "feature": "x",
            "rows": 1,
            "first": "part_0.nc at time index 7",
        }
    ]
    table = pd.read_csv(study.results / "rank" / "0.5" / "trials.csv")
    assert sorted(table["trial"]) == list(range(6))
    assert table["n_parameters"].max() <= 500
    assert table["batch_size"].between(32, 64).all()
    assert set(table["status"]) == {"ok", "diverged"}
    assert table.loc[table["status"] == "diverged", "rank"].isna().all()
    assert (table["momentum"] > 0).equals(table["optimizer"] == "sgd")
    assert (table["warmup"] > 0).equals(table["learning_rate_schedule"] == "one_cycle")
    # The whole budget, without a patience.
    assert (table.loc[table["status"] == "ok", "epochs"] == 3).all()
    retrained = pd.read_csv(study.results / "select" / "retrained.csv")
    assert retrained.at[0, "updates"] == 50
    assert retrained.at[0, "test_rmse"] > 1  # physical units, where z varies by tens
    summary = (study.results / "summary.md").read_text()
    assert "diverged" in summary


@pytest.mark.parametrize("name", ["paper", "paper-modern"])
def test_the_papers_config_plans_and_runs_when_shrunk(fresh, tmp_path, name):
    study = fresh.copy(tmp_path)
    study.config = {}
    paper = Path(f"config/{name}.yaml")
    process = study.snakemake("--configfile", str(paper), "--dry-run", "--quiet")
    assert process.returncode == 0, process.stderr
    study.config = {
        "generate": {"n_samples": 4000, "samples_per_file": 4000},
        "search": {
            "n_trials": 4,
            "fractions": [0.4],
            "shard_size": 4,
            "n_validation": 200,
            "budget": {"max_epochs": 1},
            "space": {"n_hidden_layers": {"min": 1, "max": 2}},
        },
        "retrain": {"top_k": 1, "controls": 1, "budget": {"max_epochs": 1}},
    }
    (tmp_path / "shrink.yaml").write_text(yaml.safe_dump(study.config))
    study.config = yaml.safe_load((tmp_path / paper).read_text())
    # To the end for one of them: the other differs from it in how networks are trained.
    target = [] if name == "paper" else ["select_model"]
    process = study.snakemake(*target, "--configfile", str(paper), "shrink.yaml")
    assert process.returncode == 0, process.stderr
    manifest = json.loads((study.results / "prepare" / "manifest.json").read_text())
    assert len(manifest["inputs"]) == 16 and len(manifest["outputs"]) == 4
    table = pd.read_csv(study.results / "rank" / "0.4" / "trials.csv")
    assert len(table) == 4


def test_gridded_fields_with_a_transformed_output_split_by_time(fresh, tmp_path):
    """Several sample dimensions, a store and its labels, blocks in time, errors in own units."""
    study = fresh.copy(tmp_path)
    rng = np.random.default_rng(0)
    shape = (40, 5, 6)
    aerosol = 10 ** rng.uniform(0, 3, (*shape, 2))
    wind = rng.uniform(0.1, 2, shape)
    rate = 1e-9 * aerosol.sum(-1) * wind
    rate[3] = np.nan
    mode = ["fine", "coarse"]
    xr.Dataset(
        {
            "aerosol": (("time", "lat", "lon", "mode"), aerosol, {"units": "cm-3"}),
            "wind": (("lat", "time", "lon"), wind.swapaxes(0, 1), {"units": "m s-1"}),
            "rate": (("time", "lat", "lon"), rate, {"units": "kg s-1", "long_name": "the rate"}),
        },
        coords={
            "time": np.arange(40.0),
            "lat": np.linspace(-60, 60, 5),
            "mode": mode,
        },
    ).to_zarr(tmp_path / "fields.zarr")
    log10 = [{"name": name, "transform": "log10"} for name in ("aerosol", "wind", "rate")]
    study.config |= {
        "study": "gridded",
        "dataset": {
            "files": "fields.zarr",
            "sample_dimension": ["time", "lat", "lon"],
            "inputs": [*log10[:2], {"name": "lat"}],
            "outputs": log10[2:],
        },
        "split": {"method": "blocks", "variable": "time", "n_blocks": 10},
        "training": {"output_activation": "linear"},
    }
    study.config["search"] |= {"fractions": [0.5], "n_trials": 2, "shard_size": 2}
    study.config["retrain"]["top_k"] = 1
    study.run()
    manifest = json.loads((study.results / "prepare" / "manifest.json").read_text())
    assert manifest["n_rows_read"] == 1200 and manifest["n_rows_used"] == 1170
    assert set(manifest["splits"].values()) <= {120, 960, 90, 930}
    names = [feature["name"] for feature in manifest["inputs"]]
    assert names == ["aerosol[fine]", "aerosol[coarse]", "wind", "lat"]
    summary = (study.results / "summary.md").read_text()
    assert "divided by 10 contiguous blocks along `time`" in summary
    assert "| 1 | `rate` | the rate | kg s-1 | log10 |" in summary
    table = pd.read_csv(study.results / "select" / "retrained.csv")
    model = load_model(sorted((study.results / "retrain").glob("*.pt"))[0])
    lat = np.broadcast_to(np.linspace(-60, 60, 5)[:, None], shape)
    inputs = np.column_stack([aerosol.reshape(-1, 2), wind.ravel(), lat.ravel()])
    predicted = model.predict(inputs)[:, 0]
    assert (predicted > 0).all()
    # The test errors are those of some of these samples, in kg s-1.
    error = np.nanmean(np.abs(predicted - rate.ravel()))
    row = table[table["trial"] == model.record["trial"]].iloc[0]
    assert 0.3 * error < row["test_mae[rate]"] < 3 * error
