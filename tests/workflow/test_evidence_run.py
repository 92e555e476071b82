"""The workflow of evidence/ trains a matrix, with real Snakemake."""

import subprocess
import sys

import numpy as np
import xarray as xr
import yaml
from own_networks import write_network
from small_study import REPOSITORY

from matrix.load import Matrix
from matrix.tables import read_column


def run(folder, *arguments):
    """Run the workflow of the evidence in a folder that holds the config of a small matrix."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", REPOSITORY / "evidence/Snakefile"]
    command += ["--cores", "2", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)


def test_a_matrix_is_trained_and_an_end_costs_nothing(fresh, tmp_path):
    study = dict(fresh.config, study="tiny", training={"output_activation": "sigmoid"})
    study["dataset"] = dict(study["dataset"], files=str(fresh.folder / "data.nc"))
    (tmp_path / "tiny_study.yaml").write_text(yaml.safe_dump(study))
    setting = {"learning_rate": 0.003, "learning_rate_schedule": "one_cycle", "warmup": 0.1}
    columns = [
        {"samples": [80], "epochs": [3], "repetitions": [0, 1]},
        {"samples": ["all"], "epochs": [2], "repetitions": [0]},
        {"samples": ["all"], "epochs": [4], "repetitions": [0], "best": 2},
    ]
    entry = {
        "study": str(tmp_path / "tiny_study.yaml"),
        "trials": 6,
        "reference": "quick-all-2-0",
        "columns": [{"setting": "quick", **column} for column in columns],
    }
    config = {"matrices": {"tiny": entry}, "settings": {"quick": setting}, "block_size": 4}
    config["n_validation"] = 50
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--configfile", "tiny.yaml", "--config", "matrix=tiny"]
    process = run(tmp_path, *arguments)
    assert process.returncode == 0, process.stdout + process.stderr
    folder = tmp_path / "evidence" / "matrices"
    matrix = Matrix("tiny", folder)
    first, again = (matrix.column("quick", 80, 3, number) for number in (0, 1))
    assert first.n_train == 80
    assert first.curves.shape == (6, 3)
    # Other draws, and other samples.
    assert (first.losses != again.losses).all()
    on_all = matrix.column("quick", "all", 2, 0)
    best = np.flatnonzero(~np.isnan(matrix.column("quick", "all", 4, 0).seconds))
    assert set(best) == set(np.argsort(on_all.all_losses)[:2])
    # What the trials' networks are is known without the trainings.
    assert matrix.trials["n_parameters"].gt(0).all()
    before = (folder / "tiny" / "quick-80-3-0.csv.xz").read_bytes()
    # The trials come from the journal: their times are the same to the last digit.
    for block in (tmp_path / "results/tiny/matrix/quick-80-3-0").iterdir():
        block.unlink()
    process = run(tmp_path, *arguments)
    assert process.returncode == 0, process.stdout + process.stderr
    assert (folder / "tiny" / "quick-80-3-0.csv.xz").read_bytes() == before


def test_a_matrix_must_be_named(tmp_path):
    process = run(tmp_path, "--dry-run")
    assert process.returncode != 0
    assert "say which matrix: --config matrix=" in process.stdout
    assert "Traceback" not in process.stdout + process.stderr


def test_a_matrix_of_classes_and_networks_of_ones_own(tmp_path):
    rng = np.random.default_rng(1)
    profiles = rng.normal(size=(400, 3))
    classes = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "down up"}
    made_up = {
        "profile": (("sample", "level"), profiles),
        "kind": ("sample", (profiles.sum(axis=1) > 0).astype(np.int8), classes),
    }
    xr.Dataset(made_up).to_netcdf(tmp_path / "data.nc")
    study = {
        "study": "tiny",
        "dataset": {
            "files": str(tmp_path / "data.nc"),
            "inputs": [{"name": "profile"}],
            "outputs": [{"name": "kind"}],
        },
        "training": {"loss": "cross_entropy"},
        "network": {"file": str(write_network(tmp_path))},
        "search": {
            "n_trials": 40,
            "fractions": [0.5],
            "space": {
                "hyperparameters": {"width": {"min": 2, "max": 99, "integer": True}, "share": 0.1},
                "batch_size": 32,
            },
        },
    }
    (tmp_path / "tiny_study.yaml").write_text(yaml.safe_dump(study))
    column = {"setting": "quick", "samples": [80], "epochs": [2], "repetitions": [0]}
    entry = {"study": str(tmp_path / "tiny_study.yaml"), "trials": 3, "columns": [column]}
    config = {"matrices": {"tiny": {**entry, "reference": "quick-80-2-0"}}}
    config["settings"] = {"quick": {"learning_rate": 0.003}}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(config))
    process = run(tmp_path, "--configfile", "tiny.yaml", "--config", "matrix=tiny")
    assert process.returncode == 0, process.stdout + process.stderr
    folder = tmp_path / "evidence" / "matrices"
    matrix = Matrix("tiny", folder)
    trained = matrix.column("quick", 80, 2, 0)
    # Nats, and not far above those of a coin.
    assert (trained.test_losses > 0).all() and (trained.test_losses < 2).all()
    widths = matrix.trials["width"]
    # What the network of tests/own_networks.py has, for 3 inputs and 2 outputs.
    assert (matrix.trials["n_parameters"] == 8 * widths + 2).all()
    table = read_column(folder / "tiny" / "quick-80-2-0.csv.xz")
    assert table["test_accuracy"].between(0, 1).all()
