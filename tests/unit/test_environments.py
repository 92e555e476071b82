"""The conda environment pins the same versions as the pip requirements."""

import re
from pathlib import Path

import yaml

ENVS = Path(__file__).parents[2] / "envs"
# Names that differ between the two worlds. Outside the environments of rules are Snakemake itself
# and what shows a run to a person.
CONDA_NAMES = {"torch": "pytorch", "netCDF4": "netcdf4"}
ONLY_PIP = {
    "rich",
    "snakemake",
    "snakemake-executor-plugin-slurm",
    "snakemake-logger-plugin-rich",
}


def test_conda_and_pip_pin_the_same_versions():
    lines = (ENVS / "requirements.txt").read_text().splitlines()
    pip = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    expected = {
        # Conda has no post-releases: they only repackage the wheels.
        CONDA_NAMES.get(name, name): re.sub(r"\.post\d+$", "", version)
        for name, version in pip.items()
        if name not in ONLY_PIP
    }
    entries = yaml.safe_load((ENVS / "environment.yaml").read_text())["dependencies"]
    conda = dict(entry.split("=") for entry in entries)
    assert conda.pop("python") == "3.11"
    assert conda == expected
