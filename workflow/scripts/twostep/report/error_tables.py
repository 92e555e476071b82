"""The summary's tables of errors on the test split: by output, by variable or by class."""

import math

import pandas as pd

from twostep.analysis.baselines import regression_of
from twostep.analysis.study import Study
from twostep.data.variables import Variable, list_shown
from twostep.model.class_metrics import EACH_CLASS
from twostep.model.metrics import mean_of
from twostep.util import wording
from twostep.util.text import MOST_FEATURES
from twostep.util.wording import CLASS_LABELS, METRIC_LABELS, short, unit_of


def error_tables(study: Study) -> list[str]:
    """Return the table of the outputs' errors; where they are many, by variable."""
    if "test_accuracy" in study.model(study.selected):
        return _class_metrics(study)
    outputs = study.manifest["outputs"]
    shown = list_shown(outputs, study.manifest["variables"])
    if len(outputs) <= MOST_FEATURES:
        return [_metrics_table(study, shown)]
    errors = study.model(study.selected)
    r2 = pd.Series({each["name"]: errors[f"test_r2[{each['name']}]"] for each in outputs})
    worst = _from_worst(r2).index[0]
    note = (
        f"Each row holds the means over the outputs of a variable. The lowest R² of the selected "
        f"model is {r2_text(r2[worst])}, of `{worst}`. All {len(outputs):,} outputs are in "
        "[select/retrained.csv](select/retrained.csv) and in the figure "
        "[errors_by_output](figures/errors_by_output.png)."
    )
    if len(shown) > MOST_FEATURES:
        means = pd.Series([mean_of(r2[variable.feature_names]) for variable in shown])
        shown = [shown[i] for i in _from_worst(means).index[:MOST_FEATURES]]
        note += f" The table has the {MOST_FEATURES} variables with the lowest R²."
    return [_metrics_table(study, shown), note]


def _class_metrics(study: Study) -> list[str]:
    """Return the tables of how good probabilities are: models and baselines, then each class."""
    baseline = study.baseline[study.baseline["data"] == "all"]
    rows = _models(study) | {row["model"]: row for _, row in baseline.iterrows()}
    overall = wording.class_table(
        {
            name: {metric: row[f"test_{metric}"] for metric in CLASS_LABELS}
            for name, row in rows.items()
        }
    )
    selected, names = study.model(study.selected), [o["name"] for o in study.manifest["outputs"]]
    if f"test_recall[{names[0]}]" not in selected:
        return [overall]
    classes = {
        name: {metric: selected[f"test_{metric}[{name}]"] for metric in EACH_CLASS}
        for name in names
    }
    return [overall, "Of the selected model:", wording.each_class_table(classes)]


def _metrics_table(study: Study, shown: list[Variable]) -> str:
    """Return a table of the outputs' errors: best and selected model, regression."""
    models = _models(study)
    regression = regression_of(study.baseline, "all")
    models[regression["model"]] = regression
    header = [f"{label}, {choice}" for choice in models for label in METRIC_LABELS.values()]
    rows = [["output", *header]]
    for variable in shown:
        unit = unit_of(variable.features[0]["units"])
        row = [variable.name]
        for model in models.values():
            rmse, mae, r2 = (
                mean_of(model[f"test_{metric}[{name}]"] for name in variable.feature_names)
                for metric in METRIC_LABELS
            )
            row += [f"{short(rmse)}{unit}", f"{short(mae)}{unit}", r2_text(r2)]
        rows.append(row)
    return wording.table(rows)


def _models(study: Study) -> dict[str, pd.Series]:
    """Return the best and the selected model by what they are."""
    if study.best["trial"] == study.selected["trial"]:
        return {"best and selected": study.model(study.best)}
    return {"best": study.model(study.best), "selected": study.model(study.selected)}


def _from_worst(r2: pd.Series) -> pd.Series:
    """Return values of R² in ascending order; what is not defined is worst of all."""
    return r2.sort_values(kind="stable", na_position="first")


def r2_text(r2: float) -> str:
    """Return an R² as text."""
    # There is none of an output that does not vary, nor of predictions that overflow.
    return "not defined" if math.isnan(r2) else f"{r2:.5f}"
