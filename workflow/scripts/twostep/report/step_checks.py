"""Whether step 1 chose well: its order, what the cut lost, the fractions, and what is chance."""

import itertools
import math

import numpy as np
import pandas as pd

from twostep.analysis.agreement import CONFIDENCE, Agreement, Coefficient, whole_range_correlation
from twostep.analysis.fractions import (
    compare_outcomes,
    correlate_rankings,
    overlap,
    overlap_by_chance,
)
from twostep.analysis.noise import (
    RepetitionNoise,
    ValidationNoise,
    repetition_noise,
    validation_noise,
)
from twostep.analysis.regret import Cut, Regret, judge_cut, measure_regret
from twostep.analysis.study import Study
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.util.wording import number, share, times

LOST = "what the cut at top_k has lost"
# A best trial in the last part of the top k, from this place on, asks for a look beyond the cut.
LATE = 0.75
# ASSUME: rankings of all trials that correlate less than this are too different.
WEAK_CORRELATION = 0.5
# What is more probable than this may be chance.
CHANCE = 0.05
# ASSUME: a correlation of fewer trials tells nothing. Bootstrap intervals of three unrelated trials
# are above 0 in 21 % of the cases, of six or more in at most 5 %.
FEWEST = 6
# ASSUME: where more than this share of the trials cut off may be better, the cut is not known.
WIDE = 0.2
# So many controls, none of them better, bound the share below WIDE (Clopper and Pearson).
ENOUGH_CONTROLS = math.ceil(math.log((1 - CONFIDENCE) / 2) / math.log(1 - WIDE))


def check_steps(study: Study, fraction: str) -> list[Finding]:
    """Return what is found about the choice that a fraction's ranking made for step 2."""
    steps = study.steps(fraction)
    whole = whole_range_correlation(steps)
    n_controls = int(steps["control"].sum())
    n_others, tolerance = study.n_others, study.config["select"]["tolerance"]
    return [
        describe_order(fraction, study.agreement(fraction), whole, n_controls, n_others=n_others),
        _check_cut(study, fraction, judge_cut(steps, n_others=n_others)),
        *describe_regret(fraction, measure_regret(steps), tolerance, n_others=n_others),
    ]


def _advice(fraction: str, *, n_others: int) -> str:
    """Return what may make step 1 choose better: what there is more of than it has."""
    # On all data there is none, and the steps differ in their budgets.
    more = "fraction" if float(fraction) < 1 else "`search.budget`"
    return f"a larger {more}" + (" or a larger `retrain.top_k`" if n_others else "")


def describe_order(
    fraction: str,
    agreement: Agreement | None,
    whole: Coefficient | None,
    n_controls: int,
    *,
    n_others: int,
) -> Finding:
    """Return whether the finalists' order on a fraction is better than chance."""
    over_all = (
        ""
        if whole is None
        else f" Over all trials, as {n_controls} controls tell, Spearman's correlation is {whole}."
    )
    if agreement is None or agreement.n_trials < FEWEST:
        more = "retrain.top_k" if n_others else "search.n_trials"
        text = (
            f"{_too_few(fraction, agreement)} carries over: consider a larger `{more}`.{over_all}"
        )
        return Finding(text, UNKNOWN, "if the ranking carries over", fraction)
    spearman = agreement.spearman
    if spearman.low <= 0:
        text = (
            f"Among the {agreement.n_trials} trials that it chose, the ranking on fraction "
            f"{fraction} may say nothing about the ranking on all data (Spearman {spearman}): "
            f"consider {_advice(fraction, n_others=n_others)}.{over_all}"
        )
        return Finding(text, DOUBT, "step 1 may have ordered its finalists by chance", fraction)
    text = (
        f"The ranking on fraction {fraction} orders the {agreement.n_trials} trials that it chose "
        f"better than chance (Spearman {spearman}).{over_all}"
    )
    return Finding(text, GOOD)


def _too_few(fraction: str, agreement: Agreement | None) -> str:
    if agreement is None:
        return (
            "Too few of the retrained trials succeeded, or their losses are equal, to tell if the "
            f"ranking on fraction {fraction}"
        )
    return (
        f"Of the trials that the ranking on fraction {fraction} chose only {agreement.n_trials} "
        "were retrained with success, too few to tell if it"
    )


def _check_cut(study: Study, fraction: str, cut: Cut | None) -> Finding:
    """Return what the cut at top_k has lost, if that is known, or why it is not."""
    if cut is not None:
        return describe_cut(fraction, cut)
    text = study.without_cut
    if study.n_others == 0:
        return Finding(text)
    if not study.retrained["control"].any():
        text += " `retrain.controls` retrains some."
    return Finding(text, UNKNOWN, LOST, fraction)


def describe_cut(fraction: str, cut: Cut) -> Finding:
    """Return what the cut at top_k has lost, as far as the controls tell."""
    controls = number(cut.n_controls, "control")
    drawn = f"{controls}, drawn at random from the {cut.n_others:,} trials cut off,"
    best = f"the best of the {cut.n_chosen} trials that fraction {fraction} chose"
    if cut.n_better:
        text = (
            f"{cut.n_better} of {drawn} came out better than {best}, by "
            f"{100 * (1 - cut.ratio):.2g} % of the loss; so may {_portion(cut)} of them all. "
            f"Consider {_advice(fraction, n_others=cut.n_others)}."
        )
        return Finding(text, DOUBT, "the cut at top_k lost better trials", fraction)
    text = (
        f"None of {drawn} came out better than {best}; the best control's loss is "
        f"{times(cut.ratio)} times as high. {_portion(cut).capitalize()} of them all may be better."
    )
    if cut.high > WIDE:
        text = (
            f"{text.removesuffix('.')}: more `retrain.controls` would tell, of which "
            f"{ENOUGH_CONTROLS} bound it below {100 * WIDE:g} % if none of them is better."
        )
        return Finding(text, UNKNOWN, LOST, fraction)
    return Finding(text, GOOD)


def _portion(cut: Cut) -> str:
    """Return which share of the trials that were cut off may be better, from its interval."""
    if cut.n_controls == cut.n_others:
        return f"{100 * cut.high:.2g} %"
    return f"{100 * cut.low:.2g} to {100 * cut.high:.2g} % (95 % interval)"


def describe_regret(
    fraction: str, regret: Regret | None, tolerance: float, *, n_others: int
) -> list[Finding]:
    """Return how many trials of a fraction's ranking had to be retrained."""
    if regret is None:
        return []
    n_chosen, enough = len(regret.ratio), regret.sufficient(tolerance)
    within = f"within {100 * tolerance:g} % of the best of all retrained trials"
    # Where the best loss of the first k has reached its end.
    best = int(np.flatnonzero(regret.ratio == regret.ratio[-1])[0]) + 1
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
    if n_chosen < 4 or best <= LATE * n_chosen or n_others == 0:
        return [Finding(text, GOOD)]
    text += (
        f" The best of them was number {best}, close to the cut, beyond which there may be better "
        "ones: consider a larger `retrain.top_k`."
    )
    return [Finding(text, DOUBT, "the best trial was close to the cut", fraction)]


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


def check_fractions(study: Study) -> list[Finding]:
    """Return whether the rankings on neighbouring fractions agree, where there are several."""
    searches = sorted(study.searches, key=lambda search: float(search.fraction))
    if len(searches) < 2:
        return []
    rankings = {search.fraction: search.trials for search in searches}
    top_k = study.config["retrain"]["top_k"]
    return [*_check_pairs(rankings, top_k), _compare_outcomes(study)]


def _check_pairs(rankings: dict[str, pd.DataFrame], top_k: int) -> list[Finding]:
    """Return whether each ranking agrees with the next one; they are in ascending order."""
    correlations, n_trials = correlate_rankings(rankings)
    found = []
    for smaller, larger in itertools.pairwise(rankings):
        correlation = correlations[larger][smaller]
        if n_trials < FEWEST or math.isnan(correlation):
            text = (
                f"Too few trials succeeded on both fractions {smaller} and {larger}, or their "
                "losses are equal, to compare them."
            )
            found.append(Finding(text, UNKNOWN, "if the fractions agree", smaller))
            continue
        shared = overlap(rankings[smaller], rankings[larger])
        n_chosen = min(top_k, len(shared))
        found.append(
            _judge_pair(smaller, larger, int(shared[n_chosen - 1]), n_chosen, n_trials, correlation)
        )
    return found


def _judge_pair(
    smaller: str, larger: str, n_shared: int, top_k: int, n_trials: int, correlation: float
) -> Finding:
    """Return whether two fractions agree that share `n_shared` of their best `top_k` trials."""
    text = (
        f"Fractions {smaller} and {larger} share {n_shared} of their best {top_k} trials; over "
        f"{n_trials:,} trials the correlation of their losses is {correlation:.2f} (Spearman)"
    )
    # ASSUME: what more than half of the trials share tells nothing, as any rankings share much.
    by_chance = 2 * top_k <= n_trials and overlap_by_chance(n_shared, top_k, n_trials) > CHANCE
    if correlation >= WEAK_CORRELATION and not by_chance:
        return Finding(f"{text}.", GOOD)
    if by_chance:
        text += ", and unrelated rankings might share as many"
    text += ": rely on the larger fraction"
    text += f", and consider one beyond {larger}." if float(larger) < 1 else "."
    return Finding(text, DOUBT, "the fractions do not agree", smaller)


def _compare_outcomes(study: Study) -> Finding:
    """Return how close each fraction's choice came to the best of all."""
    ratios = [
        f"{outcome.ratio:.2f} on fraction {outcome.fraction}"
        for outcome in compare_outcomes(study)
        if not math.isnan(outcome.ratio)
    ]
    text = "The best loss among the trials that a ranking chose, over the best of all: "
    return Finding(f"{text}{'; '.join(ratios)}.", GOOD)
