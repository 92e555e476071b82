"""Whether a better trial is left among those that were cut off, and what the cut has lost."""

from twostep.analysis.regret import Cut, Regret, judge_cut, measure_regret
from twostep.analysis.remaining import ALL_RETRAINED, FARTHEST, RISK, Remaining, better_left
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.util.wording import number, percent, times

# What decides whether a study can be trusted.
LEFT = "if a better trial is left"
ASSUMPTION = (
    "That takes the scatter of the logarithms of the losses to be normal: a rare trial that comes "
    "out far better than its rank is not foreseen."
)


def check_cut(study: Study, fraction: str) -> list[Finding]:
    """Return what is found about the trials that a fraction's ranking left out of step 2."""
    if study.n_others == 0:
        return [Finding(study.without_cut)]
    steps, tolerance = study.steps(fraction), study.config["select"]["tolerance"]
    top_k = study.top_k
    (trials,) = [search.trials for search in study.searches if search.fraction == fraction]
    left = better_left(
        study.sampled_steps(fraction),
        n_trials=int(trials["rank"].notna().sum()),
        top_k=top_k,
        tolerance=tolerance,
        risk=study.risk,
    )
    cut = judge_cut(steps, n_others=study.n_others, tolerance=tolerance)
    return [
        describe_left(fraction, left, cut, top_k=top_k, tolerance=tolerance, risk=study.risk),
        *describe_lost(fraction, cut, tolerance=tolerance),
        *describe_regret(
            fraction, measure_regret(steps), tolerance=tolerance, n_others=study.n_others
        ),
    ]


def describe_left(
    fraction: str,
    left: Remaining,
    cut: Cut | None,
    *,
    top_k: int,
    tolerance: float,
    risk: float = RISK,
) -> Finding:
    """Return whether a better trial is left, and how many would have to be retrained."""
    text = left_text(f"fraction {fraction}", left, top_k=top_k, tolerance=tolerance, risk=risk)
    if left.probability is None:
        return Finding(f"{text}{_bound(cut)}", UNKNOWN, LEFT, fraction)
    if left.enough == top_k:
        return Finding(text, GOOD)
    if left.enough is None:
        text += f" {better_step_1(fraction).capitalize()}."
    else:
        text += f" Set `retrain.top_k` to {left.enough:,}."
    return Finding(text, DOUBT, "a better trial may be left", fraction)


def left_text(
    search: str, left: Remaining, *, top_k: int, tolerance: float, risk: float = RISK
) -> str:
    """Return the answer of the estimator as sentences about a search, e.g. "fraction 0.05"."""
    better = f"better than the best retrained one by more than {100 * tolerance:g} %"
    if left.probability is None:
        return f"It cannot be told if {search} has left a trial that is {better}: {left.reason}."
    if left.reason == ALL_RETRAINED:
        return f"{search[0].upper()}{search[1:]} has left no trial: {ALL_RETRAINED}."
    text = (
        f"{search[0].upper()}{search[1:]} has left a trial that is {better} with a probability of "
        f"{percent(left.probability)}, as its finalists and controls were trained"
    )
    if left.enough == top_k:
        text += f": {number(top_k, 'finalist')} were enough. {ASSUMPTION}"
    elif left.enough is None:
        text += f". It takes more than {FARTHEST * top_k:,} finalists for {percent(risk)}."
    else:
        text += (
            f". With the first {left.enough:,} of its ranking retrained it would be at most "
            f"{percent(risk)}. {ASSUMPTION}"
        )
    return text


def better_step_1(fraction: str) -> str:
    """Return the advice to let step 1 see more, as part of a sentence."""
    # On all data there is no larger fraction, and the steps differ in their budgets.
    if float(fraction) < 1:
        return "add a larger fraction to `search.fractions`"
    return "consider a larger `search.budget`"


def _bound(cut: Cut | None) -> str:
    """Return what the controls alone tell of the trials that were cut off."""
    if cut is None:
        return ""
    most = round(cut.high * cut.n_others)
    return (
        f" {cut.n_better} of {number(cut.n_controls, 'control')} are: up to {most:,} of the "
        f"{cut.n_others:,} trials cut off may be (95 % interval)."
    )


def describe_lost(fraction: str, cut: Cut | None, *, tolerance: float) -> list[Finding]:
    """Return a doubt if controls came out better than all finalists of a fraction."""
    if cut is None or not cut.n_better:
        return []
    low, high = (round(share * cut.n_others) for share in (cut.low, cut.high))
    text = (
        f"{cut.n_better} of {number(cut.n_controls, 'control')} came out better than the best of "
        f"the {cut.n_chosen} trials that fraction {fraction} chose, by more than "
        f"{100 * tolerance:g} %: the best by {100 * (1 - cut.ratio):.2g} %. So may {low:,} to "
        f"{high:,} of the {cut.n_others:,} trials cut off (95 % interval): "
        f"{better_step_1(fraction)}, or raise `retrain.top_k`."
    )
    return [Finding(text, DOUBT, "the cut at top_k lost better trials", fraction)]


def describe_regret(
    fraction: str, regret: Regret | None, *, tolerance: float, n_others: int
) -> list[Finding]:
    """Return how many trials of a fraction's ranking had to be retrained."""
    if regret is None:
        return []
    n_chosen, enough = len(regret.ratio), regret.sufficient(tolerance)
    within = f"within {100 * tolerance:g} % of the best of all retrained trials"
    if enough is None:
        advice = "consider a larger `retrain.top_k`, or " if n_others else ""
        text = (
            f"None of the {n_chosen} trials that fraction {fraction} chose is {within}, which is "
            f"{times(regret.ratio[-1])} times better: {advice}do without this fraction."
        )
        return [Finding(text, DOUBT, "a fraction missed the best trials", fraction)]
    first = f"first {enough}" if enough > 1 else "first alone"
    text = (
        f"Retraining the {first} of the {n_chosen} trials of the ranking on fraction "
        f"{fraction} would have led {within}."
    )
    return [Finding(text, GOOD)]
