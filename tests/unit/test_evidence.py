"""The matrices of evidence/: their tables, and the policies that are replayed on them."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from make_document import PAGES, TABLE, TABLES, fill

from matrix.columns import Column, read_columns
from matrix.load import FOLDER, Matrix
from matrix.searches import Searches, Seconds, retrain_best
from matrix.tables import SUFFIX, column_table, trials_table, write_compressed
from replay import budgets, comparisons, figures, law, pilots, samplers
from replay.outcomes import find, halves, replay
from replay.policies import (
    Policy,
    Stage,
    first_epochs,
    last_training,
    stopping_epoch,
    training,
    with_patience,
)
from twostep.analysis.advice_prior import PRIOR
from twostep.config.resolve import resolve_config
from twostep.training.configuration import Configuration

CONFIG = yaml.safe_load((FOLDER.parent / "config.yaml").read_text())
N_TRIALS = 40
SPACE = resolve_config(yaml.safe_load((FOLDER.parent / "studies/aerosol.yaml").read_text()))[
    "search"
]["space"]


def entry(trial, curve, *, n_train=100, seconds=1.0, test_loss=None):
    """Return what a block holds of a trial with a loss curve."""
    best = int(np.argmin(curve))
    return {
        "record": {
            "trial": trial,
            "status": "ok",
            "n_train": n_train,
            "epochs": len(curve),
            "best_epoch": best + 1,
            "updates": len(curve),
            "min_val_loss": float(curve[best]),
            "train_loss": [float(loss) for loss in curve],
            "val_loss": [float(loss) for loss in curve],
        },
        "timing": {
            "train_cpu_seconds": seconds,
            "validation_cpu_seconds": seconds / 2,
            "processor": "a processor",
            "torch": "2",
            "numpy": "2",
        },
        "errors": {
            "val_loss_all": float(curve[best]),
            "test_loss": float(curve[best]) if test_loss is None else test_loss,
            "test_rmse": math.sqrt(curve[best]),
        },
    }


def write_matrix(folder, columns, n_trials=N_TRIALS):
    """Write a matrix in which each trial has the curves that `columns` gives, by column."""
    place = folder / "made_up"
    place.mkdir()
    networks = [
        (Configuration((trial + 1,), 1e-3, 8, "relu", "adam", 0.0, 0.0), None)
        for trial in range(n_trials)
    ]
    write_compressed(place / f"trials{SUFFIX}", trials_table(networks, 1, 1))
    (place / "provenance.json").write_text(json.dumps({"splits": {"training": 1600}}))
    for name, entries in columns.items():
        write_compressed(place / f"{name}{SUFFIX}", column_table(entries))
    return Matrix("made_up", folder)


@pytest.fixture
def matrix(tmp_path):
    """Return a matrix whose order on 100 samples is that on all data, but for the two best."""
    losses = np.linspace(1, 2, N_TRIALS)
    swapped = losses.copy()
    swapped[[0, 1]] = losses[[1, 0]]
    return write_matrix(
        tmp_path,
        {
            "one_cycle-100-4-0": [
                entry(trial, [3, 2.5, loss, loss], seconds=1) for trial, loss in enumerate(swapped)
            ],
            "one_cycle-all-4-0": [
                entry(trial, [3, 2.5, loss, loss], n_train=1600, seconds=16)
                for trial, loss in enumerate(losses)
            ],
            "one_cycle-all-8-0": [
                entry(trial, [3] + [0.98 * loss] * 7, n_train=1600, seconds=32)
                for trial, loss in enumerate(losses[:10])
            ],
        },
    )


def test_repetitions_have_samples_of_their_own_and_fewer_are_contained_in_more():
    few, many = (Column("one_cycle", str(n), 10, 2) for n in (25, 100))
    assert few.rows(400) == slice(200, 225)
    assert many.rows(400) == slice(200, 300)
    # More than a quarter: there are not enough of them.
    assert Column("one_cycle", "101", 10, 2).rows(400) == slice(0, 101)
    assert Column("one_cycle", "all", 10, 2).rows(400) == slice(0, 400)


def test_the_committed_columns_are_those_of_the_config_and_hold_their_trials():
    for name, described in CONFIG["matrices"].items():
        expected = {column.name: column for column in read_columns(described["columns"])}
        if not (FOLDER / name).exists():
            continue
        found = Matrix(name)
        assert len(found.trials) == described["trials"]
        for column in found.names():
            setting, samples, epochs, repetition = column.split("-")
            trained = found.column(setting, samples, int(epochs), int(repetition))
            n_trained = int((~np.isnan(trained.seconds)).sum())
            assert n_trained == (expected[column].best or described["trials"]), column
            assert trained.epochs <= expected[column].epochs


def test_no_table_stands_on_two_pages():
    names = [
        name for page in PAGES for _, name, _ in TABLE.findall(page.read_text(encoding="utf-8"))
    ]
    assert len(names) == len(set(names))
    assert set(names) <= set(TABLES)


def test_the_pages_have_the_tables_that_the_matrices_give():
    """Those that take seconds; `python evidence/make_document.py` makes all of them."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    tables = (
        "aerosol_halving",
        "ten_million_two_steps",
        "million_budgets",
        "aerosol_networks",
        "words_networks",
    )
    assert all(f"<!-- table: {name} -->" in text for name in tables)
    assert fill(text, tables) == text


def test_a_table_gives_back_what_was_written(matrix):
    column = matrix.column("one_cycle", "all", 4, 0)
    assert column.losses[0] == 1
    assert column.curves[0].tolist() == [3, 2.5, 1, 1]
    assert column.seconds[0] == 24
    # 1 input, 1 hidden unit, 1 output: 4 parameters.
    assert column.work[0] == 1600 * 4 * 4
    assert matrix.repetitions("one_cycle", "all", 4) == [0]
    # Only some of the trials.
    assert matrix.repetitions("one_cycle", "all", 8) == []


def test_two_steps_cost_what_they_train_and_find_what_they_retrain(matrix):
    first = matrix.column("one_cycle", 100, 4, 0)
    last = last_training(matrix.column("one_cycle", "all", 4, 0))
    trials = np.arange(N_TRIALS)
    one = replay(Policy((training(first, 0.01),), last), trials)
    # The first of step 1 is the second on all data.
    assert one.winner == 1
    assert one.retrained.tolist() == [1]
    assert one.costs[0] == N_TRIALS * 1.5 + 24
    two = replay(Policy((training(first, 0.05),), last), trials)
    assert two.winner == 0
    everything = replay(Policy((), last), trials)
    assert everything.costs[0] == N_TRIALS * 24
    samples = halves(N_TRIALS, 20)
    findings = find([Policy((training(first, 0.05),), last)], last, last.losses, samples=samples)
    assert (findings.factors[0] == 20 * 24 / (20 * 1.5 + 24)).all()
    assert findings.regrets.min() == 1


def test_a_rung_trains_only_those_that_reach_it(matrix):
    last = last_training(matrix.column("one_cycle", "all", 4, 0))
    stages = [(100, 4, 0.5), (100, 4, 0.05)]
    case = comparisons.brackets(matrix, last, "one_cycle", "one rung", [(1.0, stages)])
    (policy,) = case.policies
    outcome = replay(policy, np.arange(N_TRIALS))
    assert outcome.winner == 0
    # 1.5 s each in step 1 and for half of them in the rung, then 24 s for two.
    assert outcome.costs[0] == N_TRIALS * 1.5 + N_TRIALS / 2 * 1.5 + 2 * 24


@pytest.fixture
def constant(tmp_path):
    """Return a matrix with a constant rate, in which the best trials are the last to get better."""
    losses = np.linspace(1, 2, N_TRIALS)
    curves = [[4.0] * 4 + [loss] * 4 for loss in losses]
    on_few = [entry(trial, curve, seconds=8) for trial, curve in enumerate(curves)]
    on_all = [entry(t, curve, n_train=1600, seconds=64) for t, curve in enumerate(curves)]
    return write_matrix(tmp_path, {"constant-100-8-0": on_few, "constant-all-8-0": on_all})


def test_ends_of_step_1_before_its_end(constant):
    last = last_training(constant.column("constant", "all", 8, 0))
    cases = {
        case.label.partition(", constant rate")[2]: case
        for case in comparisons.from_curves(constant, last, 100, 8, [0.05])
    }
    outcomes = {
        label: replay(case.policies[0], np.arange(N_TRIALS)) for label, case in cases.items()
    }
    names = list(outcomes)
    assert names[0] == "" and "patience 5" in names[1] and "half" in names[3]
    on_all = 2 * 96
    assert outcomes[""].costs[0] == N_TRIALS * 12 + on_all
    # Five epochs without a lower loss never come.
    assert outcomes[names[1]].costs[0] == outcomes[""].costs[0]
    # One epoch of all, one more of a half, two of a quarter, four of an eighth.
    epochs = N_TRIALS + N_TRIALS / 2 + 2 * N_TRIALS / 4 + 4 * N_TRIALS / 8
    assert outcomes[names[3]].costs[0] == epochs * 1.5 + on_all


def test_one_epoch_on_all_data_is_the_first_of_the_training(constant):
    case = comparisons.one_epoch(constant, "constant", 8, 0.05)
    outcome = replay(case.policies[0], np.arange(N_TRIALS))
    assert outcome.costs[0] == N_TRIALS * 12 + 2 * 7 * 12
    # Equal losses are no order: the first ids go on.
    assert outcome.retrained.tolist() == [0, 1]


def test_failed_trials_come_last(matrix):
    last = last_training(matrix.column("one_cycle", "all", 4, 0))
    losses = np.array([np.nan, 2.0, 1.0])
    stage = Stage(losses, np.ones((2, 3)), 0.67)
    assert replay(Policy((stage,), last), np.arange(3)).retrained.tolist() == [2, 1]


def test_halves_are_the_same_each_time():
    first, again = halves(10, 5), halves(10, 5)
    assert [half.tolist() for half in first] == [half.tolist() for half in again]
    assert all(len(set(half)) == 5 for half in first)


@pytest.mark.parametrize(
    ("curve", "patience", "end"),
    [([3, 2, 1], 1, 3), ([1, 2, 2, 0], 2, 3), ([1, 2, 0, 1, 1], 2, 5), ([1, 1, 1], 5, 3)],
)
def test_patience_ends_a_training(curve, patience, end):
    assert stopping_epoch(np.array(curve, float), patience) == end


def test_an_early_end_costs_its_part(matrix):
    column = matrix.column("one_cycle", 100, 4, 0)
    early = first_epochs(column, 2, 0.5)
    assert early.losses[0] == 2.5
    assert early.costs[0, 0] == 0.75
    assert with_patience(column, 1, 0.5).costs[0, 0] == 1.5


def test_a_budget_is_enough_if_twice_as_many_epochs_gain_little():
    assert budgets.shortest_budget({4: 1.0, 8: 0.5, 16: 0.49, 32: 0.48}) == pytest.approx(8)
    assert budgets.shortest_budget({4: 1.0, 8: 0.5}) is None
    # What gains nothing once may gain later.
    assert budgets.shortest_budget({4: 1.0, 8: 1.0, 16: 0.5}) is None
    # 16 times as many epochs for 14 %, that is 3.5 % for twice as many.
    assert budgets.shortest_budget({1: 1.0, 16: 0.86}) == pytest.approx(1)


def test_the_factor_of_other_numbers_of_trials_samples_and_epochs(matrix):
    (point,) = law.points(matrix)
    assert (point.n_samples, point.epochs, point.longest) == (1600, 4, 8)
    assert point.step_1 == (100, 4)
    assert comparisons.is_safe(point.findings)
    factors = point.factors(n_trials=100, n_retrained=1)
    assert factors == pytest.approx(100 * 24 / (100 * 1.5 + 24))
    # Each trial costs the same, so that the draws do not differ.
    twice = point.factors(n_trials=100, n_retrained=1, n_samples=3200)
    assert twice == pytest.approx(100 * 48 / (100 * 1.5 + 48))
    assert point.factors(n_trials=100, n_retrained=1, epochs=8) == pytest.approx(twice)


def test_the_fewest_that_are_safe_are_told(matrix):
    last = last_training(matrix.column("one_cycle", "all", 4, 0))
    cases = list(comparisons.two_steps(matrix, last, "one_cycle", 100, 4))
    ((case, _),) = comparisons.cheapest_safe(comparisons.compare(cases, last, last.losses))
    # Of 20 trials 1, 2 and 4 % are one, which loses little: the second is hardly worse.
    assert case.share == 0.01
    ((case, _),) = comparisons.cheapest_safe(comparisons.compare(cases, last, last.losses**20))
    assert case.share == 0.08


def test_brackets_have_trials_of_their_own(matrix):
    last = last_training(matrix.column("one_cycle", "all", 4, 0))
    parts = [(0.75, [(100, 4, 0.1)]), (0.25, [(100, 4, 0.5), (100, 4, 0.2)])]
    case = comparisons.brackets(matrix, last, "one_cycle", "two brackets", parts)
    outcome = replay(case.policies[0], np.arange(N_TRIALS))
    # The first 30 trials, of which step 1 swaps the first two, and the last 10.
    assert outcome.retrained.tolist() == [1, 0, 2, 30, 31]
    assert outcome.winner == 0
    assert outcome.costs[0] == 40 * 1.5 + 3 * 24 + 5 * 1.5 + 2 * 24


def test_trials_of_a_gpu_cost_what_their_updates_take_on_a_processor(tmp_path):
    """Whose seconds another matrix holds."""
    curve = [2.0, 1.0]
    write_matrix(tmp_path, {"one_cycle-all-2-0": [entry(0, curve, seconds=6)]}, n_trials=1)
    folder = tmp_path / "on_a_gpu"
    (tmp_path / "made_up").rename(tmp_path / "timed")
    moved = write_matrix(tmp_path, {"one_cycle-all-8-0": [entry(0, curve * 4)]}, n_trials=1)
    (tmp_path / "made_up").rename(folder)
    provenance = moved.provenance | {"timed_by": "timed/one_cycle-all-2-0"}
    (folder / "provenance.json").write_text(json.dumps(provenance))
    column = Matrix("on_a_gpu", tmp_path).column("one_cycle", "all", 8, 0)
    # An epoch is an update here, and takes 3 s and 1.5 s of validation.
    assert column.seconds.tolist() == [8 * 4.5]


def test_truth_comes_from_repetitions_that_choose_nothing(tmp_path):
    curves = [[1.0 + trial] for trial in range(4)]
    found = write_matrix(
        tmp_path,
        {
            "one_cycle-all-1-0": [entry(trial, curve) for trial, curve in enumerate(curves)],
            "one_cycle-all-1-1": [entry(0, [2.0]), entry(1, [3.0])],
            "one_cycle-all-1-2": [entry(0, [8.0]), entry(1, [3.0])],
        },
        n_trials=4,
    )
    truth = comparisons.true_losses(found, "one_cycle", 1)
    assert truth == pytest.approx([4.0, 3.0, 3.0, 4.0])


def test_the_same_table_gives_the_same_bytes(tmp_path):
    table = pd.DataFrame({"trial": [0, 1], "val_loss": [0.1, 0.2]})
    for name in ("a", "b"):
        write_compressed(tmp_path / f"{name}{SUFFIX}", table)
    contents = {Path(tmp_path / f"{name}{SUFFIX}").read_bytes() for name in ("a", "b")}
    assert len(contents) == 1


def searches(**changed):
    """Return searches whose trials cost a second each, and whose losses are those of a formula."""
    made_up = {
        "space": SPACE,
        "constraints": {"max_parameters": None, "max_operations": None},
        "n_inputs": 4,
        "n_outputs": 1,
        "seed": 1,
        "n_trials": 12,
        "generation_size": 4,
        "train": train_made_up,
        "by_update": Seconds(np.array([0.1, 0, 0])),
        "n_updates": 10,
    }
    return Searches(**made_up | changed)


def train_made_up(trials):
    """Return an entry of each trial: the larger the better."""
    entries = []
    for trial, configuration in trials:
        loss = 1 / sum(configuration.hidden_widths)
        made_up = entry(trial, [loss])
        made_up["record"]["configuration"] = configuration.to_dict()
        entries.append(made_up)
    return entries


def test_both_searches_begin_alike_and_the_random_one_goes_on_until_it_costs_as_much():
    compared = searches()
    by_losses, at_random = compared.by_losses(), compared.at_random(20.5)
    assert len(by_losses) == 12
    assert len(at_random) == 21
    assert by_losses[:4] == at_random[:4]
    assert by_losses[4:] != at_random[4:12]
    # As many trials at least.
    assert len(compared.at_random(3)) == 12


def test_the_best_of_few_and_of_many_trials_are_retrained_and_controls_of_the_others():
    entries = searches().at_random(30)
    retrained, controls = retrain_best(
        entries, train_made_up, sizes=(10, 30), n_best=2, n_controls=3, seed=1
    )
    losses = [each["record"]["min_val_loss"] for each in entries]
    best = {*np.argsort(losses[:10], kind="stable")[:2], *np.argsort(losses, kind="stable")[:2]}
    assert set(retrained) == best | controls
    assert len(controls) == 3
    assert not best & controls


def test_the_seconds_of_an_update_are_those_of_the_networks_that_were_timed():
    trials = pd.DataFrame({"n_hidden_layers": [1, 2, 3, 1], "n_parameters": [100, 400, 900, 5000]})
    by_update = 1e-4 * (1 + trials["n_hidden_layers"] + 0.01 * trials["n_parameters"])
    timed = pd.DataFrame({"train_seconds": 50 * by_update, "updates": 50})
    assert Seconds.fit(trials, timed).of(2, 1000, 10) == pytest.approx(10e-4 * (1 + 2 + 10))


def test_winners_are_finalists_and_random_trials_may_be_as_many_or_cost_as_much():
    def table(losses, retrained):
        return pd.DataFrame({"val_loss": losses, "val_loss_all": retrained, "test_loss": retrained})

    at_random = table([1, 2, 3, 4, 0.5], [1, 2, np.nan, 0.1, 0.5])
    pair = samplers.Pair(table([1, 2, 3, 4], [0.8, 2, np.nan, 0.1]), at_random, 2)
    # Controls, the fourth trials here, win nothing.
    first, _, winner, test, as_many = (measure(pair) for measure in samplers.MEASURES)
    assert (first, winner, test, as_many) == pytest.approx((2, 1.6, 1.6, 0.8))


def test_each_number_of_samples_has_a_line_of_its_own():
    losses = {samples: {1: 1.0 / samples, 2: 0.5 / samples} for samples in range(1, 16)}
    losses[99] = {1: 1.0}  # a single budget is no line
    lines = figures.draw_budgets(losses).axes[0].lines
    assert [line.get_label() for line in lines] == [str(samples) for samples in range(1, 16)]
    assert len({(line.get_marker(), line.get_color()) for line in lines}) == 15


def test_the_constants_of_the_advice_are_those_of_the_committed_tables():
    fitted, committed = asdict(pilots.fit(pilots.PILOTED)), asdict(PRIOR)
    for name, values in committed.items():
        assert fitted[name] == pytest.approx(values, abs=0.0051), name
