"""Whether the order of step 1 carries over to step 2, and what of the differences is chance."""

from twostep.analysis.agreement import (
    FEWEST_CONTROLS,
    Agreement,
    Coefficient,
    whole_range_correlation,
)
from twostep.analysis.noise import (
    RepetitionNoise,
    ValidationNoise,
    repetition_noise,
    validation_noise,
)
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.util.wording import number, share

# ASSUME: a ranking that correlates less than this with the one on all data chooses badly.
WEAK_CORRELATION = 0.5
# What is more probable than this may be chance.
CHANCE = 0.05
# ASSUME: a correlation of fewer trials tells nothing. Bootstrap intervals of three unrelated trials
# are above 0 in 21 % of the cases, of six or more in at most 5 %.
FEWEST = 6


def check_order(study: Study, fraction: str) -> list[Finding]:
    """Return what is found about the order in which a fraction's ranking has put the trials."""
    steps = study.steps(fraction)
    n_controls = int(steps["control"].sum())
    return [
        *describe_whole_range(
            fraction, whole_range_correlation(steps), n_controls, n_others=study.n_others
        ),
        *describe_finalists(fraction, study.agreement(fraction)),
    ]


def describe_whole_range(
    fraction: str, whole: Coefficient | None, n_controls: int, *, n_others: int
) -> list[Finding]:
    """Return whether the ranking carries over, among all trials; nothing if none was cut off."""
    if n_others == 0:
        return []
    if whole is None:
        text = (
            f"{number(n_controls, 'control')} are too few to tell how the ranking of all trials on "
            f"fraction {fraction} agrees with that on all data: `retrain.controls` should be at "
            f"least {FEWEST_CONTROLS}."
        )
        return [Finding(text, UNKNOWN, "if the ranking carries over", fraction)]
    text = (
        f"Over all trials, as {number(n_controls, 'control')} tell, the ranking on fraction "
        f"{fraction} has a rank correlation with that on all data of {whole} (Spearman)"
    )
    if whole.low >= WEAK_CORRELATION:
        return [Finding(f"{text}.", GOOD)]
    if whole.value >= WEAK_CORRELATION:
        text += ", which may be weak: more `retrain.controls` would tell."
        return [Finding(text, UNKNOWN, "if the ranking carries over", fraction)]
    more = "a larger fraction" if float(fraction) < 1 else "a larger `search.budget`"
    text += f", which is weak: consider {more} or smaller batches."
    return [Finding(text, DOUBT, "the ranking carries over badly", fraction)]


def describe_finalists(fraction: str, agreement: Agreement | None) -> list[Finding]:
    """Return how the finalists' order carries over, which is no sign of a bad choice.

    They are alike by choice, so that even a good ranking puts them in an order much like chance.
    """
    if agreement is None or agreement.n_trials < FEWEST:
        return []
    text = (
        f"Among the {agreement.n_trials} finalists of fraction {fraction} alone, which are alike, "
        f"the rank correlation of the steps is {agreement.spearman}."
    )
    return [Finding(text, GOOD)]


def check_noise(study: Study) -> list[Finding]:
    """Return whether the differences among the finalists are larger than what chance makes."""
    retrained = study.retrained
    # Controls may lie far behind; among the finalists the choice is made.
    finalists = retrained[~retrained["control"] | (retrained["trial"] == study.best["trial"])]
    return [
        describe_repetitions(
            repetition_noise(finalists), n_repetitions=study.config["retrain"]["seeds"]
        ),
        *describe_validation(validation_noise(finalists)),
    ]


def describe_repetitions(noise: RepetitionNoise | None, *, n_repetitions: int) -> Finding:
    """Return whether the finalists differ by more than the repetitions of one trial."""
    if noise is None:
        reason = (
            "each trial was retrained once: `retrain.seeds: 3` shows how much of a difference is "
            "chance"
            if n_repetitions == 1
            else "too few trials succeeded with all seeds"
        )
        text = (
            f"The noise of initial weights and of the order of the samples is not known: {reason}."
        )
        return Finding(text, UNKNOWN, "the noise of the seeds")
    text = (
        f"{noise.n_repetitions} retrainings of one trial differ by {100 * noise.noise:.2g} % in "
        f"their loss, the means of the {noise.n_trials} finalists by {100 * noise.spread:.2g} % "
        "(standard deviations)"
    )
    if noise.probability <= CHANCE:
        return Finding(f"{text}: more than by chance (analysis of variance).", GOOD)
    text += (
        f"; by chance alone they would differ as much with a probability of {noise.probability:.2g}"
        ", so that their order is not to be relied on: take the cheapest of them, or raise "
        "`retrain.seeds`."
    )
    return Finding(text, DOUBT, "the finalists differ by no more than their seeds")


def describe_validation(noise: ValidationNoise | None) -> list[Finding]:
    """Return whether the validation split is large enough to tell the finalists apart."""
    if noise is None:
        return []
    n_others = noise.n_trials - 1
    error = (
        f"(the standard error of a difference is {100 * noise.error:.2g} % of the best loss, if "
        "the samples are independent)"
    )
    if noise.n_alike == 0:
        text = f"The validation samples tell all other finalists from the best one {error}."
        return [Finding(text, GOOD)]
    alike = share(noise.n_alike, n_others, "other finalists")
    text = f"The validation samples cannot tell {alike} from the best one {error}"
    if 2 * noise.n_alike < n_others:
        return [Finding(f"{text}.", GOOD)]
    text += ": take the cheapest of them, or a larger `split.validation`."
    return [Finding(text, DOUBT, "the validation split cannot tell the finalists apart")]
