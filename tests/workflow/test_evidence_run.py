"""The workflow of evidence/ trains a matrix, with real Snakemake."""

import subprocess
import sys

import numpy as np
import yaml
from small_study import REPOSITORY

from matrix.load import Matrix


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
