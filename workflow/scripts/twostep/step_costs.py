"""What the two steps of a study cost, for one fraction, beside the search on all data."""

from twostep.cost import Cost, estimate_full_search, retrain_cost, search_cost
from twostep.study import Search, Study


def step_costs(study: Study, search: Search) -> dict[str, Cost]:
    """Return the costs `step_1`, `step_2`, `both` and, unless step 1 had all data, `full`.

    Step 2 counts the trials that this fraction chose; `full` is the estimated cost of the same
    search on the whole training and validation splits.
    """
    splits = study.manifest["splits"]
    chosen = study.retrained[
        study.retrained[f"rank[{search.fraction}]"] <= study.config["retrain"]["top_k"]
    ]
    first = search_cost(search.trials, search.timings)
    second = retrain_cost(chosen, study.retrain_timings, splits["training"])
    costs = {"step_1": first, "step_2": second, "both": first + second}
    if search.subset["splits"]["training"] == splits["training"]:
        return costs
    full = estimate_full_search(
        search.trials,
        search.timings,
        n_train=splits["training"],
        n_validation=splits["validation"],
        max_updates=study.config["search"]["budget"].get("max_updates"),
    )
    return {**costs, "full": full}
