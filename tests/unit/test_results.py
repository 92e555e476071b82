"""From trial records to the ranking, the retrained table and the selection."""

import pandas as pd
import pytest

from twostep.errors import UserError
from twostep.ranking import rank, select_top
from twostep.selection import retrained_table, select


def record(trial, loss, *, status="ok", widths=(8,), seed=0, n_parameters=None, message=""):
    return {
        "trial": trial,
        "seed": seed,
        "status": status,
        "message": message,
        "configuration": {
            "hidden_widths": list(widths),
            "learning_rate": 1e-3,
            "batch_size": 64,
            "activation": "relu",
            "optimizer": "adam",
            "weight_decay": 0.0,
            "dropout": 0.0,
        },
        "n_parameters": n_parameters or 100 * (trial + 1),
        "n_operations": 90 * (trial + 1),
        "n_train": 1000,
        "n_validation": 100,
        "epochs": 5,
        "best_epoch": 3,
        "updates": 80,
        "stop_reason": "max_epochs" if status == "ok" else "",
        "min_val_loss": loss,
        "val_loss_per_output": {} if loss is None else {"y": loss},
        "collapsed_outputs": [],
        "train_loss": [],
        "val_loss": [],
    }


def test_ranking_orders_by_loss_then_id_and_keeps_failed_trials():
    records = [
        record(0, 0.3),
        record(1, None, status="failed", message="boom"),
        record(2, 0.1),
        record(3, 0.1),
        record(4, 0.01, status="diverged"),
    ]
    table = rank(records[::-1], n_trials=5, output_names=["y"], max_failed=0.5)
    assert table["trial"].tolist() == [2, 3, 0, 1, 4]
    assert table["rank"].tolist()[:3] == [1, 2, 3]
    assert table["rank"].isna().tolist() == [False] * 3 + [True] * 2
    assert table.loc[3, "message"] == "boom"
    assert table.loc[0, "val_loss[y]"] == 0.1


def test_the_cut_takes_the_best_that_succeeded(tmp_path):
    records = [record(i, 1 - i / 10) for i in range(5)]
    records.append(record(5, None, status="failed"))
    path = tmp_path / "trials.csv"
    rank(records, n_trials=6, output_names=["y"], max_failed=0.5).to_csv(path, index=False)
    table = pd.read_csv(path)
    assert select_top(table, 2) == [4, 3]
    assert select_top(table, 6) == [4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("trials", "fragment"),
    [
        ([0, 2], "1 missing trials (the first: 1)"),
        ([0, 1, 1, 2], "1 repeated trials (the first: 1)"),
        ([0, 1, 2, 7], "1 unknown trials (the first: 7)"),
    ],
)
def test_ranking_refuses_incomplete_results(trials, fragment):
    with pytest.raises(UserError) as error:
        rank([record(i, 0.1) for i in trials], n_trials=3, output_names=["y"], max_failed=0.5)
    assert fragment in str(error.value)


def test_too_many_failures_stop_the_ranking():
    records = [record(i, 0.1) for i in range(2)]
    records += [record(2, None, status="out_of_memory", message="no room")]
    records += [record(i, None, status="diverged", message="not finite") for i in (3, 4)]
    with pytest.raises(UserError) as error:
        rank(records, n_trials=5, output_names=["y"], max_failed=0.5)
    sentence = str(error.value)
    assert "3 of 5 trials (60 %) failed, more than search.max_failed = 50 %" in sentence
    assert "(2 diverged, 1 out of memory); 2 of them say: not finite" in sentence
    assert len(rank(records, n_trials=5, output_names=["y"], max_failed=0.6)) == 5


def test_ranking_refuses_a_search_in_which_nothing_succeeded():
    records = [record(i, None, status="failed", message="no such thing") for i in range(3)]
    with pytest.raises(UserError, match=r"3 of 3 trials failed.*3 of them say: no such thing"):
        rank(records, n_trials=3, output_names=["y"], max_failed=1)


def evaluation(mse):
    metrics = {"mse": mse, "rmse": mse**0.5, "mae": mse, "r2": 1 - mse}
    return {"n_test": 10, "test_loss": mse, "overall": metrics, "per_output": {"y": metrics}}


FAILED = {"n_test": 10, "test_loss": None, "overall": {}, "per_output": {}}


def table_of(records, evaluations):
    ranking = rank(
        [record(i, 0.5 + i / 10) for i in range(6)], n_trials=6, output_names=["y"], max_failed=0.5
    )
    return retrained_table(records, evaluations, {"0.1": ranking})


def test_selection_takes_the_cheapest_within_the_tolerance_by_validation_loss_alone():
    records = [record(5, 0.100), record(2, 0.104), record(1, 0.106), record(0, 0.2)]
    # The test split prefers trial 0, and must have no say.
    table = table_of(records, [evaluation(mse) for mse in (0.4, 0.3, 0.2, 0.001)])
    assert table["trial"].tolist() == [5, 2, 1, 0]
    assert table["rank[0.1]"].tolist() == [6, 3, 2, 1]
    models = {(entry["trial"], 0): f"{entry['trial']}.pt" for entry in records}
    chosen = select(table, models, tolerance=0.05, cost="parameters")
    assert chosen["choice"].tolist() == ["best", "selected"]
    assert chosen["trial"].tolist() == [5, 2]
    assert chosen["model"].tolist() == ["5.pt", "2.pt"]
    assert chosen.loc[1, "relative_val_loss"] == pytest.approx(1.04)
    assert select(table, models, tolerance=0, cost="parameters")["trial"].tolist() == [5, 5]
    assert select(table, models, tolerance=9, cost="operations")["trial"].tolist() == [5, 0]


def test_several_seeds_count_by_their_mean_and_a_failed_seed_excludes_its_trial():
    records = [
        record(1, 0.1, seed=0),
        record(1, 0.3, seed=1),
        record(2, 0.15, seed=0),
        record(2, 0.14, seed=1),
        record(3, 0.01, seed=0),
        record(3, None, seed=1, status="failed"),
    ]
    table = table_of(records, [evaluation(0.1)] * 5 + [FAILED])
    assert table["trial"].tolist() == [2, 2, 1, 1, 3, 3]
    models = {(entry["trial"], entry["seed"]): "m" for entry in records}
    chosen = select(table, models, tolerance=0.1, cost="parameters")
    assert chosen["trial"].tolist() == [2, 2]
    assert chosen["seed"].tolist() == [1, 1]  # the better of its seeds is handed over
    assert chosen.loc[0, "val_loss"] == pytest.approx(0.145)


def test_selection_among_failures_is_an_error():
    table = table_of([record(1, None, status="failed")], [FAILED])
    with pytest.raises(UserError, match="each of the retrained trials failed"):
        select(table, {(1, 0): "m"}, tolerance=0.1, cost="parameters")
