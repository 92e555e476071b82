"""The ranking of a search: every trial accounted for, the best first."""

import heapq
from collections import Counter

import pandas as pd

from twostep.trials.failures import check_failures
from twostep.trials.records import flatten_configuration, flatten_result
from twostep.trials.settings import further_settings
from twostep.util.errors import UserError
from twostep.util.seeds import derive_seed

INTEGERS = ("rank", "best_epoch")


def rank(
    records: list[dict], *, n_trials: int, output_names: list[str], max_failed: float
) -> pd.DataFrame:
    """Return one row per trial, ordered by validation loss; failed trials last, without a rank.

    Ties are broken by trial id. Raises UserError if a trial is missing or appears twice, or if
    more than a share `max_failed` of them have failed.
    """
    check_complete([record["trial"] for record in records], n_trials)
    check_failures(records, max_failed, key="search.max_failed")
    further = further_settings(name for record in records for name in record["configuration"])
    table = pd.DataFrame([_row(record, further, output_names) for record in records])
    succeeded = table["status"] == "ok"
    ranked = table[succeeded].sort_values(["min_val_loss", "trial"])
    table = pd.concat([ranked, table[~succeeded].sort_values("trial")], ignore_index=True)
    table.insert(0, "rank", [*range(1, len(ranked) + 1)] + [None] * (len(table) - len(ranked)))
    return table.astype(dict.fromkeys(INTEGERS, "Int64"))


def check_complete(trials: list[int], n_trials: int) -> None:
    """Raise UserError unless each id of 0 ... n_trials - 1 appears exactly once."""
    counts = Counter(trials)
    repeated = sorted(trial for trial, count in counts.items() if count > 1)
    missing = sorted(set(range(n_trials)) - counts.keys())
    unknown = sorted(counts.keys() - set(range(n_trials)))
    for what, found in (("missing", missing), ("repeated", repeated), ("unknown", unknown)):
        if found:
            raise UserError(
                f"the search's results have {len(found)} {what} trials (the first: {found[0]}): "
                "delete the search folder of the study and run the same command again; "
                "trials in the journal are not trained again"
            )


def select_top(table: pd.DataFrame, top_k: int) -> list[int]:
    """Return the ids of the `top_k` best trials of a ranking, or of all that succeeded if fewer."""
    return table.loc[table["rank"].notna() & (table["rank"] <= top_k), "trial"].tolist()


def find_others(rankings: list[pd.DataFrame], top_k: int) -> set[int]:
    """Return the ids of the trials that succeeded in every ranking and that none of them chose."""
    succeeded = [set(table.loc[table["rank"].notna(), "trial"]) for table in rankings]
    chosen = [select_top(table, top_k) for table in rankings]
    return set.intersection(*succeeded).difference(*chosen)


def draw_controls(
    rankings: list[pd.DataFrame], *, top_k: int, n_controls: int, seed: int
) -> list[int]:
    """Return the ids of `n_controls` trials drawn at random from those that no ranking chose.

    They tell what lies beyond the cut at top_k. Each trial id has a random place in the order of
    the draw, from the study's seed and the id alone, and the first eligible ones are taken: a
    larger number only adds, and another ranking replaces only those that are not eligible any more.
    All of the others are returned if they are fewer.
    """
    others = find_others(rankings, top_k)
    return heapq.nsmallest(n_controls, others, key=lambda i: derive_seed(seed, "control", i))


def trials_to_retrain(rankings: list[pd.DataFrame], retrain: dict, *, seed: int) -> list[int]:
    """Return the trials that step 2 trains, the best of each ranking and the controls, by id.

    `retrain` is that section of the config and `seed` the study's.
    """
    top_k, n_controls = retrain["top_k"], retrain["controls"]
    controls = draw_controls(rankings, top_k=top_k, n_controls=n_controls, seed=seed)
    chosen = {trial for table in rankings for trial in select_top(table, top_k)}
    return sorted(chosen.union(controls))


def _row(record: dict, further: list[str], output_names: list[str]) -> dict:
    return {
        "trial": record["trial"],
        "status": record["status"],
        **flatten_configuration(record, further),
        "n_train": record["n_train"],
        "n_validation": record["n_validation"],
        **flatten_result(record, output_names),
        "message": record["message"],
    }
