"""Studies with other losses than the mean squared error, with weights and masks, to their end."""

import json

import numpy as np
import pandas as pd
import xarray as xr

N = 1200


def write(study, dataset: dict, training: dict) -> None:
    """Write a file with classes, weights and gaps into a study's folder; make it its data."""
    random = np.random.default_rng(1)
    x, y = random.uniform(-1, 1, (2, N))
    kind = np.where(x > 0.3, 4, np.where(y > 0, 1, 2)).astype("i2")
    rate = 300 + 50 * x * y
    rate[random.uniform(size=N) < 0.4] = np.nan
    flags = {"flag_values": np.array([1, 2, 4], "i2"), "flag_meanings": "dry moist cloudy"}
    columns = {"x": x, "y": y, "rate": rate, "flux": x - y, "area": random.uniform(0, 9, N)}
    variables = {name: ("time", values) for name, values in columns.items()}
    variables["kind"] = ("time", kind, flags)
    xr.Dataset(variables).to_netcdf(study.folder / "points.nc")
    inputs = [{"name": "x"}, {"name": "y"}]
    files = {"files": "points.nc", "sample_dimension": "time", "inputs": inputs}
    study.config |= {"dataset": files | dataset, "training": training}
    study.config["search"]["space"]["learning_rate"] = 0.01


def test_classes_with_weights(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    dataset = {"outputs": [{"name": "kind"}], "sample_weight": "area"}
    write(study, dataset, {"loss": "cross_entropy"})
    study.run()
    ranked = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv")
    assert ranked["min_val_loss"].is_monotonic_increasing and len(ranked) == 6
    # The loss is one of all outputs.
    assert ranked["val_loss[kind[cloudy]]"].isna().all()
    retrained = pd.read_csv(study.results / "select" / "retrained.csv")
    assert (retrained["test_log_loss"] - retrained["test_loss"]).abs().max() < 1e-12
    baseline = pd.read_csv(study.results / "baseline" / "baseline.csv")
    constant, logistic = baseline[baseline["data"] == "all"].to_dict("records")
    assert logistic["model"] == "logistic"
    assert constant["test_accuracy"] < logistic["test_accuracy"] <= 1
    summary = (study.results / "summary.md").read_text()
    assert "cross-entropy of the classes, samples weighed by `area`" in summary
    assert "logistic regression" in summary and "RMSE" not in summary
    assert "| `kind[cloudy]` |" in summary
    figures = {path.stem for path in (study.results / "figures").glob("*.png")}
    assert {"confusion", "reliability"} < figures and "predicted" not in figures
    with xr.open_dataset(study.results / "predict" / "predictions.nc") as predictions:
        shares = [predictions[f"predicted_kind[{name}]"] for name in ("dry", "moist", "cloudy")]
        assert np.allclose(sum(shares), 1)
    card = (study.results / "export" / "selected" / "model_card.md").read_text()
    assert "| logistic regression |" in card
    looked = study.look()
    assert "finished" in looked and "another config" not in looked
    # Nothing is left to do, and a smaller delta of a loss that is not used is refused.
    assert not study.run().jobs
    study.config["training"]["huber_delta"] = 0.5
    assert "training.huber_delta has no effect" in study.snakemake().stderr


def test_masks_and_weights_of_outputs_and_another_loss(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    outputs = [{"name": "rate", "missing": "mask"}, {"name": "flux", "weight": 2}]
    write(study, {"outputs": outputs}, {"loss": "huber", "output_activation": "linear"})
    study.run("summarise", "export")
    manifest = json.loads((study.results / "prepare" / "manifest.json").read_text())
    assert manifest["n_rows_used"] == N
    assert sum(manifest["outputs"][0]["n_missing"].values()) > 0.3 * N
    table = pd.read_csv(study.results / "rank" / "0.2" / "trials.csv")
    parts = (table["val_loss[rate]"] + 2 * table["val_loss[flux]"]) / 3
    assert np.allclose(parts, table["min_val_loss"])
    summary = (study.results / "summary.md").read_text()
    assert "outputs weighed (`flux` by 2), without the missing values of `rate`" in summary
    # Another delta trains all trials again, on the same data.
    study.config["training"]["huber_delta"] = 0.5
    work = study.run("search")
    assert work.trials("0.2") == list(range(6)) and "prepare" not in work.jobs
