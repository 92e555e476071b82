"""The records of a study that are there so far, with their loss curves, to look at its trials."""

from collections.abc import Iterable

from twostep.running.progress import Progress, Step
from twostep.trials.journal import Journal
from twostep.trials.rungs import rung_name

# A look at a running study goes without them.
CURVES = ("train_loss", "val_loss")


def found_records(progress: Progress) -> dict[str, list[dict]]:
    """Return {fraction, rung or "retrain": the records that count as done}, from the journal.

    What is damaged is left out, because a run would do it again.
    """
    journal = progress.folder / "journal"
    found = {
        step.name: _with_curves(step, Journal(journal / "search" / step.name, job="look"))
        for step in progress.searches
    }
    for step in progress.rungs:
        found[rung_name(int(step.name))] = _with_curves(
            step, Journal(journal / "rungs" / step.name, job="look")
        )
    # These were read as a whole.
    retraining = progress.retraining
    return {**found, retraining.name: [done.record for done in retraining.trained]}


def _with_curves(step: Step, journal: Journal) -> list[dict]:
    """Return the records of a step, of which it has the outlines; whole if they succeeded.

    The curves of a trial that failed are worth no look.
    """
    outlines = [done.record for done in step.trained]
    by_trial: dict[int, list[dict]] = {}
    for entry in journal.read(outline["trial"] for outline in outlines).values():
        by_trial.setdefault(entry["record"]["trial"], []).append(entry["record"])
    return [
        record
        for outline in outlines
        for record in (
            _matching(outline, by_trial.get(outline["trial"], []))
            if outline["status"] == "ok"
            else [outline]
        )
    ]


def _matching(outline: dict, records: Iterable[dict]) -> list[dict]:
    """Return the record that an outline is of; none if that is damaged."""
    for record in records:
        if {name: value for name, value in record.items() if name not in CURVES} == outline:
            return [record]
    return []
