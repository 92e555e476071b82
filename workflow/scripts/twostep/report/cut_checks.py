"""Whether a better trial is left among those that were cut off, and what the cut has lost."""

from dataclasses import dataclass, replace

from twostep.analysis.regret import Cut, Regret, judge_cut, measure_regret
from twostep.analysis.remaining import ALL_RETRAINED, FARTHEST, RISK, Remaining
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.trials.samplers import has_chosen
from twostep.util.wording import describe_level, is_rung, number, percent, times_less

# What decides whether a study can be trusted.
LEFT = "if a better trial is left"
ASSUMPTION = (
    "That assumes a normal scatter of the logarithms of the losses above a floor. A rare trial "
    "that comes out far better than its rank is not foreseen."
)

NOT_RANDOM = (
    "The sampler tpe chose trials by earlier losses. So the trials that were cut off are no random "
    "sample of the space. Such probabilities were tried on random searches alone: take this one "
    "as rough."
)


@dataclass(frozen=True)
class CutWords:
    """What the sentences about a cut call what comes after it, and the keys of the config."""

    best: str = "the best retrained one"
    trained: str = "retrained"
    all_trained: str = "all retrained trials"
    top_k: str = "`retrain.top_k`"
    has_rungs: bool = False

    @classmethod
    def of(cls, study: Study, name: str) -> "CutWords":
        """Return those of the cut through a ranking."""
        after = study.after(name)
        if after is None:
            return cls(has_rungs=bool(study.rungs))
        rung = describe_level(after.name)
        return cls(
            f"the best one of {rung}",
            f"trained in {rung}",
            f"all trials of {rung}",
            f"`top_k` of {rung} in `search.rungs`",
            has_rungs=True,
        )


STEP_2 = CutWords()


def check_cut(study: Study, fraction: str) -> list[Finding]:
    """Return what is found about the trials that the cut through a ranking left out."""
    n_others, words = study.n_others(fraction), CutWords.of(study, fraction)
    if n_others == 0:
        return [Finding(study.without_cut(fraction))]
    steps, tolerance = study.steps(fraction), study.config["select"]["tolerance"]
    top_k = study.passed(fraction)
    left = study.left(fraction)
    cut = judge_cut(steps, n_others=n_others, tolerance=tolerance)
    answer = describe_left(
        fraction, left, cut, top_k=top_k, tolerance=tolerance, risk=study.risk, words=words
    )
    if left.probability and has_chosen(study.config["search"]):
        answer = replace(answer, text=f"{answer.text} {NOT_RANDOM}")
    return [
        answer,
        *describe_lost(fraction, cut, tolerance=tolerance, words=words),
        *describe_regret(
            fraction, measure_regret(steps), tolerance=tolerance, n_others=n_others, words=words
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
    words: CutWords = STEP_2,
) -> Finding:
    """Return whether a better trial is left, and how many would have to be retrained."""
    text = left_text(
        describe_level(fraction), left, top_k=top_k, tolerance=tolerance, risk=risk, words=words
    )
    if left.probability is None:
        return Finding(f"{text}{_bound(cut)}", UNKNOWN, LEFT, fraction)
    if left.enough == top_k:
        return Finding(text, GOOD)
    if left.enough is None:
        text += f" {better_step_1(fraction, has_rungs=words.has_rungs).capitalize()}."
    else:
        text += f" Set {words.top_k} to {left.enough:,}."
    return Finding(text, DOUBT, "a better trial may be left", fraction)


def left_text(
    search: str,
    left: Remaining,
    *,
    top_k: int,
    tolerance: float,
    risk: float = RISK,
    words: CutWords = STEP_2,
) -> str:
    """Return the answer of the estimator as sentences about a search, e.g. "fraction 0.05"."""
    better = f"by more than {100 * tolerance:g} % than {words.best}"
    if left.probability is None:
        return (
            f"It cannot be told if {search} has left a better trial: {left.reason}. Better means "
            f"{better}."
        )
    if left.reason == ALL_RETRAINED:
        return f"{search[0].upper()}{search[1:]} has left no trial: {ALL_RETRAINED}."
    text = (
        f"{search[0].upper()}{search[1:]} has left a better trial with a probability of "
        f"{percent(left.probability)}. Better means {better}."
    )
    if left.enough == top_k:
        return f"{text} {number(top_k, 'finalist')} were enough. {ASSUMPTION}"
    if left.enough is None:
        return f"{text} It takes more than {FARTHEST * top_k:,} finalists for {percent(risk)}."
    return (
        f"{text} With the first {left.enough:,} of its ranking {words.trained} the probability "
        f"would be at most {percent(risk)}. {ASSUMPTION}"
    )


def better_step_1(fraction: str, *, has_rungs: bool = False) -> str:
    """Return the advice to let step 1, or a rung, see more, as part of a sentence."""
    if has_rungs:
        where = describe_level(fraction) if is_rung(fraction) else "the search"
        return f"consider a larger fraction or budget for {where}"
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
        f" {cut.n_better} of {number(cut.n_controls, 'control')} are better. So up to {most:,} of "
        f"the {cut.n_others:,} trials cut off may be better (95 % interval)."
    )


def describe_lost(
    fraction: str, cut: Cut | None, *, tolerance: float, words: CutWords = STEP_2
) -> list[Finding]:
    """Return a doubt if controls came out better than all finalists of a fraction."""
    if cut is None or not cut.n_better:
        return []
    low, high = (round(share * cut.n_others) for share in (cut.low, cut.high))
    advice = better_step_1(fraction, has_rungs=words.has_rungs).capitalize()
    text = (
        f"{cut.n_better} of {number(cut.n_controls, 'control')} came out better than the best of "
        f"the {cut.n_chosen} trials that {describe_level(fraction)} chose, by more than "
        f"{100 * tolerance:g} %. The best control is better by {100 * (1 - cut.ratio):.2g} %. So "
        f"{low:,} to {high:,} of the {cut.n_others:,} trials cut off may be better, too (95 % "
        f"interval). {advice}, or raise {words.top_k}."
    )
    return [Finding(text, DOUBT, "the cut at top_k lost better trials", fraction)]


def describe_regret(
    fraction: str,
    regret: Regret | None,
    *,
    tolerance: float,
    n_others: int,
    words: CutWords = STEP_2,
) -> list[Finding]:
    """Return how many trials of a fraction's ranking had to be retrained."""
    if regret is None:
        return []
    n_chosen, enough = len(regret.ratio), regret.sufficient(tolerance)
    within = f"within {100 * tolerance:g} % of the best of {words.all_trained}"
    if enough is None:
        advice = f"consider a larger {words.top_k}" if n_others else ""
        if not words.has_rungs:
            advice += f"{', or ' if advice else ''}do without this fraction"
        text = (
            f"None of the {n_chosen} trials that {describe_level(fraction)} chose is {within}. The "
            f"loss of that one is {times_less(regret.ratio[-1], 'lower')}: {advice}."
        )
        return [Finding(text, DOUBT, "a fraction missed the best trials", fraction)]
    first = f"first {enough} alone come" if enough > 1 else "first alone comes"
    text = f"Of the {n_chosen} trials that {describe_level(fraction)} chose, the {first} {within}."
    return [Finding(text, GOOD)]
