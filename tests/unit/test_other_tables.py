"""Tables of losses of other tools, and the command that reads them."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from findings import numbers
from simulated_studies import simulate

from twostep.analysis.other_tables import read_steps
from twostep.util.errors import UserError

SCRIPT = Path(__file__).parents[2] / "workflow" / "scripts" / "remaining.py"


def write(path, rows):
    path.write_text("step_1_loss,step_2_loss,control\n" + "\n".join(rows) + "\n")
    return path


def test_a_table_by_hand(tmp_path):
    rows = ["0.3,,false", "0.1,0.01,no", ",,", "0.2,0.03,True", "0.4,,"]
    steps, n_trials = read_steps(write(tmp_path / "t.csv", rows))
    assert n_trials == 4
    assert steps["step_1_rank"].tolist() == [1, 2]
    assert steps["step_2_loss"].tolist() == [0.01, 0.03]
    assert steps["control"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["0.1,x,no"], r"t.csv, row 2: step_2_loss must be a number above 0 or empty, not 'x'"),
        (["0.1,,no", "-1,,no"], r"row 3: step_1_loss must be a number above 0 or empty, not '-1'"),
        (["0.1,,perhaps"], r"row 2: control must be true or false, not 'perhaps'"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, rows, sentence):
    with pytest.raises(UserError, match=sentence):
        read_steps(write(tmp_path / "t.csv", rows))


def test_a_missing_column_or_file_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("step_1_los,control\n1,no\n")
    with pytest.raises(UserError, match="no column 'step_1_loss'; did you mean 'step_1_los'"):
        read_steps(tmp_path / "t.csv")
    with pytest.raises(UserError, match="cannot be read as a CSV table"):
        read_steps(tmp_path / "none.csv")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["remaining.py", *arguments])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_the_command_answers_in_a_sentence(tmp_path, monkeypatch, capsys):
    study = simulate(np.random.default_rng(1), correlation=0.95)
    table = pd.DataFrame({"step_1_loss": np.arange(1.0, 401), "step_2_loss": None})
    table["control"] = False
    for row in study.steps.itertuples():
        table.loc[row.step_1_rank - 1, ["step_2_loss", "control"]] = row.step_2_loss, row.control
    table.to_csv(tmp_path / "t.csv", index=False)
    run(monkeypatch, str(tmp_path / "t.csv"), "--tolerance", "0.25")
    told = capsys.readouterr().out
    assert "were enough" in told and numbers(told)[-1] == 20
    for wrong in (["--tolerance", "-1"], ["--tolerance", "nan"], ["--top-k", "0"]):
        with pytest.raises(SystemExit, match=f"Error: {wrong[0]} is {wrong[1]}: it must be"):
            run(monkeypatch, str(tmp_path / "t.csv"), *wrong)
    table.assign(step_2_loss=None).to_csv(tmp_path / "untrained.csv", index=False)
    with pytest.raises(SystemExit, match="no trial with both losses"):
        run(monkeypatch, str(tmp_path / "untrained.csv"))
    with pytest.raises(SystemExit, match=r"Error: .*cannot be read"):
        run(monkeypatch, str(tmp_path / "none.csv"))
