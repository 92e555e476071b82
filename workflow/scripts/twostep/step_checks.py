"""Whether step 1 chose well: its order, what the cut lost, the fractions, and what is chance."""

import itertools
import math

from twostep.agreement import Agreement, Coefficient, whole_range_correlation
from twostep.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.fraction_comparison import (
    compare_outcomes,
    correlate_rankings,
    overlap,
    overlap_by_chance,
)
from twostep.noise import SeedNoise, ValidationNoise, seed_noise, validation_noise
from twostep.regret import Cut, Regret, judge_cut, measure_regret
from twostep.study import Study
from twostep.wording import share, times

# A best trial in the last part of the top k, from this place on, asks for a look beyond the cut.
LATE = 0.75
# ASSUME: rankings of all trials that correlate less than this are too different.
WEAK_CORRELATION = 0.5
# What is more probable than this may be chance.
CHANCE = 0.05


def check_steps(study: Study, fraction: str) -> list[Finding]:
    """Return what is found about the choice that a fraction's ranking made for step 2."""
    steps = study.steps(fraction)
    whole = whole_range_correlation(steps)
    n_controls = int(steps["control"].sum())
    cut = judge_cut(steps, n_others=study.n_others)
    return [
        describe_order(fraction, study.agreement(fraction), whole, n_controls),
        describe_cut(fraction, cut, n_others=study.n_others),
        *describe_regret(fraction, measure_regret(steps), study.config["select"]["tolerance"]),
    ]


def describe_order(
    fraction: str, agreement: Agreement | None, whole: Coefficient | None, n_controls: int
) -> Finding:
    """Return whether the finalists' order on a fraction is better than chance."""
    over_all = (
        ""
        if whole is None
        else f" Over all trials, as {n_controls} controls tell, Spearman's correlation is {whole}."
    )
    if agreement is None:
        text = (
            f"Too few trials were retrained to tell if the ranking on {fraction} carries over: "
            f"consider a larger `retrain.top_k`.{over_all}"
        )
        return Finding(text, UNKNOWN, "if the ranking carries over", fraction)
    spearman = agreement.spearman
    if spearman.low <= 0:
        text = (
            f"Among the {agreement.n_trials} trials that it chose, the ranking on fraction "
            f"{fraction} may say nothing about the ranking on all data (Spearman {spearman}): "
            f"consider a larger fraction or a larger `retrain.top_k`.{over_all}"
        )
        return Finding(text, DOUBT, "step 1 may have ordered its finalists by chance", fraction)
    text = (
        f"The ranking on fraction {fraction} orders the {agreement.n_trials} trials that it chose "
        f"better than chance (Spearman {spearman}).{over_all}"
    )
    return Finding(text, GOOD)


def describe_cut(fraction: str, cut: Cut | None, *, n_others: int) -> Finding:
    """Return what the cut at top_k has lost, as far as the controls tell."""
    if n_others == 0:
        return Finding("All trials that succeeded were retrained, so that the cut lost nothing.")
    if cut is None:
        text = (
            f"Nothing is known of the {n_others:,} trials that were cut off, as none of them was "
            "retrained: `retrain.controls` retrains some."
        )
        return Finding(text, UNKNOWN, "what the cut at top_k has lost", fraction)
    drawn = f"{cut.n_controls} controls, drawn at random from the {n_others:,} trials cut off,"
    best = f"the best of the {cut.n_chosen} trials that fraction {fraction} chose"
    if cut.n_better:
        text = (
            f"{cut.n_better} of {drawn} came out better than {best}, by "
            f"{100 * (1 - cut.ratio):.2g} % of the loss; so may {_portion(cut)} of them all. "
            "Consider a larger `retrain.top_k` or a larger fraction."
        )
        return Finding(text, DOUBT, "the cut at top_k lost better trials", fraction)
    text = (
        f"None of {drawn} came out better than {best}; the best control's loss is "
        f"{times(cut.ratio)} times as high. {_portion(cut).capitalize()} of them all may be better."
    )
    return Finding(text, GOOD)


def _portion(cut: Cut) -> str:
    """Return which share of the trials that were cut off may be better, from its interval."""
    if cut.n_controls == cut.n_others:
        return f"{100 * cut.high:.2g} %"
    return f"{100 * cut.low:.2g} to {100 * cut.high:.2g} % (95 % interval)"


def describe_regret(fraction: str, regret: Regret | None, tolerance: float) -> list[Finding]:
    """Return how many trials of a fraction's ranking had to be retrained."""
    if regret is None:
        return []
    n_chosen, enough = len(regret.ratio), regret.sufficient(tolerance)
    within = f"within {100 * tolerance:g} % of the best of all retrained trials"
    # Where the best loss of the first k has reached its end.
    best = int((regret.ratio > regret.ratio[-1]).sum()) + 1
    if enough is None:
        text = (
            f"None of the {n_chosen} trials that fraction {fraction} chose is {within}, which is "
            f"{times(regret.ratio[-1])} times better: consider a larger `retrain.top_k`, or do "
            "without this fraction."
        )
        return [Finding(text, DOUBT, "a fraction missed the best trials", fraction)]
    first = f"first {enough}" if enough > 1 else "first alone"
    text = (
        f"Retraining the {first} of the {n_chosen} trials of the ranking on fraction "
        f"{fraction} would have led {within}."
    )
    if n_chosen < 4 or best <= LATE * n_chosen:
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
        describe_seeds(seed_noise(finalists), n_seeds=study.config["retrain"]["seeds"]),
        *describe_validation(validation_noise(finalists)),
    ]


def describe_seeds(noise: SeedNoise | None, *, n_seeds: int) -> Finding:
    """Return whether the finalists differ by more than the seeds of one trial."""
    if noise is None:
        reason = (
            "each trial was retrained once: `retrain.seeds: 3` shows how much of a difference is "
            "chance"
            if n_seeds == 1
            else "too few trials succeeded with all seeds"
        )
        text = (
            f"The noise of initial weights and of the order of the samples is not known: {reason}."
        )
        return Finding(text, UNKNOWN, "the noise of the seeds")
    text = (
        f"{noise.n_seeds} retrainings of one trial differ by {100 * noise.noise:.2g} % in their "
        f"loss, the means of the {noise.n_trials} finalists by {100 * noise.spread:.2g} % "
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
    alike = share(noise.n_alike, noise.n_trials - 1, "other finalists")
    text = (
        f"The validation samples cannot tell {alike} from the best one (the standard error of a "
        f"difference is {100 * noise.error:.2g} % of the best loss, if the samples are independent)"
    )
    if 2 * noise.n_alike < noise.n_trials - 1 or noise.n_alike == 0:
        return [Finding(f"{text}.", GOOD)]
    text += ": take the cheapest of them, or a larger `split.validation`."
    return [Finding(text, DOUBT, "the validation split cannot tell the finalists apart")]


def check_fractions(study: Study) -> list[Finding]:
    """Return whether the rankings on neighbouring fractions agree, where there are several."""
    searches = sorted(study.searches, key=lambda search: float(search.fraction))
    if len(searches) < 2:
        return []
    rankings = {search.fraction: search.trials for search in searches}
    correlations, n_trials = correlate_rankings(rankings)
    found = []
    for smaller, larger in itertools.pairwise(rankings):
        shared = overlap(rankings[smaller], rankings[larger])
        top_k = min(study.config["retrain"]["top_k"], len(shared))
        if top_k == 0:
            continue
        n_shared, correlation = int(shared[top_k - 1]), correlations.at[smaller, larger]
        text = (
            f"Fractions {smaller} and {larger} share {n_shared} of their best {top_k} trials; over "
            f"{n_trials:,} trials the correlation of their losses is {correlation:.2f} (Spearman)"
        )
        by_chance = overlap_by_chance(n_shared, top_k, n_trials) > CHANCE
        if correlation >= WEAK_CORRELATION and not by_chance:
            found.append(Finding(f"{text}.", GOOD))
            continue
        if by_chance:
            text += ", and unrelated rankings might share as many"
        text += f": rely on the larger fraction, and consider one beyond {larger}."
        found.append(Finding(text, DOUBT, "the fractions do not agree", smaller))
    return [*found, _compare_outcomes(study)]


def _compare_outcomes(study: Study) -> Finding:
    """Return how close each fraction's choice came to the best of all."""
    ratios = [
        f"{outcome.ratio:.2f} on fraction {outcome.fraction}"
        for outcome in compare_outcomes(study)
        if not math.isnan(outcome.ratio)
    ]
    text = "The best loss among the trials that a ranking chose, over the best of all: "
    return Finding(f"{text}{'; '.join(ratios)}.", GOOD)
