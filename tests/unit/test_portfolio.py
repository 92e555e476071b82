"""The portfolio: which retrained models it has, and what its page says of them."""

import pandas as pd
import pytest

from twostep.analysis.portfolio import choose_portfolio
from twostep.report.portfolio import portfolio_page
from twostep.util.errors import UserError
from twostep.util.tables import read_table, write_table


def row(trial, loss, *, parameters=100, operations=None, seed=0, test=0.5, **others):
    return {
        "trial": trial,
        "seed": seed,
        "n_parameters": parameters,
        "n_operations": operations or parameters,
        "n_hidden_layers": 1,
        "hidden_widths": "8",
        "learning_rate": 0.01,
        "status": "ok",
        "min_val_loss": loss,
        "test_mse": test,
        **others,
    }


def choose(rows, times=None, selected=0):
    """Return the portfolio; `times` in batches of 64, else those of the operations."""
    trials = {each["trial"]: each["n_operations"] for each in rows} | (times or {})
    inference = [
        {"trial": trial, "batch_size": size, "seconds_per_sample": sign * time}
        for trial, time in trials.items()
        # Which other batch sizes would put into another order.
        for size, sign in ((1, -1), (64, 1), (1024, -1))
    ]
    selection = pd.DataFrame({"choice": ["best", "selected"], "trial": [0, selected]})
    return choose_portfolio(pd.DataFrame(rows), pd.DataFrame(inference), selection)


def fronts(table, cost):
    return table.loc[table[f"front[{cost}]"], "trial"].tolist()


def test_it_has_what_no_other_beats_by_one_of_the_costs():
    rows = [
        row(0, 0.1, parameters=400),
        row(1, 0.2, parameters=200, operations=100),
        row(2, 0.3, parameters=100, operations=150),
        # Beaten by all costs but time, and by all of them.
        row(3, 0.4, parameters=300),
        row(4, 0.5, parameters=500),
    ]
    table = choose(rows, {0: 9.0, 1: 5.0, 2: 6.0, 3: 1.0, 4: 7.0}, selected=1)
    assert table["trial"].tolist() == [2, 1, 3, 0]
    assert fronts(table, "parameters") == [2, 1, 0]
    assert fronts(table, "operations") == [1, 0]
    assert fronts(table, "time") == [1, 3, 0]
    assert table.loc[table["selected"], "trial"].tolist() == [1]
    assert table["relative_val_loss"].tolist() == pytest.approx([3, 2, 4, 1])


def test_of_equals_the_first_trial_stays():
    equal = [row(trial, 0.1) for trial in (5, 3, 4)]
    assert choose([*equal, row(6, 0.1, parameters=101)])["trial"].tolist() == [3]


def test_seeds_count_by_their_mean_and_the_best_of_them_is_handed_over():
    rows = [
        row(0, 0.1, seed=0),
        row(0, 0.3, seed=1),
        row(1, 0.19, seed=0),
        row(1, 0.18, seed=1),
        row(2, 0.01, seed=0, parameters=10),
        row(2, None, seed=1, parameters=10, status="diverged"),
    ]
    table = choose(rows)
    assert table[["trial", "seed"]].to_numpy().tolist() == [[1, 1]]
    assert table.at[0, "val_loss"] == pytest.approx(0.185)
    with pytest.raises(UserError, match="each of the retrained trials failed"):
        choose([row(2, None, status="failed")])


def test_the_test_split_has_no_say():
    rows = [row(0, 0.1), row(1, 0.2, parameters=50), row(2, 0.3, parameters=70)]
    before = choose(rows)
    for each, test in zip(rows, (0.9, 0.5, 0.001), strict=True):
        each["test_mse"] = test
    after = choose(rows)
    assert after["trial"].tolist() == before["trial"].tolist() == [1, 0]
    assert after["test_mse"].tolist() == [0.5, 0.9]


def page_of(table, tmp_path, **settings):
    write_table(tmp_path / "portfolio.csv", table)
    read = read_table(tmp_path / "portfolio.csv")
    folders = [f"export/trial_{trial}" for trial in table["trial"]]
    return portfolio_page(read, "small", folders, **{"n_seeds": 1, "empty": [], **settings})


def test_the_page_links_each_model_and_names_its_costs(tmp_path):
    rows = [row(0, 0.1, parameters=400), row(1, 0.2, operations=150), row(2, 0.3, parameters=120)]
    page = page_of(choose(rows, {0: 3e-6, 1: 2e-6, 2: 1e-6}), tmp_path)
    assert page.startswith("# Portfolio of the study `small`: 3 models\n")
    model = "[trial 0](export/trial_0/model_card.md), selected | 1 hidden layer (8), 400 learnable"
    assert model in page
    assert "| 120 | 1 µs | 0.3 | 3.000 | operations, time |" in page
    assert "Only a run in your climate model decides" in page
    assert "networks" not in page and "Fortran" not in page


def test_the_page_of_one_model_of_several_networks_of_the_users_own(tmp_path):
    own = row(0, 0.1) | {"test_accuracy": 0.9}
    own = {name: own[name] for name in own if name not in ("n_hidden_layers", "hidden_widths")}
    places = list(own)
    places.insert(4, "channels")
    table = choose([{name: (own | {"channels": 7})[name] for name in places}])
    assert table.at[0, "test_accuracy"] == 0.9
    page = page_of(table, tmp_path, n_seeds=3, empty=["export/trial_0/model.onnx"])
    assert "`small`: 1 model\n" in page and "| channels 7, 100 learnable parameters |" in page
    assert "Each trial has 3 networks, and its loss is their mean." in page
    assert "There are no text files for Fortran" in page
    assert "`export/trial_0/model.onnx` is empty. The model card beside it says why." in page
