"""The ranking of a search or a rung: every trial accounted for, the best first."""

import heapq
from collections import Counter
from collections.abc import Collection

import pandas as pd

from twostep.trials.failures import check_failures
from twostep.trials.records import flatten_configuration, flatten_result
from twostep.trials.rungs import survivors
from twostep.trials.settings import further_settings
from twostep.util.errors import UserError
from twostep.util.seeds import derive_seed

INTEGERS = ("rank", "best_epoch")
# The column of a rung's ranking that tells which trials an earlier cut has drawn as controls.
EARLIER = "control"


def rank(
    records: list[dict], *, trials: Collection[int], output_names: list[str], max_failed: float
) -> pd.DataFrame:
    """Return one row per trial, ordered by validation loss; failed trials last, without a rank.

    `trials` are the ids that there must be. Ties are broken by trial id. Raises UserError if a
    trial is missing or appears twice, or if more than a share `max_failed` of them have failed.
    """
    check_complete([record["trial"] for record in records], trials)
    check_failures(records, max_failed, key="search.max_failed")
    further = further_settings(name for record in records for name in record["configuration"])
    table = pd.DataFrame([_row(record, further, output_names) for record in records])
    succeeded = table["status"] == "ok"
    ranked = table[succeeded].sort_values(["min_val_loss", "trial"])
    table = pd.concat([ranked, table[~succeeded].sort_values("trial")], ignore_index=True)
    table.insert(0, "rank", [*range(1, len(ranked) + 1)] + [None] * (len(table) - len(ranked)))
    return table.astype(dict.fromkeys(INTEGERS, "Int64"))


def rank_rung(
    records: list[dict],
    cut: dict[str, list[int]],
    *,
    output_names: list[str],
    max_failed: float,
) -> pd.DataFrame:
    """Return the same of a rung, with the column `control`: drawn as such by an earlier cut.

    `cut` is what `cut_off` returns, the trials that there must be.
    """
    table = rank(records, trials=survivors(cut), output_names=output_names, max_failed=max_failed)
    place = list(table.columns).index("trial") + 1
    table.insert(place, EARLIER, table["trial"].isin(cut["controls"]))
    return table


def check_complete(found: list[int], trials: Collection[int]) -> None:
    """Raise UserError unless each id of `trials` is found exactly once."""
    counts = Counter(found)
    repeated = sorted(trial for trial, count in counts.items() if count > 1)
    missing = sorted(set(trials) - counts.keys())
    unknown = sorted(counts.keys() - set(trials))
    for what, ids in (("missing", missing), ("repeated", repeated), ("unknown", unknown)):
        if ids:
            raise UserError(
                f"the search's results have {len(ids)} {what} trials (the first: {ids[0]}). "
                "Delete the folders search and rungs of the study and run the same command again: "
                "trials in the journal are not trained again"
            )


def select_top(table: pd.DataFrame, top_k: int) -> list[int]:
    """Return the ids of the `top_k` best trials of a ranking, or of all that succeeded if fewer."""
    return table.loc[table["rank"].notna() & (table["rank"] <= top_k), "trial"].tolist()


def find_others(rankings: list[pd.DataFrame], top_k: int) -> set[int]:
    """Return the ids of the trials that succeeded in every ranking and that none of them chose.

    These are what a cut loses. Controls of an earlier cut are not among them: they stay in.
    """
    succeeded = [set(table.loc[table["rank"].notna(), "trial"]) for table in rankings]
    chosen = [select_top(table, top_k) for table in rankings]
    return set.intersection(*succeeded).difference(*chosen, find_earlier_controls(rankings))


def find_earlier_controls(rankings: list[pd.DataFrame]) -> set[int]:
    """Return the ids of the trials of a rung's ranking that an earlier cut has drawn as controls.

    Those that failed in the rung are left out. There are none in the ranking of a search.
    """
    return {
        trial
        for table in rankings
        if EARLIER in table
        for trial in table.loc[table[EARLIER] & table["rank"].notna(), "trial"]
    }


def leave_out_controls(ranking: pd.DataFrame, top_k: int) -> pd.DataFrame:
    """Return a ranking without what is in it only because an earlier cut drew it as a control.

    Such trials were not chosen by the ranking before, and so are no sample of anything in this one.
    The ranks of the others are counted anew; the first `top_k` keep theirs.
    """
    if EARLIER not in ranking:
        return ranking
    kept = ranking[~ranking[EARLIER] | (ranking["rank"] <= top_k)]
    return kept.assign(rank=kept["rank"].rank().astype("Int64"))


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
    cut = cut_off(rankings, top_k=retrain["top_k"], n_controls=retrain["controls"], seed=seed)
    return survivors(cut)


def cut_off(
    rankings: list[pd.DataFrame], *, top_k: int, n_controls: int, seed: int
) -> dict[str, list[int]]:
    """Return the ids of what goes on beyond a cut.

    These are the `finalists`, the best `top_k` of each ranking, and the `controls`: those that are
    drawn at this cut, and those of earlier cuts. A control of an earlier cut competes like any
    other trial. If it is among the best, it is a finalist, too, and takes one of their places. If
    not, it goes on all the same, unless it failed.
    """
    drawn = draw_controls(rankings, top_k=top_k, n_controls=n_controls, seed=seed)
    chosen = {trial for table in rankings for trial in select_top(table, top_k)}
    return {
        "finalists": sorted(map(int, chosen)),
        "controls": sorted(map(int, find_earlier_controls(rankings).union(drawn))),
    }


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
