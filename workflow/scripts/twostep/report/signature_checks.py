"""Signs of a search that misleads: overfitting, a bias by size, too few trials."""

import math

from twostep.analysis.more_trials import FEWEST_TRIALS, MoreTrials, double_trials
from twostep.analysis.overfitting import Overfitting, overfitting
from twostep.analysis.size_bias import SizeBias, size_bias
from twostep.analysis.study import Study
from twostep.report.cut_checks import better_step_1
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.trials.samplers import has_chosen
from twostep.trials.space import count_configurations
from twostep.util.columns import is_fully_connected
from twostep.util.wording import percent, times, times_as, times_less

# ASSUME: from this probability of a better trial on, a search of twice the cost is worth a thought.
WORTH_IT = 0.25
OVERFITTING_UNKNOWN = "if large networks overfit in step 1"


def check_signatures(study: Study) -> list[Finding]:
    """Return what is found about each search's overfitting and bias, and about its length."""
    tolerance = study.config["select"]["tolerance"]
    found = []
    # The cut of step 1 is judged by what comes next.
    after = "rung 1" if study.rungs else "step 2"
    for search in study.searches:
        bias = size_bias(search.trials, study.sampled_steps(search.fraction))
        # Dropout raises training losses, and nobody knows if networks of the user's own have any.
        is_known = is_fully_connected(search.trials)
        top_k = study.passed(search.fraction)
        fit = overfitting(search.trials, top_k) if is_known else None
        found += describe_bias(search.fraction, bias, tolerance=tolerance, after=after)
        found += describe_overfitting(search.fraction, fit, bias, tolerance=tolerance, after=after)
        if fit is None and is_known and (search.trials["dropout"] > 0).any():
            found.append(_not_compared(search.fraction))
    return found + check_length(study)


def describe_bias(
    fraction: str, bias: SizeBias | None, *, tolerance: float, after: str = "step 2"
) -> list[Finding]:
    """Return whether step 1 puts large networks at a disadvantage; nothing if too few tell."""
    if bias is None:
        return []
    step_1 = f"step 1 on fraction {fraction} puts large networks at"
    than = f"networks with {times_less(bias.size_ratio, 'fewer')} parameters"
    if bias.is_relevant(tolerance):
        text = (
            f"S{step_1[1:]} a disadvantage. In {after} their losses gain a factor of "
            f"{times(math.exp(bias.gain))} or more on {than}. "
            f"{better_step_1(fraction, has_rungs=after != 'step 2').capitalize()}."
        )
        return [Finding(text, DOUBT, "step 1 is biased against large networks", fraction)]
    if bias.is_excluded(tolerance):
        text = (
            f"S{step_1[1:]} no disadvantage of more than {100 * tolerance:g} %, as compared with "
            f"{than}."
        )
        return [Finding(text, GOOD)]
    text = (
        f"It cannot be told if {step_1} a disadvantage. In {after} their losses may gain a factor "
        f"of up to {times(math.exp(bias.most))} on {than}. More `retrain.controls` would tell more."
    )
    return [Finding(text, UNKNOWN, "if step 1 is biased against large networks", fraction)]


def describe_overfitting(
    fraction: str,
    found: Overfitting | None,
    bias: SizeBias | None,
    *,
    tolerance: float,
    after: str = "step 2",
) -> list[Finding]:
    """Return whether large networks overfit the samples of step 1 more than small ones.

    It is no doubt where step 2, or what else comes `after`, excludes that they are at a
    disadvantage.
    """
    if found is None:
        return []
    text = (
        f"Step 1 on fraction {fraction}: in the smallest quarter of the networks, the validation "
        f"loss is {times_as(found.small, 'high')} the training loss. In the largest quarter it is "
        f"{times_as(found.large, 'high')} the training loss (without dropout)."
    )
    if found.lowest <= 1 + tolerance:
        return [Finding(text, GOOD)]
    text += (
        " So large networks overfit more. With far more samples they may gain on the small ones by "
        f"a factor of up to {times(found.gain)}."
    )
    if bias is not None and bias.is_excluded(tolerance):
        return [Finding(f"{text} {after.capitalize()} shows no such gain.", GOOD)]
    if math.isnan(found.missed):
        text += " It cannot be told if that would bring up other trials, because most have dropout."
        return [Finding(text, UNKNOWN, OVERFITTING_UNKNOWN, fraction)]
    if not found.is_relevant(tolerance):
        text += f" That would not bring up another trial by more than {100 * tolerance:g} %."
        return [Finding(text, GOOD)]
    text += (
        " That may bring up a trial that was not retrained by a factor of "
        f"{times(found.missed)}. "
        f"{better_step_1(fraction, has_rungs=after != 'step 2').capitalize()}."
    )
    return [Finding(text, DOUBT, "large networks overfit in step 1", fraction)]


def _not_compared(fraction: str) -> Finding:
    text = (
        f"It cannot be told if large networks overfit in step 1 on fraction {fraction}. Dropout "
        "raises training losses, and too few trials have none."
    )
    return Finding(text, UNKNOWN, OVERFITTING_UNKNOWN, fraction)


def check_length(study: Study) -> list[Finding]:
    """Return whether more trials would help, as the search on the largest fraction tells."""
    search = max(study.searches, key=lambda search: float(search.fraction))
    settings, tolerance = study.config["search"], study.config["select"]["tolerance"]
    n_distinct = count_configurations(settings["space"])
    # Of a limited number, constraints may leave as few as there are trials.
    is_constrained = any(limit is not None for limit in settings["constraints"].values())
    if n_distinct < (math.inf if is_constrained else 2 * settings["n_trials"]):
        return []
    if has_chosen(settings):
        text = (
            "It cannot be told if more trials would find a better one. That takes a random sample, "
            "and the sampler tpe chose trials by the losses of earlier ones."
        )
        return [Finding(text, UNKNOWN, "if more trials would help")]
    sample = study.random_sample(search)
    losses = sample.loc[sample["status"] == "ok", "min_val_loss"]
    more = double_trials(losses, tolerance)
    return [describe_length(more, n_trials=settings["n_trials"], tolerance=tolerance)]


def describe_length(more: MoreTrials | None, *, n_trials: int, tolerance: float) -> Finding:
    """Return whether twice as many trials would find a better one, as step 1 measures it."""
    if more is None:
        text = (
            "It cannot be told if more trials would find a better one. That takes at least "
            f"{FEWEST_TRIALS} trials that succeeded and that differ."
        )
        return Finding(text, UNKNOWN, "if more trials would help")
    text = (
        f"Twice as many trials would find one that is better by more than {100 * tolerance:g} % in "
        f"step 1 with a probability of {percent(more.probability)}"
    )
    rest = (
        f"It would hardly be better by more than {100 * more.most:.2g} %. The best of the "
        f"{more.n_trials:,} losses tell this."
    )
    if more.probability < WORTH_IT:
        return Finding(f"{text}. {rest}", GOOD)
    text += f". Consider `search.n_trials: {2 * n_trials}`. {rest}"
    return Finding(text, DOUBT, "more trials may find a better one")
