"""Whether a study can be trusted: all checks, a verdict, and what to change."""

from collections.abc import Iterable

from twostep.analysis.baselines import regression_name, regression_of
from twostep.analysis.study import Study
from twostep.report.cut_checks import LEFT, check_cut
from twostep.report.data_checks import check_quality, check_values
from twostep.report.edge_checks import check_edges
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.report.fraction_checks import check_fractions
from twostep.report.noise_checks import check_noise
from twostep.report.signature_checks import check_signatures
from twostep.report.step_checks import check_order
from twostep.report.training_checks import (
    check_processors,
    check_retraining,
    check_search,
    check_split,
)
from twostep.util.wording import describe_level, is_rung

HEADINGS = {
    DOUBT: "What speaks against it, and what to change:",
    UNKNOWN: "What could not be told:",
    GOOD: "What is in order:",
}


def diagnose(study: Study) -> list[Finding]:
    """Return what all checks of a study have found, what decides it first."""
    search_config, retrain_config = study.config["search"], study.config["retrain"]
    names = [level.name for level in study.levels]
    found = [finding for name in names for finding in check_cut(study, name)]
    found += [finding for name in names for finding in check_order(study, name)]
    found += [*check_noise(study), *check_fractions(study), *check_edges(study)]
    found += check_signatures(study)
    found += check_retraining(
        study.retrained,
        study.records,
        retrain_config["budget"],
        tolerance=study.config["select"]["tolerance"],
        best_loss=study.best["val_loss"],
        simple=float(regression_of(study.baseline, "all")["val_loss"]),
        regression=regression_name(study.baseline),
    )
    found += [*check_quality(study), *check_values(study.manifest), *check_split(study.manifest)]
    for search in study.searches:
        found += check_search(search.fraction, search.trials, search_config["budget"])
        found += check_processors(search.fraction, search.timings)
    for level, rung in zip(study.rungs, search_config["rungs"], strict=True):
        found += check_search(level.name, level.trials, rung["budget"])
        found += check_processors(level.name, level.timings)
    return found


def diagnosis_section(study: Study) -> list[str]:
    """Return the paragraphs that say whether a study can be trusted."""
    found = diagnose(study)
    paragraphs = ["## Can it be trusted?", verdict(found)]
    for kind, heading in HEADINGS.items():
        items = [f"- {finding.text}" for finding in found if finding.kind == kind]
        if items:
            paragraphs += [heading, "\n".join(dict.fromkeys(items))]
    return paragraphs


def verdict(found: list[Finding]) -> str:
    """Return in a sentence or two whether a study can be trusted.

    It cannot be told where nothing speaks against the study and what decides is not known.
    """
    doubts, unknown = (_topics(found, kind) for kind in (DOUBT, UNKNOWN))
    if doubts:
        text = f"**With reservations:** {'; '.join(doubts)}."
    elif any(finding.kind == UNKNOWN and finding.topic == LEFT for finding in found):
        text = "**It cannot be told** whether it can be trusted."
    else:
        text = "**It can be trusted**, as far as the checks below tell."
    return text + (f" Not known: {'; '.join(unknown)}." if unknown else "")


def _topics(found: list[Finding], kind: str) -> list[str]:
    """Return each topic of the findings of a kind once, with the fractions that it is about."""
    fractions: dict[str, list[str]] = {}
    for finding in found:
        if finding.kind == kind:
            fractions.setdefault(finding.topic, []).append(finding.fraction)
    return [
        f"{topic} ({_where(dict.fromkeys(names))})" if all(names) else topic
        for topic, names in fractions.items()
    ]


def _where(names: Iterable[str]) -> str:
    """Return the fractions, then the rungs, with these names."""
    fractions = [name for name in names if not is_rung(name)]
    rungs = [describe_level(name) for name in names if is_rung(name)]
    return ", ".join([f"fraction {', '.join(fractions)}"] * bool(fractions) + rungs)
