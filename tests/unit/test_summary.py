"""The summary: what it says, and when it warns."""

import json
import math
import re
from dataclasses import replace

import pandas as pd
import pytest
import synthetic_study as made_up

from twostep.analysis.study import Search
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


def test_it_begins_with_the_best_and_the_selected_model(study, text):
    start = text.split("## Can it")[0]
    assert start.startswith("# Study `made_up`\n")
    best, selected = study.best, study.selected
    assert f"trial {best['trial']}: {wording.network(best)}." in start
    assert f"trial {selected['trial']}: {wording.network(selected)};" in start
    ratio = best["n_parameters"] / selected["n_parameters"]
    assert ratio > 1
    assert f"{ratio:.2g} times fewer parameters than the best" in start
    assert f"{100 * (selected['relative_val_loss'] - 1):.2g} % higher" in start
    assert f"RMSE {selected['test_rmse']:.3g} (means over the 2 outputs)." in start
    gain = 1.02 * made_up.LINEAR / study.model(selected)["test_loss"]
    assert f"{gain:.0f} times smaller than that of a linear regression" in start


def test_it_says_so_if_the_best_model_is_the_selected_one(study):
    best = study.selection.iloc[[0, 0]].assign(choice=["best", "selected"])
    changed = made_up.study(selection=best.reset_index(drop=True))
    text = summarise(changed)
    assert "is that same model." in text
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
    assert "Its test loss is not finite: look at the test data." in summarise(changed)


@pytest.mark.parametrize(
    ("loss", "linear", "words"),
    [
        (0.04, 0.02, "Its test loss is 2 times that of a linear regression."),
        (0.0, 0.02, "Its test loss is 0, that of a linear regression 0.02."),
        (0.04, 0.0, "Its test loss is 0.04, that of a linear regression 0."),
    ],
)
def test_losses_are_compared_with_those_of_the_linear_regression(study, loss, linear, words):
    retrained = study.retrained.assign(test_loss=loss)
    baseline = study.baseline.assign(test_loss=linear)
    assert words in summarise(replace(study, retrained=retrained, baseline=baseline))


def test_an_output_that_does_not_vary_has_no_r2(study):
    unknown = {"test_r2": math.nan, "test_r2[fn[coarse]]": math.nan}
    retrained = study.retrained.assign(**unknown)
    selection = study.selection.assign(test_r2=math.nan)
    text = summarise(replace(study, retrained=retrained, selection=selection))
    assert "On the test split its R² is not defined and its RMSE" in text
    (row,) = [line for line in text.splitlines() if line.startswith("| fn[coarse]")]
    assert row.count("not defined") == 2


def test_it_describes_the_data(text):
    data = section(text, "Data")
    assert "`data/parcels.nc`; 100,120 rows read." in data
    assert (
        "120 of 100,120 rows (0.12 %): x1 missing or not finite (120 rows, first in parcels.nc at "
        "sample index 7)." in data
    )
    assert "70,000 training, 15,000 validation and 15,000 test samples, divided at random." in data
    assert "| input | `x3` | input 3 | K | none | 0.25 | 3.5 |" in data
    assert "| output | `fn[coarse]` | activated fraction | 1 | none | 0.25 | 3.5 |" in data
    assert "correlate with 0.01 in the inputs and 0.02 in the outputs" in data


def test_features_that_lack_the_same_rows_stand_together(study):
    dropped = [
        {"feature": name, "reason": "missing or not finite", "rows": rows, "first": "a.nc"}
        for name, rows in (("x", 5), ("y", 1), ("z", 5))
    ]
    text = summarise(replace(study, manifest=study.manifest | {"dropped": dropped}))
    assert (
        ": x, z missing or not finite (5 rows each, first in a.nc); "
        "y missing or not finite (1 row, first in a.nc) (a row may count more than once)."
    ) in section(text, "Data")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"method": "blocks", "variable": None, "n_units": 40}, "by 40 contiguous blocks of neigh"),
        ({"method": "blocks", "variable": "time", "n_units": 40}, "blocks along `time`"),
        ({"method": "group", "variable": "day", "n_units": 365}, "by `day`, whose 365 values"),
        ({"method": "variable", "variable": "part", "n_units": None}, "the variable `part` says"),
    ],
)
def test_it_says_how_the_samples_were_divided(study, split, words):
    manifest = {**study.manifest, "split": split}
    assert words in section(summarise(replace(study, manifest=manifest)), "Data")


def test_it_names_the_embedded_data():
    config = made_up.config([0.05])
    config["dataset"]["files"] = None
    assert "the embedded parcel model" in summarise(made_up.study(("0.05",), config=config))


def test_it_describes_the_search_and_its_budget(text):
    search = section(text, "Search (step 1)")
    assert "200 random configurations" in search
    assert "number of hidden layers 1 to 8; width 8, 16, 32" in search
    assert "at most 100 epochs, until 5 epochs bring no lower validation loss" in search


def test_each_fraction_has_its_own_section(study, text):
    for search in study.searches:
        part = section(text, f"Fraction {search.fraction}")
        best = search.trials.iloc[0]
        assert "- Trials: 196 ok, 4 diverged." in part
        assert f"- Best: trial {best['trial']}, validation loss {best['min_val_loss']:.3g}" in part
        assert "linear regression 0.021, constant prediction 0.08" in part
        size = study.complexity(search.fraction)
        assert f"it has {size.low:,} to {size.high:,} parameters (95 % of the quarters)." in part
        limited = (search.trials["stop_reason"] == "max_epochs") & (search.trials["status"] == "ok")
        assert f"limit of the budget: {limited.sum()} of 196 trials" in part
        collapsed = (search.trials["collapsed_outputs"] != "") & (search.trials["status"] == "ok")
        assert f"in at least one output: {collapsed.sum()} of 196 trials" in part
        assert f"Spearman's rank correlation is {study.agreement(search.fraction).spearman}" in part
        assert f"(figures/search_{search.fraction}.png)" in part
    assert "3,500 of 70,000 training samples (5 %), 5,000 validation samples" in text


def test_few_trials_have_no_interval_of_the_smallest_size(study):
    (search,) = made_up.study(("0.05",)).searches
    few = replace(search, trials=search.trials.head(19))
    part = section(summarise(made_up.study(("0.05",), searches=[few])), "Fraction 0.05")
    assert "Too few trials succeeded for an interval of its number of parameters." in part
    assert "quarters" not in part


def test_a_best_trial_that_failed_on_a_fraction_is_no_reason_to_fail(study):
    retrained = study.retrained.copy()
    retrained.loc[retrained["trial"] == study.best["trial"], "rank[0.2]"] = math.nan
    part = section(summarise(made_up.study(retrained=retrained)), "Fraction 0.2")
    assert "the best trial of step 2 failed here" in part


def test_it_tells_the_test_errors_of_each_output_in_physical_units(study):
    manifest = made_up.manifest()
    manifest["outputs"][0]["units"] = "kg m-3"
    text = section(summarise(made_up.study(manifest=manifest)), "Retraining (step 2)")
    model = study.model(study.best)
    name = "fn[accumulation]"
    expected = f"| {name} | {model[f'test_rmse[{name}]']:.3g} kg m-3 |"
    assert expected in text
    assert f"({len(study.retrained)} models, 2 per trial)" in text
    assert f"{model['test_r2[fn[coarse]]']:.5f}" in text


def test_an_rmse_over_outputs_of_different_units_is_not_reported():
    manifest = made_up.manifest()
    manifest["outputs"][0]["units"] = "kg m-3"
    start = summarise(made_up.study(manifest=manifest)).split("## Can it")[0]
    assert "RMSE" not in start
    assert "R² is 0.99" in start


def test_it_tells_measured_from_estimated_cost(text):
    cost = section(text, "Cost")
    assert "step 1 on fraction 0.05, 200 trials (measured)" in cost
    assert "step 2 after it, 24 models (measured)" in cost
    assert cost.count("the same search on all data (estimated)") == 2
    assert "as many epochs on all the data as on the fraction" in cost
    assert "upper bound" in cost


def test_the_times_of_a_prediction_are_told_with_the_cost(study, text):
    inference = section(text, "Inference")
    assert "Processor time of one thread, measured on a processor" in inference
    assert f"| selected (trial {study.selected['trial']}) | 64 |" in inference
    # Whoever compares two runs leaves out what is from here to the next heading of this level.
    assert text.index("\n## Cost\n") < text.index("\n### Inference\n") < text.index("\n## Files\n")


def test_a_search_on_all_data_needs_no_estimate():
    cost = section(summarise(made_up.study(("1",))), "Cost")
    assert "step 1 on fraction 1, 200 trials (measured)" in cost
    assert "(estimated)" not in cost
    assert "The estimate assumes" not in cost
    assert "The estimate assumes" in section(summarise(made_up.study(("0.05", "1"))), "Cost")


def test_controls_are_neither_in_step_2_nor_in_the_saving(study, text):
    cost = section(text, "Cost")
    n_chosen = study.retrained["trial"].nunique() - 6
    assert f"step 2 for all fractions, {2 * n_chosen} models" in cost
    assert "controls, 12 models (measured; not in the saving)" in cost
    without = study.retrained[~study.retrained["control"]]
    other = section(summarise(replace(study, retrained=without)), "Cost")
    rows = [row for row in cost.splitlines() if not row.startswith("| controls")]
    assert rows == other.splitlines()


def test_it_counts_the_controls(study, text):
    retraining = section(text, "Retraining (step 2)")
    n_trials = study.retrained["trial"].nunique()
    assert f"and 6 controls, drawn at random from the others, {n_trials} in all, were" in retraining
    alone = section(summarise(made_up.study(controls=0)), "Retraining (step 2)")
    assert f"The best 12 trials of each fraction, {n_trials - 6} in all, were" in alone


def test_it_says_so_if_chance_alone_found_the_best_model(study):
    retrained = study.retrained.copy()
    retrained.loc[retrained["trial"] == study.best["trial"], "control"] = True
    words = "It is a control: the cut at top_k had lost it"
    assert words in summarise(replace(study, retrained=retrained))
    assert words not in summarise(study)


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
    assert wording.share(0, 5, "rows") == "0 of 5 rows"
    assert [wording.duration(s) for s in (1.234, 600, 36_000)] == ["1.23 s", "10 min", "10.0 h"]
