"""The summary's sections on what the study and what a prediction costs."""

from twostep.analysis.cost import Cost, controls_cost, retrain_cost, step_costs
from twostep.analysis.study import Search, Study
from twostep.trials.ranking import EARLIER
from twostep.util import wording
from twostep.util.wording import describe_level, duration, number, short, times

ASSUMPTION = (
    "The estimates assume the same processor time per sample and epoch, and validation on the "
    "whole validation split. The number of epochs that a training needs depends on the number of "
    "samples. So step 2's epochs are the fair comparison."
)

IN_PRECISION = (
    " They are those of a search in {0}, too (`search.precision`). In float32, the precision of "
    "step 2, the search on all data would cost more."
)

NO_SAVING = (
    "**On fraction {0} the steps cost no less than the same search on all data.** Take a "
    "smaller fraction or a smaller `retrain.top_k`."
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
        rows.append(_row(f"step 2 for all fractions, {number(len(chosen), 'model')}", every))
    if len(controls):
        where = ", and what they cost in the rungs" if study.rungs else ""
        label = f"controls, {number(len(controls), 'model')}{where} (measured; not in the saving)"
        rows.append(_row(label, controls_cost(study)))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    savings = {search.fraction: _saving(study, search) for search in study.searches}
    estimated = any(saving is not None for saving in savings.values())
    costly = [name for name, saving in savings.items() if saving is not None and saving <= 1]
    precision = study.config["search"]["precision"]
    faster = IN_PRECISION.format(precision) if precision != "float32" else ""
    found = [NO_SAVING.format(" and ".join(costly))] if costly else []
    return ["## Cost", table, *found, *([ASSUMPTION + faster] if estimated else [])]


def _saving(study: Study, search: Search) -> float | None:
    """Return what the search on all data would cost over both steps; None if it has no estimate."""
    costs = step_costs(study, search)
    return (costs["full"] / costs["both"]).cpu_seconds if "full" in costs else None


def _rows(study: Study, search: Search) -> list[list[str]]:
    """Return the table rows of one fraction; step 2 counts the trials that it chose."""
    fraction, n_models = search.fraction, len(study.chosen(search))
    costs = step_costs(study, search)
    steps = "step 1 + rungs + step 2" if study.rungs else "step 1 + step 2"
    labels = {
        "step_1": f"step 1 on fraction {fraction}, {len(search.trials):,} trials (measured)",
        **{rung.name: _rung_label(rung) for rung in study.rungs},
        "step_2": f"step 2 after it, {n_models:,} models (measured)",
        "full": "the same search on all data, with step 2's epochs (estimated)",
        "full_as_searched": "the same, with step 1's epochs (estimated)",
    }
    rows = [_row(label, costs[name]) for name, label in labels.items() if name in costs]
    for name, epochs in (("full", "step 2's"), ("full_as_searched", "step 1's")):
        if name in costs:
            saving = costs[name] / costs["both"]
            factors = [f"factor {times(value)}" for value in (saving.cpu_seconds, saving.work)]
            label = f"saving: estimate with {epochs} epochs / ({steps})"
            rows.append([label, *factors])
    return rows


def _rung_label(rung: Search) -> str:
    n_trials = int((~rung.trials[EARLIER]).sum())
    return (
        f"{describe_level(rung.name)} on fraction {rung.fraction}, {n_trials:,} trials beside the "
        "controls (measured)"
    )


def _row(label: str, cost: Cost) -> list[str]:
    return [label, duration(cost.cpu_seconds), f"{cost.work:.2e}"]


def inference_section(study: Study) -> list[str]:
    """Return a table of the measured times of the best and of the selected model."""
    measured = study.inference
    rows = [["", "batch size", "time per sample", "quartiles", "operations", "bytes of weights"]]
    choices = study.selection.groupby("trial", sort=False)["choice"].agg(" and ".join)
    for trial, choice in choices.items():
        for row in measured[measured["trial"] == trial].to_dict("records"):
            rows.append(
                [
                    f"{choice} (trial {trial})",
                    f"{row['batch_size']:,}",
                    f"{short(1e6 * row['seconds_per_sample'])} µs",
                    f"{short(1e6 * row['seconds_per_sample_25'])} to "
                    f"{short(1e6 * row['seconds_per_sample_75'])} µs",
                    f"{row['n_operations']:,}",
                    f"{row['weight_bytes']:,}",
                ]
            )
    processors = " and ".join(sorted(set(measured["processor"])))
    return [
        "### Inference",
        f"Processor time of one thread, measured on {processors}. It is that of the network alone, "
        "without reading and scaling data. The time has no part in the choice.",
        wording.table(rows),
        "![Test loss against time per sample](figures/inference.png)",
    ]
