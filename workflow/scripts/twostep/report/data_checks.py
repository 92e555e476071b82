"""Checks of the values that a study was given, and of what its model has learned from them."""

import pandas as pd

from twostep.analysis.baselines import regression_name, regression_of
from twostep.analysis.study import Study
from twostep.data.doubts import FAR, SENTINEL, TINY, ZERO_FILL, describe_doubts
from twostep.report.finding import DOUBT, Finding
from twostep.util.text import list_features

# The topics of the doubts of a manifest, by their kind.
TOPICS = {
    SENTINEL: "values far from all others",
    FAR: "values far from all others",
    TINY: "features that may be zero but for rounding",
    ZERO_FILL: "zeros that may stand for missing values",
}
# ASSUME: a model below this R² has learned next to nothing.
LOW_R2 = 0.02


def check_values(manifest: dict) -> list[Finding]:
    """Return the doubts of a manifest."""
    texts = describe_doubts(manifest["doubts"], manifest["n_rows_read"])
    return [Finding(text, DOUBT, TOPICS[kind]) for kind, text in texts]


def check_quality(study: Study) -> list[Finding]:
    """Return a doubt if the selected model predicts the test split no better than simple ones."""
    model = study.model(study.selected)
    simple = float(regression_of(study.baseline, "all")["test_loss"])
    regression = regression_name(study.baseline)
    names = [output["name"] for output in study.manifest["outputs"]]
    return [*_check_r2(model, names), *_check_regression(model["test_loss"], simple, regression)]


def _check_r2(model: pd.Series, names: list[str]) -> list[Finding]:
    """Return a doubt if the R² of outputs on the test split is about 0 or less."""
    r2 = {name: model[f"test_r2[{name}]"] for name in names}
    low = {name: value for name, value in r2.items() if value < LOW_R2}
    if not low:
        return []
    worst = min(low, key=lambda name: low[name])
    which = "its output" if len(names) == 1 else f"{len(low)} of its {len(names)} outputs"
    text = (
        f"On the test split, the selected model is hardly better than a constant for {which}: "
        f"{list_features(list(low))}. The lowest R² is {low[worst]:.2g}"
        + (f", of `{worst}`" if len(low) > 1 else "")
        + ". Look at the ranges and the values of the data, then at their transforms and the "
        "budgets."
    )
    return [Finding(text, DOUBT, "hardly better than a constant on the test split")]


def _check_regression(test_loss: float, simple: float, regression: str) -> list[Finding]:
    """Return a doubt if the selected model is no better than a regression of this name."""
    if not test_loss >= simple:
        return []
    text = (
        f"On the test split, the selected model is no better than a {regression}. Its loss is "
        f"{test_loss:.3g}, that of the regression {simple:.3g}. Look at the data and their "
        "transforms, then at the budgets."
    )
    return [Finding(text, DOUBT, f"no better than a {regression}")]
