"""Tables and records as a study writes them, made up: for tests of what reads them."""

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from twostep.analysis.study import TABLES, Search, Study
from twostep.model.predictions import Predictions, write_predictions
from twostep.trials.ranking import cut_off, draw_controls
from twostep.trials.records import SETTINGS
from twostep.util.files import write_json

OUTPUTS = ["fn[accumulation]", "fn[coarse]"]
N_INPUTS = 10
WIDTHS = [8, 16, 32, 64, 128, 256, 512]
N_TRAINING, N_VALIDATION, N_TEST = 70_000, 15_000, 15_000
CONSTANT, LINEAR = 0.08, 0.021


def trials_table(
    n_trials: int = 200, *, n_failed: int = 4, n_train: int = 3500, seed: int = 1, fraction_seed=0
) -> pd.DataFrame:
    """Return a ranked table whose losses fall with size, with noise and dead deep networks."""
    shared = np.random.default_rng(seed)
    noise = np.random.default_rng([seed, fraction_seed])
    rows = []
    for trial in range(n_trials):
        widths = shared.choice(WIDTHS, size=shared.integers(1, 9)).tolist()
        units = [N_INPUTS, *widths, len(OUTPUTS)]
        n_operations = sum(a * b for a, b in itertools.pairwise(units))
        n_parameters = n_operations + sum(units[1:])
        quality = 4e-4 + 0.9 * n_parameters**-0.75 + 1e-3 * (len(widths) == 1)
        luck = shared.random()
        loss = quality * math.exp(abs(shared.normal(0, 0.9)) + 0.15 * noise.normal())
        dead = luck < 0.02 * len(widths)
        loss = CONSTANT * (1 + 1e-3 * noise.random()) if dead else min(loss, CONSTANT)
        epochs = 100 if luck > 0.7 else int(noise.integers(10, 100))
        rows.append(
            {
                "trial": trial,
                "status": "ok",
                "n_parameters": n_parameters,
                "n_operations": n_operations,
                "n_hidden_layers": len(widths),
                "hidden_widths": "-".join(map(str, widths)),
                "learning_rate": 1e-3,
                "batch_size": 128,
                "activation": "relu",
                "optimizer": "adam",
                "weight_decay": 0.0,
                "dropout": 0.0,
                "n_train": n_train,
                "n_validation": 5000,
                "epochs": epochs,
                "best_epoch": epochs if epochs == 100 else epochs - 5,
                "updates": epochs * math.ceil(n_train / 128),
                "stop_reason": "max_epochs" if epochs == 100 else "patience",
                "min_val_loss": loss,
                "train_loss": 0.9 * loss,
                **{f"val_loss[{name}]": loss * (1 + 0.2 * i) for i, name in enumerate(OUTPUTS)},
                "collapsed_outputs": ";".join(OUTPUTS) if dead else "",
                "message": "",
            }
        )
    table = pd.DataFrame(rows)
    failed = table.index >= n_trials - n_failed
    table.loc[failed, "status"] = "diverged"
    table.loc[failed, "message"] = "the loss was not finite in epoch 3"
    ranked = table[~failed].sort_values(["min_val_loss", "trial"])
    table = pd.concat([ranked, table[failed]], ignore_index=True)
    table.insert(0, "rank", pd.array([*range(1, len(ranked) + 1)] + [None] * n_failed, "Int64"))
    return table


def timings_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Return timings that grow with the size of the networks."""
    train = trials["epochs"] * trials["n_train"] * (1e-6 + 2e-11 * trials["n_parameters"])
    return pd.DataFrame(
        {
            "trial": trials["trial"],
            "seconds": 1.3 * train + 0.02,
            "cpu_seconds": 1.25 * train + 0.01,
            "train_cpu_seconds": train,
            "validation_cpu_seconds": 0.25 * train,
            "host": "somewhere",
            "processor": "a processor",
            "torch": "2.13.0",
            "threads": 1,
        }
    )


def retrained_table(
    searches: dict[str, pd.DataFrame],
    *,
    top_k: int = 12,
    seeds: int = 1,
    controls: int = 0,
    earlier: Iterable[int] = (),
):
    """Return the table of the searches' best trials and some controls, retrained on all data.

    `earlier` are further controls.
    """
    chosen = sorted({trial for table in searches.values() for trial in table["trial"].head(top_k)})
    rankings = list(searches.values())
    drawn = draw_controls(rankings, top_k=top_k, n_controls=controls, seed=1)
    drawn += [trial for trial in earlier if trial not in {*chosen, *drawn}]
    first = next(iter(searches.values())).set_index("trial")
    random = np.random.default_rng(3)
    rows = []
    for trial in [*chosen, *drawn]:
        row = first.loc[trial]
        for seed in range(seeds):
            loss = row["min_val_loss"] * 0.4 * math.exp(0.12 * random.normal())
            test = loss * math.exp(0.05 * random.normal())
            rows.append({"trial": trial, "seed": seed, "control": trial in drawn})
            rows[-1] |= _model(row, loss) | _errors(loss) | _test(test)
            for fraction, table in searches.items():
                search = table.set_index("trial").loc[trial]
                rows[-1][f"rank[{fraction}]"] = search["rank"]
                rows[-1][f"search_val_loss[{fraction}]"] = search["min_val_loss"]
    table = pd.DataFrame(rows)
    mean = table.groupby("trial")["min_val_loss"].transform("mean")
    order = table.assign(mean=mean).sort_values(["mean", "trial", "seed"]).index
    return table.loc[order].reset_index(drop=True)


def retrain_timings_table(retrained: pd.DataFrame) -> pd.DataFrame:
    """Return the timings of retrained models, which grow with their size."""
    sample_epochs = retrained["epochs"] * N_TRAINING
    return retrained[["trial", "seed"]].assign(
        cpu_seconds=sample_epochs * (1.25e-6 + 2.5e-11 * retrained["n_parameters"]),
        processor="a processor",
    )


def _model(row: pd.Series, loss: float) -> dict:
    kept = [
        "n_parameters",
        "n_operations",
        "n_hidden_layers",
        "hidden_widths",
        *SETTINGS,
    ]
    epochs = 60 + int(row["n_parameters"]) // 7 % 40
    return {name: row[name] for name in kept} | {
        "status": "ok",
        "epochs": epochs,
        "best_epoch": epochs - 5,
        "updates": epochs * math.ceil(N_TRAINING / row["batch_size"]),
        "stop_reason": "patience",
        "min_val_loss": loss,
        "train_loss": 0.9 * loss,
        "collapsed_outputs": "",
    }


def _errors(loss: float) -> dict:
    errors = {"val_loss_error": 0.02 * loss, "difference_error": 0.01 * loss}
    return errors | {"validation_parts": 50}


def _test(loss: float) -> dict:
    metrics = {"mse": loss, "rmse": math.sqrt(loss), "mae": 0.7 * math.sqrt(loss)}
    metrics["r2"] = 1 - loss / CONSTANT
    return {
        "test_loss": loss,
        **{f"test_{metric}": value for metric, value in metrics.items()},
        **{
            f"test_{metric}[{name}]": value for name in OUTPUTS for metric, value in metrics.items()
        },
    }


def selection_table(retrained: pd.DataFrame, tolerance: float = 0.1) -> pd.DataFrame:
    """Return the best trial and the smallest one whose loss is within the tolerance."""
    table = retrained.sort_values(["min_val_loss", "seed"]).drop_duplicates("trial").copy()
    table["val_loss"] = table["trial"].map(retrained.groupby("trial")["min_val_loss"].mean())
    table["relative_val_loss"] = table["val_loss"] / table["val_loss"].min()
    best = table.sort_values("val_loss").iloc[[0]]
    good = table[table["relative_val_loss"] <= 1 + tolerance]
    chosen = pd.concat([best, good.sort_values("n_parameters").iloc[[0]]], ignore_index=True)
    chosen.insert(0, "choice", ["best", "selected"])
    chosen["model"] = [
        f"retrain/trial_{trial}_seed_{seed}.pt"
        for trial, seed in zip(chosen["trial"], chosen["seed"], strict=True)
    ]
    columns = ["choice", "trial", "seed", "n_parameters", "n_operations", "n_hidden_layers"]
    columns += ["hidden_widths", "val_loss", "relative_val_loss", "test_mse", "test_rmse"]
    return chosen[[*columns, "test_mae", "test_r2", "model"]]


def inference_table(retrained: pd.DataFrame) -> pd.DataFrame:
    """Return times per sample of one model of each trial, which grow with its operations."""
    trials = retrained.drop_duplicates("trial")
    rows = []
    for row in trials.to_dict("records"):
        for batch_size in (1, 64, 1024):
            seconds = 1e-5 * row["n_hidden_layers"] / batch_size + 5e-11 * row["n_operations"]
            rows.append(
                {name: row[name] for name in ("trial", "seed", "n_parameters", "n_operations")}
                | {"weight_bytes": 4 * row["n_parameters"], "batch_size": batch_size}
                | {"seconds_per_sample": seconds, "seconds_per_sample_25": 0.97 * seconds}
                | {"seconds_per_sample_75": 1.1 * seconds, "n_repeats": 50}
                | {"processor": "a processor", "torch": "2.13.0", "threads": 1}
            )
    return pd.DataFrame(rows)


def predictions(n_inputs: int = N_INPUTS, n_outputs: int = 2, n_samples: int = 4000) -> Predictions:
    """Return predictions that are worse where the first input is small."""
    random = np.random.default_rng(7)
    features = {"units": "K", "transform": "none"}
    inputs = [{"name": f"x{i}", "long_name": f"input {i}"} | features for i in range(n_inputs)]
    names = OUTPUTS if n_outputs == 2 else [f"y{i}" for i in range(n_outputs)]
    outputs = [{"name": name, "long_name": "fn", **features, "units": "1"} for name in names]
    values = random.uniform(0, 1, (n_samples, n_inputs))
    true = 1 / (1 + np.exp(4 - 8 * random.uniform(0, 1, (n_samples, n_outputs))))
    noise = 0.01 * (1 + np.arange(n_outputs)) * (1 + 5 * (values[:, :1] < 0.2))
    error = noise * random.normal(size=true.shape)
    return Predictions(inputs, outputs, values, true, true + error, n_test=15_000)


def baseline_table(fractions: list[str]) -> pd.DataFrame:
    """Return the losses of the constant prediction and the linear regression."""
    return pd.DataFrame(
        [
            {
                "data": data,
                "model": model,
                "val_loss": loss,
                **{f"val_loss[{name}]": loss for name in OUTPUTS},
                **(_test(1.02 * loss) if data == "all" else {}),
            }
            for data in [*fractions, "all"]
            for model, loss in (("constant", CONSTANT), ("linear", LINEAR))
        ]
    )


KEPT = (
    "trial",
    "seed",
    "status",
    "stop_reason",
    "best_epoch",
    "n_parameters",
    "min_val_loss",
)


def retrain_records(retrained: pd.DataFrame) -> list[dict]:
    """Return records with loss curves that fall to the losses of the table."""
    random = np.random.default_rng(5)
    records = []
    for row in retrained.to_dict("records"):
        epoch = np.arange(1, row["epochs"] + 1)
        wobble = np.exp(0.1 * np.abs(random.normal(size=len(epoch))))
        curve = row["min_val_loss"] * (1 + 40 * np.exp(-epoch / 3) + 6 / epoch)
        val_loss = curve * wobble
        val_loss[row["best_epoch"] - 1] = row["min_val_loss"]
        records.append(
            {name: row[name] for name in KEPT}
            | {
                "configuration": {},
                "train_loss": (0.9 * curve).tolist(),
                "val_loss": val_loss.tolist(),
            }
        )
    return records


def manifest(n_train: int = N_TRAINING) -> dict:
    """Return the manifest of the prepared data."""
    feature = {"mean": 0.0, "std": 1.0, "min": 0.25, "max": 3.5, "transform": "none"}
    return {
        "format": 1,
        "data_hash": "0123",
        "n_rows_read": 100_120,
        "n_rows_used": 100_000,
        "dropped": [
            {
                "reason": "missing or not finite",
                "feature": "x1",
                "rows": 120,
                "first": "parcels.nc at sample index 7",
            }
        ],
        "constant_features": [],
        "doubts": [],
        "split": {
            "method": "random",
            "variable": None,
            "validation": 0.1,
            "test": 0.1,
            "n_units": None,
        },
        "autocorrelation": {
            "along": "sample",
            "lag": 1,
            "inputs": 0.01,
            "outputs": 0.02,
            "n_pairs": 65520,
        },
        "splits": {"training": n_train, "validation": N_VALIDATION, "test": N_TEST},
        "inputs": [
            {"name": f"x{i}", "variable": f"x{i}", "units": "K", "long_name": f"input {i}"}
            | feature
            for i in range(N_INPUTS)
        ],
        "outputs": [
            {"name": name, "variable": "fn", "units": "1", "long_name": "activated fraction"}
            | feature
            for name in OUTPUTS
        ],
        "variables": {
            **{f"x{i}": {"dimensions": [], "shape": []} for i in range(N_INPUTS)},
            "fn": {"dimensions": ["mode"], "shape": [len(OUTPUTS)]},
        },
        "output_activation": "sigmoid",
    }


def config(fractions: list[float], *, top_k: int = 12, seeds: int = 1, controls: int = 0) -> dict:
    """Return a study's config with its defaults filled in."""
    return {
        "study": "made_up",
        "seed": 1,
        "dataset": {"files": ["data/parcels.nc"], "sample_dimension": "sample"},
        "training": {"loss": "mse", "huber_delta": 1, "output_activation": "sigmoid"},
        "network": {"file": None},
        "search": {
            "n_trials": 200,
            "fractions": fractions,
            "n_validation": 5000,
            "rungs": [],
            "sampler": "random",
            "generation_size": 100,
            "precision": "float32",
            "enqueue": [],
            "budget": {
                "max_epochs": 100,
                "max_updates": None,
                "patience_epochs": 5,
                "patience_updates": None,
            },
            "constraints": {"max_parameters": None, "max_operations": None},
            "space": {
                "n_hidden_layers": {"min": 1, "max": 8, "log": False},
                "width": WIDTHS,
                "width_pattern": "independent",
                "learning_rate": 1e-3,
                "batch_size": 128,
                "activation": "relu",
                "optimizer": "adam",
                "weight_decay": 0.0,
                "dropout": 0.0,
            },
        },
        "retrain": {
            "top_k": top_k,
            "controls": controls,
            "until": {"probability": None, "round_size": 10},
            "seeds": seeds,
            "budget": {
                "max_epochs": 200,
                "max_updates": None,
                "patience_epochs": None,
                "patience_updates": None,
            },
        },
        "select": {"tolerance": 0.1, "cost": "parameters"},
    }


def study(
    fractions=("0.05", "0.2"),
    *,
    n_trials: int = 200,
    n_failed: int = 4,
    top_k: int = 12,
    seeds: int = 2,
    controls: int = 6,
    **changes,
) -> Study:
    """Return all results of a made-up study; `changes` replace fields of it."""
    searches = {
        fraction: trials_table(
            n_trials,
            n_failed=n_failed,
            fraction_seed=i,
            n_train=round(float(fraction) * N_TRAINING),
        )
        for i, fraction in enumerate(fractions)
    }
    retrained = retrained_table(searches, top_k=top_k, seeds=seeds, controls=controls)
    values = [float(fraction) for fraction in fractions]
    results = {
        "config": config(values, top_k=top_k, seeds=seeds, controls=controls),
        "manifest": manifest(),
        "searches": [
            Search(
                fraction,
                table,
                timings_table(table),
                {"splits": {"training": int(table["n_train"].iloc[0]), "validation": 5000}},
            )
            for fraction, table in searches.items()
        ],
        "records": retrain_records(retrained),
        "retrained": retrained,
        "retrain_timings": retrain_timings_table(retrained),
        "selection": selection_table(retrained),
        "baseline": baseline_table(list(fractions)),
        "inference": inference_table(retrained),
        "rounds": [],
    }
    return Study(**results | changes)


RUNGS = (("0.05", 80, 30), ("0.2", 40, 60))


def study_with_rungs(*, top_k: int = 12, controls: int = 12, **changes) -> Study:
    """Return the same with two rungs: fraction, top_k and epochs of each are in RUNGS."""
    plain = study(("0.05",), top_k=top_k, seeds=1, controls=controls)
    (search,) = plain.searches
    before, rungs = search.trials, []
    for number, (fraction, passing, epochs) in enumerate(RUNGS, start=1):
        cut = cut_off([before], top_k=passing, n_controls=controls, seed=1)
        table = trials_table(200, fraction_seed=number, n_train=round(float(fraction) * N_TRAINING))
        table = table[table["trial"].isin({*cut["finalists"], *cut["controls"]})]
        table = table.reset_index(drop=True).assign(epochs=epochs)
        table["updates"] = epochs * -(-table["n_train"] // table["batch_size"])
        table["rank"] = pd.array(range(1, len(table) + 1), "Int64")
        table.insert(2, "control", table["trial"].isin(cut["controls"]))
        subset = {"splits": {"training": int(table["n_train"].iloc[0]), "validation": 5000}}
        rungs.append(Search(fraction, table, timings_table(table), subset, number))
        before = table
    retrained = retrained_table(
        {"rung_2": before},
        top_k=top_k,
        controls=controls,
        earlier=before.loc[before["control"], "trial"],
    )
    for level in (search, rungs[0]):
        known = level.trials.set_index("trial").loc[retrained["trial"]]
        retrained[f"rank[{level.name}]"] = known["rank"].array
        retrained[f"search_val_loss[{level.name}]"] = known["min_val_loss"].array
    settings = plain.config
    settings["search"]["rungs"] = [
        {
            "fraction": float(fraction),
            "top_k": passing,
            "budget": settings["search"]["budget"] | {"max_epochs": epochs},
        }
        for fraction, passing, epochs in RUNGS
    ]
    fields = {
        "rungs": rungs,
        "records": retrain_records(retrained),
        "retrained": retrained,
        "retrain_timings": retrain_timings_table(retrained),
        "selection": selection_table(retrained),
        "baseline": baseline_table(["0.05", "0.2"]),
        "inference": inference_table(retrained),
    }
    return replace(plain, **fields | changes)


def write_study(made_up: Study, folder: Path) -> dict[str, str | list[str]]:
    """Write a study's results as the workflow does; return the paths as `read_study` wants them."""
    names = ("trials", "timings", "subsets")
    files = {name: [] for name in (*names, *(f"rung_{name}" for name in names))}
    files |= {"records": [], "rounds": []}
    for level in made_up.levels:
        # A fraction's name is that of the folder of its table, and of its subset.
        place = folder / (f"rungs/{level.rung}" if level.rung else "rank") / level.fraction
        place.mkdir(parents=True)
        prefix = "rung_" if level.rung else ""
        for name, table in (("trials", level.trials), ("timings", level.timings)):
            files[prefix + name].append(str(place / f"{name}.csv"))
            table.to_csv(files[prefix + name][-1], index=False)
        files[f"{prefix}subsets"].append(str(place / "manifest.json"))
        write_json(files[f"{prefix}subsets"][-1], level.subset)
    for i, record in enumerate(made_up.records):
        files["records"].append(str(folder / f"record_{i}.json"))
        write_json(files["records"][-1], record)
    for name in TABLES:
        files[name] = str(folder / f"{name}.csv")
        getattr(made_up, name).to_csv(files[name], index=False)
    files["predictions"] = str(folder / "predictions.nc")
    write_predictions(files["predictions"], predictions(n_inputs=3), {"trial": 1, "seed": 0})
    files["manifest"] = str(folder / "manifest.json")
    write_json(files["manifest"], made_up.manifest)
    return files
