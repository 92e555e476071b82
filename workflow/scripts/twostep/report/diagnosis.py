"""Whether a study can be trusted: all checks, a verdict, and what to change."""

from twostep.analysis.baselines import baseline_losses
from twostep.analysis.study import Study
from twostep.report.data_checks import check_quality, check_values
from twostep.report.edge_checks import check_edges
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.report.step_checks import check_fractions, check_noise, check_steps
from twostep.report.training_checks import (
    check_processors,
    check_retraining,
    check_search,
    check_split,
)

HEADINGS = {
    DOUBT: "What speaks against it, and what to change:",
    UNKNOWN: "What could not be told:",
    GOOD: "What is in order:",
}


def diagnose(study: Study) -> list[Finding]:
    """Return what all checks of a study have found."""
    search_config, retrain_config = study.config["search"], study.config["retrain"]
    found = check_values(study.manifest) + check_split(study.manifest)
    for search in study.searches:
        found += check_search(search.fraction, search.trials, search_config["budget"])
        found += check_processors(search.fraction, search.timings)
    found += check_edges(study.model(study.best), search_config["space"])
    found += check_retraining(
        study.retrained,
        retrain_config["budget"],
        best_loss=study.best["val_loss"],
        linear=baseline_losses(study.baseline, "all", "val_loss")["linear"],
    )
    found += check_quality(study)
    for search in study.searches:
        found += check_steps(study, search.fraction)
    return [*found, *check_noise(study), *check_fractions(study)]


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
    """Return in a sentence or two whether a study can be trusted."""
    doubts, unknown = (_topics(found, kind) for kind in (DOUBT, UNKNOWN))
    text = (
        f"**With reservations:** {'; '.join(doubts)}."
        if doubts
        else "**It can be trusted**, as far as the checks below tell."
    )
    return text + (f" Not known: {'; '.join(unknown)}." if unknown else "")


def _topics(found: list[Finding], kind: str) -> list[str]:
    """Return each topic of the findings of a kind once, with the fractions that it is about."""
    fractions: dict[str, list[str]] = {}
    for finding in found:
        if finding.kind == kind:
            fractions.setdefault(finding.topic, []).append(finding.fraction)
    return [
        f"{topic} (fraction {', '.join(dict.fromkeys(names))})" if all(names) else topic
        for topic, names in fractions.items()
    ]
