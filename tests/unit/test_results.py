"""From trial records to the ranking, the retrained table and the selection."""

import math

import pandas as pd
import pytest

from twostep.trials.ranking import draw_controls, find_others, rank, select_top
from twostep.trials.selection import retrained_table, select, standard_error
from twostep.util.errors import UserError


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
        "best_epoch": None if status == "failed" else 3,
        "updates": 80,
        "stop_reason": "max_epochs" if status == "ok" else "",
        "min_val_loss": loss,
        "val_loss_per_output": {} if loss is None else {"y": loss},
        "collapsed_outputs": [],
        "train_loss": [] if status == "failed" else [0.9, 0.8, 0.7, 0.6, 0.5],
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
    table = rank(records[::-1], trials=range(5), output_names=["y"], max_failed=0.5)
    assert table["trial"].tolist() == [2, 3, 0, 1, 4]
    assert table["rank"].tolist()[:3] == [1, 2, 3]
    assert table["rank"].isna().tolist() == [False] * 3 + [True] * 2
    assert table.loc[3, "message"] == "boom"
    assert table.loc[0, "val_loss[y]"] == 0.1
    # That of the best epoch, which is the third.
    assert table["train_loss"].tolist()[:3] == [0.7] * 3 and pd.isna(table.loc[3, "train_loss"])


def with_settings(record, **settings):
    return record | {"configuration": record["configuration"] | settings}


def test_further_settings_are_columns_where_a_trial_does_not_have_the_default():
    plain = [record(i, 1 - i / 10) for i in range(3)]
    scheduled = with_settings(record(3, 0.5), learning_rate_schedule="one_cycle", warmup=0.1)
    columns = list(rank(plain, trials=range(3), output_names=["y"], max_failed=0.5))
    table = rank([*plain, scheduled], trials=range(4), output_names=["y"], max_failed=0.5)
    place = columns.index("dropout") + 1
    further = ["learning_rate_schedule", "warmup"]
    assert list(table) == columns[:place] + further + columns[place:]
    by_trial = table.set_index("trial")
    assert by_trial.loc[0, further].tolist() == ["constant", 0.0]
    assert by_trial.loc[3, further].tolist() == ["one_cycle", 0.1]


def test_the_cut_takes_the_best_that_succeeded(tmp_path):
    records = [record(i, 1 - i / 10) for i in range(5)]
    records.append(record(5, None, status="failed"))
    path = tmp_path / "trials.csv"
    rank(records, trials=range(6), output_names=["y"], max_failed=0.5).to_csv(path, index=False)
    table = pd.read_csv(path)
    assert select_top(table, 2) == [4, 3]
    assert select_top(table, 6) == [4, 3, 2, 1, 0]


def ranking_of(losses):
    """Return the ranked table of trials with these losses; None is a failed trial."""
    records = [
        record(trial, loss, status="failed" if loss is None else "ok")
        for trial, loss in enumerate(losses)
    ]
    return rank(records, trials=range(len(records)), output_names=["y"], max_failed=0.9)


def test_controls_come_from_those_that_succeeded_everywhere_and_none_chose():
    first = ranking_of([0.1, 0.2, 0.3, 0.4, None, 0.6, 0.7])
    second = ranking_of([0.7, 0.6, 0.5, None, 0.3, 0.2, 0.1])
    # The first chooses 0, the second 6; 3 and 4 failed in one of them.
    assert find_others([first, second], top_k=1) == {1, 2, 5}
    draw = draw_controls([first, second], top_k=1, n_controls=9, seed=1)
    assert sorted(draw) == [1, 2, 5]
    assert draw_controls([first, second], top_k=1, n_controls=0, seed=1) == []


def test_a_larger_number_of_controls_only_adds():
    ranking = ranking_of(range(300))
    draws = [draw_controls([ranking], top_k=10, n_controls=n, seed=1) for n in (5, 20, 290)]
    assert draws[0] == draws[1][:5] and draws[1] == draws[2][:20]
    assert sorted(draws[2]) == list(range(10, 300))
    assert draws[1] != draw_controls([ranking], top_k=10, n_controls=20, seed=2)
    # At random: neither the best nor the worst of the others.
    assert 100 < sum(draws[1]) / 20 < 210


def test_another_cut_or_ranking_replaces_only_controls_that_it_chooses_itself():
    ranking, n_controls = ranking_of(range(300)), 20
    draw = draw_controls([ranking], top_k=10, n_controls=n_controls, seed=1)
    larger = draw_controls([ranking], top_k=50, n_controls=n_controls, seed=1)
    kept = [trial for trial in draw if trial >= 50]
    assert 0 < len(kept) < n_controls
    assert larger[: len(kept)] == kept
    reordered = ranking_of([(trial - 40) ** 2 for trial in range(300)])
    chosen = set(select_top(reordered, 10))
    other = draw_controls([reordered], top_k=10, n_controls=n_controls, seed=1)
    assert set(draw) - chosen <= set(other)
    # More trials push some controls out of the draw, and bring them into no other order.
    more = draw_controls([ranking_of(range(400))], top_k=10, n_controls=n_controls, seed=1)
    assert [trial for trial in more if trial < 300] == draw[: sum(trial < 300 for trial in more)]


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
        rank([record(i, 0.1) for i in trials], trials=range(3), output_names=["y"], max_failed=0.5)
    assert fragment in str(error.value)


def test_too_many_failures_stop_the_ranking():
    records = [record(i, 0.1) for i in range(2)]
    records += [record(2, None, status="out_of_memory", message="no room")]
    records += [record(i, None, status="diverged", message="not finite") for i in (3, 4)]
    with pytest.raises(UserError) as error:
        rank(records, trials=range(5), output_names=["y"], max_failed=0.5)
    sentence = str(error.value)
    assert "3 of 5 trials (60 %) failed, more than search.max_failed = 50 %" in sentence
    assert "(2 diverged, 1 out of memory); 2 of them say: not finite" in sentence
    assert len(rank(records, trials=range(5), output_names=["y"], max_failed=0.6)) == 5


def test_ranking_refuses_a_search_in_which_nothing_succeeded():
    records = [record(i, None, status="failed", message="no such thing") for i in range(3)]
    with pytest.raises(UserError, match=r"3 of 3 trials failed.*3 of them say: no such thing"):
        rank(records, trials=range(3), output_names=["y"], max_failed=1)


def evaluation(mse, blocks=None):
    metrics = {"mse": mse, "rmse": mse**0.5, "mae": mse, "r2": 1 - mse}
    errors = {"n_test": 10, "test_loss": mse, "overall": metrics, "per_output": {"y": metrics}}
    return {**errors, "validation_blocks": blocks or [0.1, 0.3]}


FAILED = {"n_test": 10, "test_loss": None, "overall": {}, "per_output": {}, "validation_blocks": []}


def table_of(records, evaluations, top_k=6):
    ranking = rank(
        [record(i, 0.5 + i / 10) for i in range(6)],
        trials=range(6),
        output_names=["y"],
        max_failed=0.5,
    )
    return retrained_table(records, evaluations, {"0.1": ranking}, top_k)


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


def test_a_trial_of_another_configuration_is_not_taken_for_the_same():
    other = record(1, 0.1)
    other["configuration"] = other["configuration"] | {"learning_rate": 0.5}
    with pytest.raises(
        UserError, match=r"trial 1 was retrained with another learning_rate \(0.5\)"
    ):
        table_of([other], [evaluation(0.1)])


def test_the_table_of_retrained_models_has_the_columns_of_the_ranking():
    searched = [record(i, 0.5 + i / 10) for i in range(6)]
    searched[5] = with_settings(searched[5], optimizer="sgd", momentum=0.9)
    ranking = rank(searched, trials=range(6), output_names=["y"], max_failed=0.5)
    table = retrained_table([record(1, 0.1)], [evaluation(0.1)], {"0.1": ranking}, 6)
    assert table["momentum"].tolist() == [0.0]
    with pytest.raises(UserError, match="trial 5 was retrained with another optimizer"):
        retrained_table([record(5, 0.1)], [evaluation(0.1)], {"0.1": ranking}, 6)


def test_a_further_setting_that_the_search_did_not_have_is_another_configuration():
    other = with_settings(record(1, 0.1), beta1=0.5)
    with pytest.raises(
        UserError, match=r"another beta1 \(0.5\) than it has .* fraction 0.1 \(0.9\)"
    ):
        table_of([other], [evaluation(0.1)])


def test_selection_among_failures_is_an_error():
    table = table_of([record(1, None, status="failed")], [FAILED])
    with pytest.raises(UserError, match="each of the retrained trials failed"):
        select(table, {(1, 0): "m"}, tolerance=0.1, cost="parameters")


def test_a_control_is_told_from_the_chosen_and_may_be_the_best():
    records = [record(5, 0.1), record(2, 0.2), record(0, 0.3)]
    table = table_of(records, [evaluation(0.1)] * 3, top_k=3)
    assert table["trial"].tolist() == [5, 2, 0]
    assert table["control"].tolist() == [True, False, False]
    models = {(entry["trial"], 0): "m" for entry in records}
    assert select(table, models, tolerance=0, cost="parameters")["trial"].tolist() == [5, 5]


def test_standard_errors_by_hand():
    assert standard_error([1.0, 2.0, 3.0]) == pytest.approx(1 / 3**0.5)
    assert math.isnan(standard_error([1.0]))
    records = [record(1, 0.2), record(2, 0.25), record(3, None, status="failed")]
    blocks = ([0.1, 0.3], [0.12, 0.38])
    table = table_of(records, [*(evaluation(0.1, list(each)) for each in blocks), FAILED])
    assert table["val_loss_error"].tolist()[:2] == pytest.approx([0.1, 0.13])
    # Differences of 0.02 and 0.08 from the best: what both models find hard cancels.
    assert table["difference_error"].tolist()[:2] == pytest.approx([0, 0.03])
    assert table.loc[2, ["val_loss_error", "difference_error"]].isna().all()


def test_the_difference_is_one_of_means_over_the_seeds():
    records = [record(1, 0.2), record(2, 0.3, seed=0), record(2, 0.3, seed=1)]
    blocks = ([0.2, 0.2], [0.2, 0.4], [0.4, 0.2])
    table = table_of(records, [evaluation(0.1, list(each)) for each in blocks])
    # Trial 2 is 0.3 in both blocks.
    assert table["difference_error"].tolist() == pytest.approx([0, 0, 0], abs=1e-12)
