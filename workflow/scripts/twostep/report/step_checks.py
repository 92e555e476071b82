"""Whether the order of step 1 carries over to step 2."""

from twostep.analysis.agreement import (
    FEWEST_CONTROLS,
    Agreement,
    Coefficient,
    whole_range_correlation,
)
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.util.wording import describe_level, is_rung, number

# What step 2 trains on.
ALL_DATA = "all data"
# ASSUME: a ranking that correlates less than this with the one on all data chooses badly.
WEAK_CORRELATION = 0.5
# ASSUME: a correlation of fewer trials tells nothing. Bootstrap intervals of three unrelated trials
# are above 0 in 21 % of the cases, of six or more in at most 5 %.
FEWEST = 6


def check_order(study: Study, fraction: str) -> list[Finding]:
    """Return what is found about the order in which a ranking has put the trials."""
    steps, following = study.steps(fraction), study.after(fraction)
    n_controls = int(steps["control"].sum())
    return [
        *describe_whole_range(
            fraction,
            whole_range_correlation(steps),
            n_controls,
            n_others=study.n_others(fraction),
            target=ALL_DATA if following is None else describe_level(following.name),
        ),
        *describe_finalists(fraction, study.agreement(fraction)),
    ]


def describe_whole_range(
    fraction: str,
    whole: Coefficient | None,
    n_controls: int,
    *,
    n_others: int,
    target: str = ALL_DATA,
) -> list[Finding]:
    """Return whether the ranking carries over, among all trials; nothing if none was cut off.

    `target` is what the trials were trained on after the cut.
    """
    if n_others == 0:
        return []
    if whole is None:
        text = (
            f"It cannot be told how the ranking of all trials on {describe_level(fraction)} agrees "
            f"with that on {target}. That takes at least {FEWEST_CONTROLS} `retrain.controls`, and "
            f"there are {n_controls}."
        )
        return [Finding(text, UNKNOWN, "if the ranking carries over", fraction)]
    text = (
        f"The ranking of all trials on {describe_level(fraction)} has a rank correlation with that "
        f"on {target} of {whole} (Spearman, by {number(n_controls, 'control')})"
    )
    if whole.low >= WEAK_CORRELATION:
        return [Finding(f"{text}.", GOOD)]
    if whole.value >= WEAK_CORRELATION:
        text += ". That may be weak, and more `retrain.controls` would tell."
        return [Finding(text, UNKNOWN, "if the ranking carries over", fraction)]
    if target != ALL_DATA or is_rung(fraction):
        more = f"a larger fraction or budget for {describe_level(fraction)}"
    else:
        more = "a larger fraction" if float(fraction) < 1 else "a larger `search.budget`"
    text += f". That is weak: consider {more} or smaller batches."
    return [Finding(text, DOUBT, "the ranking carries over badly", fraction)]


def describe_finalists(fraction: str, agreement: Agreement | None) -> list[Finding]:
    """Return how the finalists' order carries over, which is no sign of a bad choice.

    They are alike by choice, so that even a good ranking puts them in an order much like chance.
    """
    if agreement is None or agreement.n_trials < FEWEST:
        return []
    text = (
        f"Among the {agreement.n_trials} finalists of {describe_level(fraction)} alone the rank "
        f"correlation of the steps is {agreement.spearman}. They are alike by choice, which makes "
        "it weaker."
    )
    return [Finding(text, GOOD)]
