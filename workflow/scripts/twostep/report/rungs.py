"""The summary's section on rungs: what they trained, and what each cut has lost."""

from twostep.analysis.losses_by_cut import CutOutcome, judge_cuts, lost_at
from twostep.analysis.study import Search, Study
from twostep.trials.settings import schedules
from twostep.util import wording
from twostep.util.wording import describe_level, is_rung, network, number, percent, share, short


def lost_by(study: Study) -> str | None:
    """Return which cut would have lost the best trial, as part of a sentence; None if none."""
    if not study.rungs:
        return "the cut at top_k" if study.model(study.best)["control"] else None
    level = lost_at(study, int(study.best["trial"]))
    return None if level is None else f"the cut {_after(level)}"


def rung_sections(study: Study) -> list[list[str]]:
    """Return the paragraphs about the rungs; none for a study without any."""
    if not study.rungs:
        return []
    outcomes = judge_cuts(study)
    return [
        [
            "## Rungs",
            "Between the two steps the best trials were trained again, from scratch, and ranked "
            "anew. The best of each ranking went on, and some controls, drawn at random from the "
            "rest.",
            wording.table([_HEADER, *(_row(study, outcome) for outcome in outcomes)]),
            _explanation(study),
            *(_needed(study, outcome) for outcome in outcomes),
        ],
        *(_rung(study, rung) for rung in study.rungs),
    ]


_HEADER = [
    "cut",
    "passed",
    "controls",
    "rank correlation across it",
    "a better trial was lost",
    "enough for it to be improbable",
    "controls that are better in the end",
]


def _after(name: str) -> str:
    return f"after {describe_level(name) if is_rung(name) else 'the search'}"


def _row(study: Study, outcome: CutOutcome) -> list[str]:
    left = outcome.left
    return [
        _after(outcome.name),
        share(outcome.n_passed, outcome.n_ranked, "trials"),
        f"{outcome.n_controls:,}",
        "not known" if outcome.correlation is None else str(outcome.correlation),
        "not known" if left.probability is None else percent(left.probability),
        "not known" if left.enough is None else f"{left.enough:,} of {outcome.n_ranked:,}",
        f"{outcome.n_better:,} of {outcome.n_known:,}",
    ]


def _explanation(study: Study) -> str:
    return (
        "Each cut is judged by the losses of the training that follows it. Losses after another "
        "cut have been selected by it, and are not used. A better trial is one that was cut off, "
        f"and is better by more than {study.tolerance} than the best one that passed. The table "
        f"tells its probability, and how many trials had to pass for {percent(study.risk)}. The "
        "last column compares each cut's controls, after their retraining, with the best finalist."
    )


def _needed(study: Study, outcome: CutOutcome) -> str:
    """Return the sentence on how many had to pass a cut, and on what that rests."""
    where = f"The cut {_after(outcome.name)}"
    basis = (
        f"{number(outcome.n_passed, 'finalist')} and {number(outcome.n_controls, 'control')} of "
        "this cut"
    )
    left = outcome.left
    if left.probability is None:
        return f"{where}: how many had to pass cannot be told, because {left.reason}."
    if left.enough is None:
        return f"{where}: {left.reason} for {percent(study.risk)}, by {basis}."
    if left.enough <= outcome.n_passed:
        return (
            f"{where}: the {outcome.n_passed:,} of {outcome.n_ranked:,} trials that passed were "
            f"enough for {percent(study.risk)}, by {basis}."
        )
    return (
        f"{where}: {left.enough:,} of {outcome.n_ranked:,} trials would have to pass for "
        f"{percent(study.risk)}, by {basis}."
    )


def _rung(study: Study, rung: Search) -> list[str]:
    settings = study.config["search"]["rungs"][rung.rung - 1]
    trials = rung.trials
    best = trials[trials["status"] == "ok"].sort_values("rank").iloc[0]
    splits, n_training = rung.subset["splits"], study.manifest["splits"]["training"]
    names = schedules(study.config["search"]["space"])
    lines = [
        f"- Data: fraction {rung.fraction}, "
        f"{share(splits['training'], n_training, 'training samples')}.",
        f"- Each trial trains for {wording.budget(settings['budget'], schedules=names)}.",
        f"- Trials: {wording.counts(trials['status'])}.",
        f"- Best: trial {best['trial']}, validation loss {short(best['min_val_loss'])}: "
        f"{network(best)}.",
    ]
    figure = f"![Validation loss against learnable parameters](figures/search_{rung.name}.png)"
    return [f"### {describe_level(rung.name).capitalize()}", "\n".join(lines), figure]
