"""The summary: what it tells, and when it warns."""

import json
import math
import re
from dataclasses import replace

import pandas as pd
import pytest
import synthetic_study as made_up
from findings import names, numbers, rounded, tells
from hypothesis import given
from hypothesis import strategies as st

from twostep.analysis.study import Search
from twostep.report.costs import ASSUMPTION
from twostep.report.entries import figure_entries
from twostep.report.summary import smallest_within, summarise
from twostep.util import wording
from twostep.util.tables import read_table


@pytest.fixture(scope="module")
def study():
    return made_up.study()


@pytest.fixture(scope="module")
def text(study):
    return summarise(study)


def section(text, title):
    """Return the text below a heading, up to the next heading of any level."""
    return text.split(f" {title}\n")[1].split("\n#")[0]


def in_short(text):
    """Return the paragraphs on the best model, on the selected one, and on what it gains."""
    heading, *paragraphs = text.split("\n\n## ")[0].split("\n\n")
    assert heading == "# Study `made_up`"
    return paragraphs


def items(text):
    """Return the items of a list in Markdown."""
    return [line for line in text.splitlines() if line.startswith("- ")]


def table_rows(text):
    """Return the cells of each row of a table in Markdown, the header left out."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_it_begins_with_the_best_and_the_selected_model(study, text):
    best, selected = study.best, study.selected
    on_best, on_selected, on_gain = in_short(text)
    assert tells(on_best, study.retrained["trial"].nunique(), best["trial"])
    assert wording.network(best) in on_best
    assert tells(on_selected, 10, selected["trial"])
    assert wording.network(selected) in on_selected
    fewer = 100 * (1 - selected["n_parameters"] / best["n_parameters"])
    assert 0 < fewer < 50
    higher = 100 * (selected["relative_val_loss"] - 1)
    assert tells(on_selected, rounded(fewer, 2), rounded(higher, 2))
    for paragraph, choice in ((on_best, best), (on_selected, selected)):
        # Means over 2 outputs.
        assert tells(paragraph, round(choice["test_r2"], 5), rounded(choice["test_rmse"], 3), 2)
    gain = 1.02 * made_up.LINEAR / study.model(selected)["test_loss"]
    assert numbers(on_gain) == [round(gain)] and "smaller" in on_gain


def test_it_says_so_if_the_best_model_is_the_selected_one(study):
    best = study.selection.iloc[[0, 0]].assign(choice=["best", "selected"])
    changed = made_up.study(selection=best.reset_index(drop=True))
    text = summarise(changed)
    _, on_selected, _ = in_short(text)
    # The tolerance and nothing else: what the model is has been told.
    assert numbers(on_selected) == [10]
    # Its rows and columns are there once.
    trial = study.best["trial"]
    assert text.count(f"| best and selected (trial {trial}) | 64 |") == 1
    assert f"| selected (trial {trial}) |" not in text
    assert text.count("RMSE, best and selected") == 1
    assert "RMSE, selected" not in text


def test_it_lists_every_figure_of_the_study(study, text):
    names = figure_entries([search.fraction for search in study.searches])
    listed = set(re.findall(r"\(figures/(\S+)\.png\)", section(text, "Files")))
    assert listed == set(names)


def test_a_test_loss_that_is_not_finite_is_told(study):
    changed = replace(study, retrained=study.retrained.assign(test_loss=math.nan))
    *_, on_gain = in_short(summarise(changed))
    assert "not finite" in on_gain and numbers(on_gain) == []


@pytest.mark.parametrize(
    ("loss", "linear", "told"),
    [
        (0.04, 0.02, [2]),
        # There is no ratio.
        (0.0, 0.02, [0, 0.02]),
        (0.04, 0.0, [0.04, 0]),
    ],
)
def test_losses_are_compared_with_those_of_the_linear_regression(study, loss, linear, told):
    retrained = study.retrained.assign(test_loss=loss)
    baseline = study.baseline.assign(test_loss=linear)
    *_, on_gain = in_short(summarise(replace(study, retrained=retrained, baseline=baseline)))
    assert numbers(on_gain) == told
    assert "linear regression" in on_gain and "smaller" not in on_gain


def test_an_output_that_does_not_vary_has_no_r2(study):
    unknown = {"test_r2": math.nan, "test_r2[fn[coarse]]": math.nan}
    retrained = study.retrained.assign(**unknown)
    selection = study.selection.assign(test_r2=math.nan)
    text = summarise(replace(study, retrained=retrained, selection=selection))
    for paragraph in in_short(text)[:2]:
        assert paragraph.count("not defined") == 1 and "RMSE" in paragraph
    (row,) = [line for line in text.splitlines() if line.startswith("| fn[coarse]")]
    assert row.count("not defined") == 2


def test_it_describes_the_data(text):
    data = section(text, "Data")
    source, dropped, splits, neighbours = items(data)
    assert names(source) == {"data/parcels.nc"} and numbers(source) == [100_120]
    assert tells(dropped, 120, 100_120, 0.12) and tells(dropped, 120, 7)
    assert "x1 missing or not finite" in dropped and "parcels.nc at sample index 7" in dropped
    assert numbers(splits) == [70_000, 15_000, 15_000] and "at random" in splits
    assert tells(neighbours, 0.01, 0.02, 65_520) and names(neighbours) == {"sample"}
    assert "| 4 | `x3` | input 3 | K | none | 0.25 | 3.5 |" in data
    assert "| 2 | `fn[coarse]` | activated fraction | 1 | none | 0.25 | 3.5 |" in data


def test_it_lists_the_features_that_were_left_out(study, text):
    entries = [
        {"feature": name, "role": role, "min": 0.0, "max": 0.0}
        for name, role in (("q[0]", "input"), ("q[1]", "input"), ("z", "output"))
    ]
    manifest = study.manifest | {"constant_features": entries}
    *_, left_out = items(section(summarise(replace(study, manifest=manifest)), "Data"))
    assert numbers(left_out) == [2, 1] and names(left_out) == {"q[0]", "q[1]", "z"}
    assert "Left out" not in text


def test_features_that_lack_the_same_rows_stand_together(study, text):
    entries = [
        {"feature": name, "reason": "missing or not finite", "rows": rows, "first": "a.nc"}
        for name, rows in (("x", 5), ("y", 1), ("z", 5))
    ]
    changed = summarise(replace(study, manifest=study.manifest | {"dropped": entries}))
    _, dropped, *_ = items(section(changed, "Data"))
    assert tells(dropped, 120, 100_120, 0.12, 5, 1)
    assert dropped.count("missing or not finite") == dropped.count("a.nc") == 2
    assert dropped.index("x, z missing") < dropped.index("y missing")
    # The sum of the counts may be more than the rows that there are.
    assert "more than once" in dropped
    assert "more than once" not in section(text, "Data")


@pytest.mark.parametrize(
    ("split", "units", "variable"),
    [
        ({"method": "blocks", "variable": None, "n_units": 40}, [40], set()),
        ({"method": "blocks", "variable": "time", "n_units": 40}, [40], {"time"}),
        ({"method": "group", "variable": "day", "n_units": 365}, [365], {"day"}),
        ({"method": "variable", "variable": "part", "n_units": None}, [], {"part"}),
    ],
)
def test_it_says_how_the_samples_were_divided(study, split, units, variable):
    manifest = {**study.manifest, "split": split}
    _, _, splits, _ = items(section(summarise(replace(study, manifest=manifest)), "Data"))
    assert numbers(splits) == [70_000, 15_000, 15_000, *units] and names(splits) == variable
    assert ("block" in splits) == (split["method"] == "blocks")


def test_it_names_the_embedded_data():
    config = made_up.config([0.05])
    config["dataset"]["files"] = None
    text = summarise(made_up.study(("0.05",), config=config))
    source, *_ = items(section(text, "Data"))
    assert "parcel model" in source and numbers(source) == [100_120] and names(source) == set()


def test_it_describes_the_search_and_its_budget(text):
    search = section(text, "Search (step 1)")
    assert tells(search, 200)
    assert "number of hidden layers" in search and tells(search, 1, 8, *made_up.WIDTHS)
    # Not updates.
    assert "100 epochs" in search and "5 epochs" in search and tells(search, 100, 5)


def test_it_tells_the_precision_of_step_1_only_where_that_is_not_float32(text):
    assert "float" not in text
    config = made_up.config([0.05])
    config["search"]["precision"] = "bfloat16"
    told = summarise(made_up.study(("0.05",), config=config))
    assert "Step 1 computes large layers in bfloat16" in section(told, "Search (step 1)")
    assert "In float32, the precision of step 2, the search on all" in section(told, "Cost")


def test_it_tells_schedules_and_only_what_trials_use_or_change():
    config = made_up.config([0.05])
    plain = {
        "learning_rate_schedule": "constant",
        "warmup": 0.05,
        "momentum": 0.0,
        "beta1": 0.9,
        "beta2": 0.999,
        "max_gradient_norm": None,
    }
    config["search"]["space"] |= plain
    usual = section(summarise(made_up.study(("0.05",), config=config)), "Search (step 1)")
    for setting in ("schedule", "warmup", "momentum", "beta", "gradient"):
        assert setting not in usual
    config["search"]["space"] |= {
        "learning_rate_schedule": ["constant", "one_cycle"],
        "max_gradient_norm": {"min": 0.1, "max": 10.0},
    }
    text = summarise(made_up.study(("0.05",), config=config))
    search = section(text, "Search (step 1)")
    assert "learning rate schedule constant, one_cycle; warmup 0.05" in search
    assert "max gradient norm 0.1 to 10" in search and "momentum" not in search
    for part in (search, section(text, "Retraining (step 2)")):
        assert "with the schedule one_cycle the learning rate has then fallen to 0" in part


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            {"probability": 0.02, "reason": ""},
            "The round that came to 12 of 196 ranked trials was enough.",
        ),
        (
            {"probability": 0.31, "reason": ""},
            "After the first 12 of 196 ranked trials, a better trial was left with a probability "
            "of 31 %.",
        ),
        (
            {"probability": None, "reason": "too few"},
            "After the first 12 of 196 ranked trials, it could not be told if a better trial was "
            "left: too few.",
        ),
    ],
)
def test_the_end_of_the_rounds_of_retraining_is_told(answer, expected):
    config = made_up.config([0.05], top_k=12, seeds=2, controls=6)
    config["retrain"] |= {"top_k": 50, "until": {"probability": 0.05, "round_size": 6}}
    enough = answer["probability"] == 0.02
    verdict = {"finalists": 12, "enough": enough, "fractions": {"0.05": answer}}
    text = summarise(made_up.study(("0.05",), config=config, rounds=[verdict]))
    part = section(text, "Retraining (step 2)")
    assert f"rounds of 6, 50 at most. {expected}" in part
    assert f"The best {12 if enough else 50} trials" in part


def test_each_fraction_has_its_own_section(study, text):
    for search in study.searches:
        part = section(text, f"Fraction {search.fraction}")
        best = search.trials.iloc[0]
        data, trials, on_best, on_smallest, limits, constants, agreement = items(part)
        splits = search.subset["splits"]
        percentage = 100 * splits["training"] / 70_000
        assert numbers(data) == [splits["training"], 70_000, percentage, splits["validation"]]
        assert "196 ok, 4 diverged" in trials
        assert tells(on_best, best["trial"], rounded(best["min_val_loss"], 3), 0.021, 0.08)
        assert wording.network(best) in on_best
        size = study.complexity(search.fraction)
        assert tells(on_smallest, 9, 10, size.low, size.high)
        limited = (search.trials["stop_reason"] == "max_epochs") & (search.trials["status"] == "ok")
        assert tells(limits, limited.sum(), 196)
        collapsed = (search.trials["collapsed_outputs"] != "") & (search.trials["status"] == "ok")
        assert tells(constants, collapsed.sum(), 196)
        found = study.agreement(search.fraction)
        place = study.model(study.best)[f"rank[{search.fraction}]"]
        assert tells(agreement, place, found.n_trials)
        assert agreement.index(str(found.spearman)) < agreement.index(str(found.kendall))
        assert f"(figures/search_{search.fraction}.png)" in part


def test_it_tells_the_space_and_its_constraints():
    study = made_up.study(("0.05",))
    settings = study.config["search"]
    assert "No network" not in section(summarise(study), "Search (step 1)")
    settings["space"] |= {
        "width": {"min": 8, "max": 512, "log": True},
        "width_pattern": ["equal", "tapering"],
        "dropout": {"min": 0.0, "max": 0.5, "log": False},
    }
    settings["constraints"] = {"max_parameters": 50_000, "max_operations": 40_000}
    text = section(summarise(study), "Search (step 1)")
    assert "width 8 to 512 (logarithmic); width pattern equal, tapering; " in text
    assert "dropout 0 to 0.5." in text
    assert "No network has more than 50,000 parameters or 40,000 operations." in text


def test_few_trials_have_no_interval_of_the_smallest_size(study):
    (search,) = made_up.study(("0.05",)).searches
    few = replace(search, trials=search.trials.head(19))
    retrained = study.retrained[study.retrained["rank[0.05]"] <= 19]
    changed = made_up.study(("0.05",), searches=[few], retrained=retrained)
    part = section(summarise(changed), "Fraction 0.05")
    on_smallest = items(part)[3]
    assert "few" in on_smallest and 95 not in numbers(on_smallest)


def test_a_best_trial_that_failed_on_a_fraction_is_no_reason_to_fail(study):
    retrained = study.retrained.copy()
    retrained.loc[retrained["trial"] == study.best["trial"], "rank[0.2]"] = math.nan
    changed = made_up.study(retrained=retrained)
    *_, agreement = items(section(summarise(changed), "Fraction 0.2"))
    # In the place of its rank, which would be the first of the numbers.
    assert "failed" in agreement
    assert numbers(agreement)[0] == changed.agreement("0.2").n_trials


def test_it_tells_the_test_errors_of_each_output_in_physical_units(study):
    manifest = made_up.manifest()
    manifest["outputs"][0]["units"] = "kg m-3"
    text = section(summarise(made_up.study(manifest=manifest)), "Retraining (step 2)")
    model = study.model(study.best)
    name = "fn[accumulation]"
    expected = f"| {name} | {model[f'test_rmse[{name}]']:.3g} kg m-3 |"
    assert expected in text
    assert tells(text, len(study.retrained), 2)
    assert f"{model['test_r2[fn[coarse]]']:.5f}" in text


def with_outputs(study, n_outputs):
    """Return a study with so many outputs, each predicted better than the one before it."""
    (template, *_) = study.manifest["outputs"]
    outputs = [template | {"name": f"y[{i}]", "variable": "y"} for i in range(n_outputs)]
    errors = {
        f"test_{metric}[y[{i}]]": i / 100
        for i in range(n_outputs)
        for metric in ("mse", "rmse", "mae", "r2")
    }
    tables = {
        name: pd.concat([table, pd.DataFrame(errors, index=table.index)], axis="columns")
        for name, table in (("retrained", study.retrained), ("baseline", study.baseline))
    }
    variables = {"y": {"dimensions": ["level"], "shape": [n_outputs]}}
    manifest = study.manifest | {"outputs": outputs}
    manifest["variables"] = manifest["variables"] | variables
    return replace(study, manifest=manifest, **tables)


def test_of_many_outputs_the_table_has_the_means_over_each_variable(study):
    many = with_outputs(study, 60)
    retraining = section(summarise(many), "Retraining (step 2)")
    ((name, rmse, mae, r2, *_),) = table_rows(retraining)
    assert (name, rmse, mae, r2) == ("y", "0.295", "0.295", "0.29500")
    # The lowest R² and whose it is.
    assert tells(retraining, 0.0, 60) and "y[0]" in names(retraining)
    undefined = many.retrained.assign(**{"test_r2[y[7]]": math.nan})
    retraining = section(summarise(replace(many, retrained=undefined)), "Retraining (step 2)")
    ((*_, r2, _, _, _),) = [row[:7] for row in table_rows(retraining)]
    assert r2 == "not defined" and "y[7]" in names(retraining)


def as_scalars(features):
    """Return the features as variables of one value each."""
    return [feature | {"variable": feature["name"]} for feature in features]


def test_of_many_variables_the_worst_are_in_the_table(study):
    many = with_outputs(study, 60)
    outputs = as_scalars(many.manifest["outputs"])
    scalars = {output["name"]: {"dimensions": [], "shape": []} for output in outputs}
    manifest = many.manifest | {"outputs": outputs, "variables": scalars}
    undefined = many.retrained.assign(**{"test_r2[y[59]]": math.nan})
    changed = replace(many, manifest=manifest, retrained=undefined)
    text = summarise(changed)
    rows = table_rows(section(text, "Retraining (step 2)"))
    assert [row[0] for row in rows] == ["y[59]", *(f"y[{i}]" for i in range(23))]
    data = section(text, "Data")
    assert tells(data, 60) and "](export/selected/model_card.md)" in data


def test_all_of_a_few_outputs_are_in_the_table(study):
    retraining = section(summarise(with_outputs(study, 24)), "Retraining (step 2)")
    assert [row[0] for row in table_rows(retraining)] == [f"y[{i}]" for i in range(24)]


def test_many_inputs_and_outputs_are_told_by_their_variables(study):
    many = with_outputs(study, 60)
    image = many.manifest["inputs"][0] | {"variable": "image"}
    inputs = [image | {"name": f"image[{i},{j}]"} for i in range(28) for j in range(28)]
    inputs[3] = inputs[3] | {"min": -2.0}
    inputs[5] = inputs[5] | {"max": 9.0}
    # One was left out because it does not vary.
    inputs = [*inputs[:7], *inputs[8:], *many.manifest["inputs"][:2]]
    shapes = {"image": {"dimensions": ["row", "column"], "shape": [28, 28]}}
    shapes |= many.manifest["variables"]
    manifest = many.manifest | {"inputs": inputs, "variables": shapes}
    rows = table_rows(section(summarise(replace(many, manifest=manifest)), "Data"))
    assert [row[:3] for row in rows if row[0] not in ("output", "---")] == [
        ["1 to 783", "`image`", "783 of 784 (row: 28, column: 28)"],
        ["784", "`x0`", ""],
        ["785", "`x1`", ""],
        ["1 to 60", "`y`", "level: 60"],
    ]
    assert rows[0][-2:] == ["-2", "9"]


def test_inputs_that_are_not_scaled_are_named(study):
    inputs = [*study.manifest["inputs"]]
    inputs[1] = inputs[1] | {"scale": "none"}
    data = section(summarise(replace(study, manifest=study.manifest | {"inputs": inputs})), "Data")
    assert "without scaling: `x1`." in data
    assert "without scaling" not in section(summarise(study), "Data")


def test_many_features_that_lack_values_are_told_by_their_variables(study):
    entry = {"reason": "missing or not finite", "rows": 3, "first": "a.nc at sample index 7"}
    dropped = [entry | {"feature": f"q[{i}]"} for i in range(60)]
    text = summarise(replace(study, manifest=study.manifest | {"dropped": dropped}))
    assert "q (60 entries) missing or not finite (3 rows each, first in a.nc" in text
    dropped = [each | {"rows": i + 1} for i, each in enumerate(dropped)]
    text = summarise(replace(study, manifest=study.manifest | {"dropped": dropped}))
    assert "q (60 entries) missing or not finite (up to 60 rows each, first in a.nc" in text


def test_an_rmse_over_outputs_of_different_units_is_not_reported():
    manifest = made_up.manifest()
    manifest["outputs"][0]["units"] = "kg m-3"
    changed = made_up.study(manifest=manifest)
    on_best, on_selected, _ = in_short(summarise(changed))
    for paragraph, choice in ((on_best, changed.best), (on_selected, changed.selected)):
        assert "RMSE" not in paragraph
        # Means over 2 outputs.
        assert "R²" in paragraph and tells(paragraph, round(choice["test_r2"], 5), 2)


def test_it_tells_measured_from_estimated_cost(text):
    cost = section(text, "Cost")
    labels = [cells[0] for cells in table_rows(cost)]
    for fraction, (search, retraining, *estimates) in ((0.05, labels[:4]), (0.2, labels[6:10])):
        assert numbers(search) == [fraction, 200] and numbers(retraining) == [24]
        assert "measured" in search and "measured" in retraining
        assert all("estimated" in label and "measured" not in label for label in estimates)
        # The fair comparison comes first.
        assert ["step 2's" in label for label in estimates] == [True, False]
    assert sum("estimated" in label for label in labels) == 4
    assert ASSUMPTION in cost


def test_the_times_of_a_prediction_are_told_with_the_cost(study, text):
    inference = section(text, "Inference")
    assert "a processor" in inference
    assert f"| selected (trial {study.selected['trial']}) | 64 |" in inference
    # Whoever compares two runs leaves out what is from here to the next heading of this level.
    assert text.index("\n## Cost\n") < text.index("\n### Inference\n") < text.index("\n## Files\n")


def test_steps_that_cost_more_than_the_search_on_all_data_are_told(study, text):
    told = "the steps cost no less than the same search on all data"
    assert told not in text
    # So much for each retraining that nothing is saved.
    timings = study.retrain_timings.assign(cpu_seconds=1e9)
    cost = section(summarise(replace(study, retrain_timings=timings)), "Cost")
    assert f"**On fraction 0.05 and 0.2 {told}.**" in cost


def test_a_search_on_all_data_needs_no_estimate():
    cost = section(summarise(made_up.study(("1",))), "Cost")
    label = table_rows(cost)[0][0]
    assert numbers(label) == [1, 200] and "measured" in label
    assert "estimated" not in cost
    assert ASSUMPTION not in cost
    assert ASSUMPTION in section(summarise(made_up.study(("0.05", "1"))), "Cost")


def test_controls_are_neither_in_step_2_nor_in_the_saving(study, text):
    cost = section(text, "Cost")
    n_chosen = study.retrained["trial"].nunique() - 6
    *_, every, controls = [cells[0] for cells in table_rows(cost)]
    assert numbers(every) == [2 * n_chosen]
    assert numbers(controls) == [12] and "measured" in controls
    without = study.retrained[~study.retrained["control"]]
    other = section(summarise(replace(study, retrained=without)), "Cost")
    rows = [row for row in cost.splitlines() if not row.startswith("| controls")]
    assert rows == other.splitlines()


def test_it_counts_the_controls(study, text):
    retraining = section(text, "Retraining (step 2)")
    n_trials = study.retrained["trial"].nunique()
    assert tells(retraining, 12, 6, n_trials, 70_000) and "6 controls" in retraining
    alone = section(summarise(made_up.study(controls=0)), "Retraining (step 2)")
    assert tells(alone, 12, n_trials - 6, 70_000) and "control" not in alone


def test_it_says_so_if_chance_alone_found_the_best_model(study, text):
    retrained = study.retrained.copy()
    retrained.loc[retrained["trial"] == study.best["trial"], "control"] = True
    on_best, *_ = in_short(summarise(replace(study, retrained=retrained)))
    assert "control" in on_best
    assert not any("control" in paragraph for paragraph in in_short(text))


def test_only_the_section_on_cost_changes_with_the_timings(study, text):
    for search in study.searches:
        slower = search.timings.assign(cpu_seconds=7 * search.timings["cpu_seconds"])
        changed = [Search(s.fraction, s.trials, slower, s.subset) for s in study.searches]
    other = summarise(made_up.study(searches=changed))
    assert other != text
    assert other.replace(section(other, "Cost"), "") == text.replace(section(text, "Cost"), "")


def test_the_script_reads_the_files_and_links_relative_to_the_summary(tmp_path, study, text):
    from summarise import main

    main(
        files=made_up.write_study(study, tmp_path),
        config=json.dumps(study.config),
        output=str(tmp_path / "summary.md"),
    )
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == text
    files = section(text, "Files")
    assert "[rank/0.05/trials.csv](rank/0.05/trials.csv)" in files
    assert f"(retrain/trial_{study.selected['trial']}_seed_" in files


def test_tables_keep_text_that_looks_like_numbers(tmp_path):
    table = pd.DataFrame({"hidden_widths": ["64"], "data": ["1"], "collapsed_outputs": [None]})
    table.to_csv(tmp_path / "table.csv", index=False)
    assert read_table(tmp_path / "table.csv").iloc[0].tolist() == ["64", "1", ""]


def test_the_smallest_trial_within_the_tolerance():
    trials = pd.DataFrame(
        {"trial": range(4), "n_parameters": [900, 50, 20, 10], "min_val_loss": [1, 1.1, 1.1, 1.2]}
    )
    assert smallest_within(trials, 0.1)["trial"] == 2
    assert smallest_within(trials, 0)["trial"] == 0


# Words


def test_numbers_have_sensible_digits():
    assert wording.short(0.000123456) == "0.000123"
    assert wording.times(1.9567) == "2"
    assert wording.times(122.4) == "122"
    assert [wording.times(ratio) for ratio in (0.968, 1.034, 1.0004)] == ["0.968", "1.03", "1"]
    assert wording.share(0, 5, "rows") == "0 of 5 rows"
    assert [wording.duration(s) for s in (1.234, 600, 36_000)] == ["1.23 s", "10 min", "10.0 h"]


def test_a_ratio_near_1_is_no_number_of_times():
    compared = [wording.times_as(ratio, "high") for ratio in (2.51, 1.034, 1.0004, 0.5)]
    times = ["2.5 times ", "1.03 times ", "", "0.5 times "]
    assert compared == [f"{text}as high as" for text in times]
    assert [wording.times_less(ratio, "fewer") for ratio in (22, 2, 1.2, 1.01)] == [
        "22 times fewer",
        "2 times fewer",
        "17 % fewer",
        "0.99 % fewer",
    ]


def test_the_numbers_of_a_text_are_found():
    """The helpers of these tests, as with none found some of them would not fail."""
    told = "Of 1,095 trials 3 (0.27 %) failed, [-0.10, 0.70]: 64-32, x1, step 2, `seeds: 3`, 1e-05."
    assert numbers(told) == [1095, 3, 0.27, -0.1, 0.7, 1e-5]
    assert tells(told, 3, 0.27) and not tells(told, 3, -0.1) and not tells(told, 0.27, 3)
    assert names(told) == {"seeds: 3"}
    assert numbers("in [rank/0.1](rank/0.1/trials.csv), kg m-3") == []


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.01234567, 9.9912345, ("0.0123456", "9.99124")),
        (-1.2345678, -0.12345678, ("-1.23457", "-0.123456")),
        (0.1, 0.3, ("0.1", "0.3")),
        (0.0, 5.00000001e-14, ("0", "5.00001e-14")),
        (-0.0, 1.0, ("0", "1")),
        (60_000.0, 60_030.0, ("60000", "60030")),
        # As many digits as it takes to tell the ends apart.
        (1_704_067_682.0, 1_706_745_230.0, ("1.704067e+09", "1.706746e+09")),
        (100_000.03, 100_000.25, ("100000.03", "100000.25")),
        (1e300, 1.7e308, ("1e+300", "1.7e+308")),
        (-1.7e308, 1.7e308, ("-1.7e+308", "1.7e+308")),
    ],
)
def test_the_ends_of_a_range_are_rounded_outwards(low, high, told):
    assert wording.ends(low, high) == told


@given(st.floats(-1e307, 1e307), st.floats(0, 1e307))
def test_no_value_lies_outside_the_range_that_is_told(low, width):
    high = low + width
    smallest, largest = map(float, wording.ends(low, high))
    assert smallest <= low and high <= largest


@pytest.mark.parametrize("n_search", [5000, 15_000])
def test_it_says_which_choices_the_validation_samples_have_a_say_in(study, n_search):
    subset = {"splits": study.searches[0].subset["splits"] | {"validation": n_search}}
    searches = [replace(search, subset=subset) for search in study.searches]
    text = section(summarise(replace(study, searches=searches)), "Retraining (step 2)")
    assert tells(text, 15_000)
    assert tells(text, 5000) == (n_search == 5000)


def test_with_one_seed_the_choice_is_one_of_networks(study):
    assert "not of configurations" not in " ".join(in_short(summarise(study)))
    config = study.config | {"retrain": study.config["retrain"] | {"seeds": 1}}
    text = " ".join(in_short(summarise(replace(study, config=config))))
    assert "networks" in text and "not of configurations" in text
