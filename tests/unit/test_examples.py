"""The examples write data that their configs take."""

import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import yaml
from small_study import REPOSITORY

from twostep.config.preflight import check_data, list_files
from twostep.config.resolve import resolve_config


# The values of the output of each study, where it is one of classes or events.
@pytest.mark.parametrize(
    ("script", "studies"),
    [
        ("flights", {"flights": None, "late": {0, 1}}),
        ("photos", {"photos": set(range(7))}),
        ("words", {"words": set(range(10))}),
    ],
)
def test_an_example_writes_data_that_its_configs_take(tmp_path, monkeypatch, script, studies):
    program = REPOSITORY / f"examples/{script}.py"
    subprocess.run([sys.executable, program], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    for study, classes in studies.items():
        text = (REPOSITORY / f"config/{study}.yaml").read_text(encoding="utf-8")
        config = resolve_config(yaml.safe_load(text))
        files = list_files(config["dataset"]["files"])
        check_data(config, files, memory=tmp_path / f"{study}.json")
        with netCDF4.Dataset(files[0]) as data:
            output = data[config["dataset"]["outputs"][0]["name"]]
            # Missing values are masked or NaN.
            values = np.ma.masked_invalid(output[:]).compressed()
        if classes is not None:
            assert set(np.unique(values).tolist()) == classes
