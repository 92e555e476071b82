"""A first config for a user's file runs as it is."""

import subprocess
import sys

import numpy as np
import pandas as pd
import yaml


def test_the_config_that_is_written_runs(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    random = np.random.default_rng(1)
    x = random.normal(280, 10, 800)
    aerosol = 10 ** random.uniform(0, 4, 800)
    data = {"ta (K)": x, "N/A": aerosol, "taux, réel": x * np.log10(aerosol)}
    # With the numbers of the rows, as pandas writes them.
    pd.DataFrame(data).to_csv(study.folder / "mine.csv")
    script = "workflow/scripts/write_config.py"
    options = ["--outputs", "taux, réel", "--study", "small", "--to", "mine.yaml"]
    command = [sys.executable, script, "mine.csv", *options]
    done = subprocess.run(command, cwd=study.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "mine.yaml is written" in done.stdout
    # A second time nothing is overwritten.
    again = subprocess.run(command, cwd=study.folder, capture_output=True, text=True)
    assert again.returncode == 1
    assert (
        again.stderr.startswith("Error: mine.yaml exists already")
        and "Traceback" not in again.stderr
    )
    # Fewer trials of smaller networks, so that the test is short.
    study.config = yaml.safe_load((study.folder / "mine.yaml").read_text())
    study.config["search"] |= {"n_trials": 6, "budget": {"max_epochs": 3}}
    study.config["retrain"]["top_k"] = 2
    study.config["search"]["space"]["width"] = [8, 16]
    work = study.run("search")
    assert work.trials("0.5") == list(range(6))
