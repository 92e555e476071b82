"""What each cut between the search and the retraining has lost, as far as its controls tell."""

from dataclasses import dataclass

from twostep.analysis.agreement import Coefficient, whole_range_correlation
from twostep.analysis.remaining import Remaining
from twostep.analysis.study import Study
from twostep.trials.selection import complete_trials


@dataclass(frozen=True)
class CutOutcome:
    """What one cut came to.

    `n_passed` of `n_ranked` trials passed the cut through the ranking `name`, and `n_controls` of
    the others, drawn at random. `left` says if a better trial was lost, by the losses of the
    training that followed the cut, and `correlation` how the ranks agree across it, over all
    trials. After all further cuts `n_known` controls of this one were retrained, and `n_better` of
    them are better than the best of all others by more than the tolerance.
    """

    name: str
    n_passed: int
    n_ranked: int
    n_controls: int
    left: Remaining
    correlation: Coefficient | None
    n_known: int
    n_better: int


def judge_cuts(study: Study) -> list[CutOutcome]:
    """Return what each cut of a study with rungs came to, the first one first."""
    complete = complete_trials(study.retrained)
    losses = complete.groupby("trial")["min_val_loss"].mean()
    outcomes = []
    for level in study.levels:
        steps = study.steps(level.name)
        controls = steps.loc[steps["control"], "trial"]
        # A later cut may have let a control of this one pass: it was lost here all the same.
        is_control = losses.index.isin(controls)
        known = losses[is_control]
        limit = losses[~is_control].min() / (1 + study.config["select"]["tolerance"])
        outcomes.append(
            CutOutcome(
                level.name,
                n_passed=min(study.passed(level.name), study.n_ranked(level.name)),
                n_ranked=study.n_ranked(level.name),
                n_controls=len(controls),
                left=study.left(level.name),
                correlation=whole_range_correlation(steps),
                n_known=len(known),
                n_better=int((known < limit).sum()),
            )
        )
    return outcomes


def lost_at(study: Study, trial: int) -> str | None:
    """Return the name of the ranking whose cut would have lost a trial, had it been no control.

    None if it passed all cuts by its ranks.
    """
    for level in study.levels:
        ranks = level.trials.set_index("trial")["rank"]
        if not ranks[trial] <= study.passed(level.name):
            return level.name
    return None
