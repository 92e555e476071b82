"""What of the differences among the finalists is chance: of the seeds and of the samples."""

import math

from twostep.analysis.noise import (
    CONFIDENCE,
    RepetitionNoise,
    Rivals,
    find_rivals,
    repetition_noise,
)
from twostep.analysis.study import Study
from twostep.data.sizes import share_sizes
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.report.training_checks import STRONG_AUTOCORRELATION
from twostep.trials.selection import complete_trials
from twostep.util.text import list_names
from twostep.util.wording import number, share

# What the errors of validation losses rest on, by the method of the split.
PARTS = {
    "random": "random parts of the validation split, with samples taken to be independent,",
    "variable": "random parts of the validation split, with samples taken to be independent,",
    "blocks": "whole blocks of the validation split",
    "group": "whole groups of the validation split",
}

# What is kept together by these methods, and how to get more of them into the validation split.
UNITS = {
    "blocks": ("block", "a larger `split.n_blocks` or `split.validation`"),
    "group": ("group", "a larger `split.validation`, or a `split.variable` with more values"),
}


def check_noise(study: Study) -> list[Finding]:
    """Return whether the differences among the finalists are larger than what chance makes."""
    retrained = study.retrained
    # Controls may lie far behind; among the finalists the choice is made.
    finalists = retrained[~retrained["control"] | (retrained["trial"] == study.best["trial"])]
    noise = repetition_noise(finalists)
    found = [describe_repetitions(noise, n_repetitions=study.config["retrain"]["seeds"])]
    if complete_trials(finalists)["trial"].nunique() < 2:
        return found
    method = study.manifest["split"]["method"]
    has_errors = finalists["difference_error"].notna().any()
    unknown = check_sample(study.manifest, has_errors=has_errors)
    if unknown:
        found += unknown
        finalists = finalists.assign(difference_error=math.nan)
    rivals = find_rivals(finalists, noise)
    if rivals is None:
        return found
    tolerance = study.config["select"]["tolerance"]
    return [*found, describe_rivals(rivals, method=method, tolerance=tolerance)]


def describe_repetitions(noise: RepetitionNoise | None, *, n_repetitions: int) -> Finding:
    """Return how much the repetitions of a trial differ."""
    if noise is not None:
        text = (
            f"The {noise.n_repetitions} networks of a trial differ in their seed. Their losses "
            f"differ by {100 * noise.noise:.2g} % (standard deviation)."
        )
        return Finding(text)
    if n_repetitions == 1:
        text = (
            "The noise of initial weights and of the order of the samples is not known, because "
            "each trial was retrained once. The best is a network, and not a configuration. "
            "Trained anew, another one may be the best. `retrain.seeds: 3` shows how much is "
            "chance."
        )
    else:
        text = (
            "The noise of the seeds is not known, because too few trials succeeded with all seeds, "
            "or because a loss is 0."
        )
    return Finding(text, UNKNOWN, "the noise of the seeds")


def check_sample(manifest: dict, *, has_errors: bool) -> list[Finding]:
    """Return why the standard error of a validation loss is not known; nothing if it is.

    `has_errors` tells if the table of retrained models has standard errors. Few blocks or groups
    are a doubt, because the choice may be theirs alone.
    """
    division, measured = manifest["split"], manifest["autocorrelation"]
    method = division["method"]
    text = "It cannot be told how much of a validation loss is chance, because "
    if method in ("random", "variable"):
        if measured is None:
            return []
        if min(measured["inputs"], measured["outputs"]) < STRONG_AUTOCORRELATION:
            return []
        text += (
            "neighbouring samples are alike, and nothing says which of them belong together: "
            "consider `split.method: blocks` or `group`."
        )
        return [Finding(text, UNKNOWN, "the noise of the validation split")]
    if has_errors:
        return []
    unit, advice = UNITS[method]
    n_units, _ = share_sizes(division["n_units"], division, f"{unit}s")
    few = f"the validation split has {number(n_units, unit)}"
    if division["variable"]:
        few += f" of `{division['variable']}`"
    text += f"{few}. That takes about 10 {unit}s of similar size: consider {advice}."
    return [Finding(text, DOUBT, few)]


def describe_rivals(rivals: Rivals, *, method: str, tolerance: float) -> Finding:
    """Return which finalists cannot be told from the best.

    `method` is that of the split. Without repetitions networks are compared, and not their
    configurations.
    """
    what = "configuration" if rivals.seeds else "network"
    n_others, n_alike = rivals.n_trials - 1, len(rivals.trials)
    known = {"the seeds": rivals.seeds, PARTS[method]: rivals.sample}
    bases = " and ".join(basis for basis, is_known in known.items() if is_known)
    limit = (
        f"By chance a loss may exceed the best one by {100 * rivals.allowance:.2g} % (median over "
        f"them). {bases[0].upper()}{bases[1:]} tell this. All comparisons together are "
        f"{100 * CONFIDENCE:g} % sure."
    )
    if not rivals.trials:
        text = f"The best {what}, trial {rivals.best}, is told from the other finalists. {limit}"
        return Finding(text, GOOD)
    listed = list_names([str(trial) for trial in rivals.trials])
    text = (
        f"{share(n_alike, n_others, 'other finalists')} cannot be told from the best {what}, trial "
        f"{rivals.best}: {'trials' if n_alike > 1 else 'trial'} {listed}. {limit}"
    )
    # What is alike within the tolerance may be chosen freely.
    if 2 * n_alike < n_others or rivals.allowance <= tolerance:
        return Finding(text, GOOD)
    larger = {"more `retrain.seeds`": rivals.seeds, "a larger `split.validation`": rivals.sample}
    advice = [advised for advised, helps in larger.items() if helps]
    text += (
        f" That is more than `select.tolerance`, {100 * tolerance:g} %. Take the cheapest of them, "
        f"or consider {' and '.join(advice)}."
    )
    return Finding(text, DOUBT, "the finalists cannot be told apart")
