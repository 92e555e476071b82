"""Checks of the data, the search and the retraining of a study, in plain words."""

import math

import pandas as pd

from twostep.analysis.training_end import TrainingEnd, is_scheduled, training_end
from twostep.report.finding import DOUBT, GOOD, UNKNOWN, Finding
from twostep.trials.records import REPEATABLE
from twostep.trials.rungs import ranking_file
from twostep.util.wording import autocorrelation, counts, describe_level, is_rung, number, share

# From this share on, trials that ran into the limit are worth a warning.
LIMITED_SHARE = 0.2
# How much longer a retraining is looked ahead, to see if it has ended early.
MORE = 1.5
# ASSUME: that fewer trials of a search fail is to be expected.
FAILED_SHARE = 0.05
# ASSUME: with fewer updates than this, a pause in the progress is easily taken for its end.
MIN_PATIENCE_UPDATES = 100
# ASSUME: above this, a sample's neighbour in another split gives much of its answer away.
STRONG_AUTOCORRELATION = 0.5


def check_split(manifest: dict) -> list[Finding]:
    """Return a doubt if neighbouring samples are alike and were divided at random."""
    measured = manifest["autocorrelation"]
    if manifest["split"]["method"] != "random" or measured is None:
        return []
    if min(measured["inputs"], measured["outputs"]) < STRONG_AUTOCORRELATION:
        return []
    text = (
        f"{autocorrelation(measured, is_generated=False)} Divided at random, validation and test "
        "samples have near copies among the training samples. So errors look smaller than they "
        "will be on new data: consider `split.method: blocks` or `group`."
    )
    return [Finding(text, DOUBT, "neighbouring samples are in different splits")]


def check_search(fraction: str, trials: pd.DataFrame, budget: dict) -> list[Finding]:
    """Return what is found about a fraction's search; `budget` is the configured one."""
    succeeded = trials[trials["status"] == "ok"]
    return [
        _check_failed(fraction, trials),
        *_check_limit(fraction, succeeded, budget),
        *_check_patience(fraction, trials, budget),
    ]


def _check_failed(fraction: str, trials: pd.DataFrame) -> Finding:
    failed = trials.loc[trials["status"] != "ok", "status"]
    where = f"{_name(fraction)}:"
    if failed.empty:
        return Finding(f"{where} none of the {len(trials):,} trials failed.")
    text = (
        f"{where} {share(len(failed), len(trials), 'trials')} failed ({counts(failed)}). The "
        f"column `message` of [trials.csv]({ranking_file(fraction)}) says why."
    )
    again = _try_again(failed, "rung_shard" if is_rung(fraction) else "search_shard")
    if len(failed) < FAILED_SHARE * len(trials):
        return Finding(text + again)
    advice = (
        " If they diverged, consider a smaller `search.space.learning_rate`, or a "
        "`search.space.max_gradient_norm`."
    )
    if "diverged" in set(failed):
        text += advice
    return Finding(text + again, DOUBT, "many trials failed", fraction)


def _check_limit(fraction: str, succeeded: pd.DataFrame, budget: dict) -> list[Finding]:
    """Return whether trials ran into the limit before their patience ended them.

    Without a patience every trial does, as it is meant to. Whether its last epoch is the best tells
    nothing, because losses scatter from epoch to epoch.
    """
    if succeeded.empty or not (budget.get("patience_epochs") or budget.get("patience_updates")):
        return []
    n_limited = int(succeeded["stop_reason"].isin(["max_epochs", "max_updates"]).sum())
    text = (
        f"{_name(fraction)}: {share(n_limited, len(succeeded), 'trials')} reached the "
        f"limit of {_budget(fraction)} before their patience ended them"
    )
    if n_limited < LIMITED_SHARE * len(succeeded):
        return [Finding(f"{text}.")]
    text += ". Their ranking may be one of speed: consider a larger budget."
    return [Finding(text, DOUBT, "many trials stopped at the limit of the budget", fraction)]


def _check_patience(fraction: str, trials: pd.DataFrame, budget: dict) -> list[Finding]:
    updates = patience_updates(trials, budget)
    if updates is None:
        return []
    where = f"{_name(fraction)}: the patience of {_budget(fraction)} is"
    if updates >= MIN_PATIENCE_UPDATES:
        return [Finding(f"{where} at least {updates:,} updates.")]
    text = (
        f"{where} only {updates} updates, because {int(trials['n_train'].max()):,} training "
        "samples make few batches. Consider a longer patience or smaller batches."
    )
    return [Finding(text, DOUBT, "the patience was short", fraction)]


def _try_again(statuses: pd.Series, rule: str = "search_shard") -> str:
    """Return how failures are tried again; nothing if it would only repeat them."""
    if statuses.isin(REPEATABLE).all():
        return ""
    return (
        f" To try those again that did not diverge, add `--forcerun {rule} retrain_trial` to "
        "the command."
    )


def _name(level: str) -> str:
    """Return what a ranking is of, as the beginning of a sentence."""
    return describe_level(level).capitalize() if is_rung(level) else f"Search on fraction {level}"


def _budget(level: str) -> str:
    return f"the budget of {describe_level(level)}" if is_rung(level) else "`search.budget`"


def check_processors(fraction: str, timings: pd.DataFrame) -> list[Finding]:
    """Return a doubt if a fraction's trials were trained on processors of several types."""
    processors = timings["processor"]
    if processors.nunique() < 2:
        return []
    text = (
        f"{_name(fraction)}: the trials were trained on processors of "
        f"{processors.nunique()} types ({counts(processors)}). These differ in the last digits of "
        "their results. On others the ranking may differ a little. On a cluster, ask for nodes "
        "of one type, for example by `constraint` in the profile."
    )
    return [Finding(text, DOUBT, "processors of several types", fraction)]


def patience_updates(trials: pd.DataFrame, budget: dict) -> int | None:
    """Return the fewest updates without progress that end a trial; None without a patience."""
    limits = [budget["patience_updates"]] if budget.get("patience_updates") else []
    if budget.get("patience_epochs"):
        batches = math.ceil(trials["n_train"].max() / trials["batch_size"].max())
        limits.append(budget["patience_epochs"] * batches)
    return min(limits, default=None)


def check_retraining(
    retrained: pd.DataFrame,
    records: list[dict],
    budget: dict,
    *,
    tolerance: float,
    best_loss: float,
    simple: float,
    regression: str,
) -> list[Finding]:
    """Return what is found about the retrained models; losses are validation losses on all data.

    `records` are those of the models, `budget` is `retrain.budget`, and `simple` the loss of the
    `regression` of this name.
    """
    failed = retrained.loc[retrained["status"] != "ok", "status"]
    found = []
    if len(failed):
        text = (
            f"Retraining: {share(len(failed), len(retrained), 'models')} failed "
            f"({counts(failed)}). Their trials cannot be chosen." + _try_again(failed)
        )
        found.append(Finding(text, DOUBT, "retrained models failed"))
    found += describe_end(training_end(records), budget, tolerance=tolerance)
    found += _check_schedules(records, budget)
    if best_loss >= simple:
        text = (
            f"The best model is no better than a {regression}: look at the data and their "
            "transforms, then at the budgets."
        )
        found.append(Finding(text, DOUBT, f"no better than a {regression}"))
    return found


def describe_end(end: TrainingEnd | None, budget: dict, *, tolerance: float) -> list[Finding]:
    """Return whether the models would be better by more than the tolerance if trained for longer.

    Nothing is said of models that their patience ended, or of too few.
    """
    if end is None:
        return []
    gain = end.gain(MORE)
    text = f"Retraining: the losses of {number(end.n_models, 'model')} that the budget ended"
    if not end.is_falling:
        return [Finding(f"{text} had stopped falling, as far as chance lets see.", GOOD)]
    text += (
        f" were still falling. Trained {MORE:g} times as long, they would be lower by some "
        f"{100 * gain:.2g} %"
    )
    if gain <= tolerance:
        return [Finding(f"{text}, less than the tolerance of {100 * tolerance:g} %.", GOOD)]
    text += (
        f", more than the tolerance of {100 * tolerance:g} %. Trained twice as long, they would be "
        f"lower by some {100 * end.gain(2):.2g} %: consider {_twice(budget)}."
    )
    return [Finding(text, DOUBT, "the retraining ended early")]


def _check_schedules(records: list[dict], budget: dict) -> list[Finding]:
    """Return that the length of trainings whose learning rate falls to 0 cannot be judged."""
    succeeded = [record for record in records if record["status"] == "ok"]
    n_scheduled = sum(map(is_scheduled, succeeded))
    if not n_scheduled:
        return []
    models = share(n_scheduled, len(succeeded), "models")
    text = (
        f"Retraining: the learning rate of {models} follows a schedule, and falls to 0 by the end "
        "of the budget. So their losses stop falling in any case. Only another run tells if a "
        f"longer training is better: consider {_twice(budget)}."
    )
    return [Finding(text, UNKNOWN, "if the retraining ended early")]


def _twice(budget: dict) -> str:
    """Return the key that sets twice the budget of the retraining."""
    limit = "max_epochs" if budget["max_epochs"] is not None else "max_updates"
    return f"`retrain.budget.{limit}: {2 * budget[limit]}`"
