"""Warnings in plain words, where the numbers of a study ask for caution."""

import math

import pandas as pd

from twostep.agreement import Agreement
from twostep.records import REPEATABLE
from twostep.wording import autocorrelation, counts, share

# From this share on, trials that ran into the limit are worth a warning.
LIMITED_SHARE = 0.2
# ASSUME: with fewer updates than this, a pause in the progress is easily taken for its end.
MIN_PATIENCE_UPDATES = 100
# ASSUME: above this, a sample's neighbour in another split gives much of its answer away.
STRONG_AUTOCORRELATION = 0.5


def split_cautions(manifest: dict) -> list[str]:
    """Return a warning if neighbouring samples are alike and were divided at random."""
    measured = manifest["autocorrelation"]
    if manifest["split"]["method"] != "random" or measured is None:
        return []
    if min(measured["inputs"], measured["outputs"]) < STRONG_AUTOCORRELATION:
        return []
    return [
        f"{autocorrelation(measured)} Divided at random, validation and test samples have near "
        "copies among the training samples, and errors look smaller than they will be on new data: "
        "consider `split.method: blocks` or `group`."
    ]


def search_cautions(fraction: str, trials: pd.DataFrame, budget: dict) -> list[str]:
    """Return warnings about a fraction's search; `budget` is the configured one."""
    succeeded = trials[trials["status"] == "ok"]
    failed = trials.loc[trials["status"] != "ok", "status"]
    where = f"Search on fraction {fraction}:"
    found = []
    if len(failed):
        found.append(
            f"{where} {share(len(failed), len(trials), 'trials')} failed ({counts(failed)}); the "
            f"column `message` of [trials.csv](rank/{fraction}/trials.csv) says why."
            + _try_again(failed)
        )
    n_limited = count_limited(succeeded, budget)
    if n_limited >= LIMITED_SHARE * len(succeeded):
        found.append(
            f"{where} {share(n_limited, len(succeeded), 'trials')} were still improving when they "
            "reached the limit of `search.budget`, so that their ranking may be one of speed: "
            "consider a larger budget."
        )
    updates = patience_updates(trials, budget)
    if updates is not None and updates < MIN_PATIENCE_UPDATES:
        found.append(
            f"{where} the patience of `search.budget` is as short as {updates} updates, since "
            f"{int(trials['n_train'].max()):,} training samples make few batches: consider a "
            "longer patience or smaller batches."
        )
    return found


def _try_again(statuses: pd.Series) -> str:
    """Return how failures are tried again; nothing if it would only repeat them."""
    if statuses.isin(REPEATABLE).all():
        return ""
    return (
        " To try those again that did not diverge, add `--forcerun search_shard retrain_trial` to "
        "the command."
    )


def processor_cautions(fraction: str, timings: pd.DataFrame) -> list[str]:
    """Return a warning if a fraction's trials were trained on processors of several types."""
    processors = timings["processor"]
    if processors.nunique() < 2:
        return []
    return [
        f"Search on fraction {fraction}: the trials were trained on processors of "
        f"{processors.nunique()} types ({counts(processors)}), which differ in the last digits of "
        "their results: on another mixture of them, the ranking may differ a little."
    ]


def count_limited(succeeded: pd.DataFrame, budget: dict) -> int:
    """Return how many trials the budget's limit ended while they were still improving.

    With a patience these are all that reached the limit. Without one every trial reaches it, and
    those count whose last epoch was their best.
    """
    at_limit = succeeded["stop_reason"].isin(["max_epochs", "max_updates"])
    if not (budget.get("patience_epochs") or budget.get("patience_updates")):
        at_limit &= succeeded["best_epoch"] == succeeded["epochs"]
    return int(at_limit.sum())


def patience_updates(trials: pd.DataFrame, budget: dict) -> int | None:
    """Return the fewest updates without progress that end a trial; None without a patience."""
    limits = [budget["patience_updates"]] if budget.get("patience_updates") else []
    if budget.get("patience_epochs"):
        batches = math.ceil(trials["n_train"].max() / trials["batch_size"].max())
        limits.append(budget["patience_epochs"] * batches)
    return min(limits, default=None)


def edge_cautions(best: pd.Series, space: dict) -> list[str]:
    """Return warnings if the best model, a row of a table, lies at an edge of the search space."""
    found = []
    layers = space["n_hidden_layers"]
    depth = int(best["n_hidden_layers"])
    # Fewer than one hidden layer is no network.
    if layers["min"] < layers["max"] and (depth == layers["max"] or 1 < depth == layers["min"]):
        end = "most" if depth == layers["max"] else "fewest"
        found.append(
            f"The best model has {depth} hidden layers, the {end} that "
            "`search.space.n_hidden_layers` allows: a wider range may hold better ones."
        )
    used = {int(width) for width in str(best["hidden_widths"]).split("-")}
    widths = space["width"] if isinstance(space["width"], list) else [space["width"]]
    for end, edge in (("smallest", min(widths)), ("largest", max(widths))):
        if len(widths) > 1 and used == {edge}:
            found.append(
                f"All hidden layers of the best model have {edge} units, the {end} number in "
                "`search.space.width`: a wider range may hold better models."
            )
    return found


def agreement_cautions(fraction: str, agreement: Agreement | None) -> list[str]:
    """Return a warning if the ranking of a fraction cannot be shown to carry over."""
    if agreement is None:
        return [f"Too few trials were retrained to tell if the ranking on {fraction} carries over."]
    if agreement.spearman.low <= 0:
        return [
            f"Among the {agreement.n_trials} retrained trials, the ranking on fraction {fraction} "
            f"may say nothing about the ranking on all data (Spearman {agreement.spearman}): "
            "consider a larger fraction or a larger `retrain.top_k`."
        ]
    return []


def retrain_cautions(retrained: pd.DataFrame, best_loss: float, linear: float) -> list[str]:
    """Return warnings about the retrained models; losses are validation losses on all data."""
    found = []
    failed = retrained.loc[retrained["status"] != "ok", "status"]
    if len(failed):
        found.append(
            f"Retraining: {share(len(failed), len(retrained), 'models')} failed "
            f"({counts(failed)}); their trials cannot be chosen." + _try_again(failed)
        )
    if best_loss >= linear:
        found.append("The best model is no better than a linear regression.")
    return found
