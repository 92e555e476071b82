"""The summary's section on cost, measured and estimated."""

from twostep.cost import Cost, estimate_full_search, retrain_cost, search_cost
from twostep.study import Search, Study
from twostep.wording import duration, times

ASSUMPTION = (
    "The estimate assumes that each trial needs as many epochs on all the data as on the fraction, "
    "at the same processor time per sample and epoch, and validates on the whole validation split. "
    "With more updates in each epoch fewer epochs are likely to do, so that the estimate, and the "
    "saving with it, is rather an upper bound."
)


def cost_section(study: Study) -> list[str]:
    """Return the paragraphs on the measured cost of both steps and the estimated saving."""
    rows = [
        ["", "processor time", "sample-epochs x parameters"],
        ["---", "---:", "---:"],
    ]
    for search in study.searches:
        rows += _rows(study, search)
    n_train = study.manifest["splits"]["training"]
    controls = study.retrained[study.retrained["control"]]
    chosen = study.retrained[~study.retrained["control"]]
    if len(study.searches) > 1:
        every = retrain_cost(chosen, study.retrain_timings, n_train)
        rows.append(_row(f"step 2 for all fractions, {len(chosen):,} models", every))
    if len(controls):
        cost = retrain_cost(controls, study.retrain_timings, n_train)
        label = f"controls, {len(controls):,} models (measured; not in the saving)"
        rows.append(_row(label, cost))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return ["## Cost", table, ASSUMPTION]


def _rows(study: Study, search: Search) -> list[list[str]]:
    """Return the table rows of one fraction; step 2 counts the trials that it chose."""
    fraction, splits = search.fraction, study.manifest["splits"]
    chosen = study.retrained[
        study.retrained[f"rank[{fraction}]"] <= study.config["retrain"]["top_k"]
    ]
    first = search_cost(search.trials, search.timings)
    second = retrain_cost(chosen, study.retrain_timings, splits["training"])
    rows = [
        _row(f"step 1 on fraction {fraction}, {len(search.trials):,} trials (measured)", first),
        _row(f"step 2 after it, {len(chosen):,} models (measured)", second),
    ]
    if search.subset["splits"]["training"] == splits["training"]:
        return rows
    estimate = estimate_full_search(
        search.trials,
        search.timings,
        n_train=splits["training"],
        n_validation=splits["validation"],
        max_updates=study.config["search"]["budget"].get("max_updates"),
    )
    saving = estimate / (first + second)
    return [
        *rows,
        _row("the same search on all data (estimated)", estimate),
        [
            "saving: estimate / (step 1 + step 2)",
            f"{times(saving.cpu_seconds)} times",
            f"{times(saving.work)} times",
        ],
    ]


def _row(label: str, cost: Cost) -> list[str]:
    return [label, duration(cost.cpu_seconds), f"{cost.work:.2e}"]
