"""The summary of a study, which is read first: what was run, what was found, what it cost."""

import math
from pathlib import PurePath

import pandas as pd

from twostep.analysis.agreement import CONFIDENCE
from twostep.analysis.baselines import baseline_losses, regression_name, regression_of
from twostep.analysis.complexity import FEWEST_TRIALS, Complexity
from twostep.analysis.study import Search, Study
from twostep.data.variables import (
    ORDER,
    Variable,
    feature_table,
    list_shown,
    unscaled,
)
from twostep.model.class_metrics import EACH_CLASS
from twostep.model.metrics import mean_of
from twostep.report.costs import cost_section, inference_section
from twostep.report.diagnosis import diagnosis_section
from twostep.report.entries import figure_entries
from twostep.report.rungs import lost_by, rung_sections
from twostep.trials.rungs import ranking_file, rung_names
from twostep.trials.samplers import describe_sample
from twostep.trials.settings import schedules, told_dimensions
from twostep.util import wording
from twostep.util.text import MOST_FEATURES, list_features
from twostep.util.wording import (
    CLASS_LABELS,
    METRIC_LABELS,
    network,
    number,
    share,
    short,
    times_as,
    times_less,
    unit_of,
)

MODEL_CARD = "[model card](export/selected/model_card.md)"


def summarise(study: Study) -> str:
    """Return the summary as Markdown; only its section on cost holds measured times."""
    sections = [
        [f"# Study `{study.config['study']}`"],
        _in_short(study),
        diagnosis_section(study),
        _data(study),
        _search(study),
        *(_fraction(study, search) for search in study.searches),
        *rung_sections(study),
        _retraining(study),
        [*cost_section(study), *inference_section(study)],
        _files(study),
    ]
    return "\n\n".join(paragraph for section in sections for paragraph in section) + "\n"


def _in_short(study: Study) -> list[str]:
    best, selected = study.best, study.selected
    simple = regression_of(study.baseline, "all")["test_loss"]
    regression = regression_name(study.baseline)
    cost = "operations" if study.config["select"]["cost"] == "operations" else "parameters"
    ratio = best[f"n_{cost}"] / selected[f"n_{cost}"]
    same = selected["trial"] == best["trial"]
    choice = f"cheapest by {cost} within {study.tolerance} of the best validation loss"
    return [
        f"{_best_text(study)}: {network(best)}. {_test_quality(study, best)}{_luck(study)}",
        f"The model to use, the {choice}, is that same model."
        if same
        else f"The model to use, the {choice}, is trial {selected['trial']}: {network(selected)}. "
        f"It has {times_less(ratio, 'fewer')} {cost} than the best. Its validation loss is "
        f"{100 * (selected['relative_val_loss'] - 1):.2g} % higher. "
        + _test_quality(study, selected),
        _gain_text(study.model(selected)["test_loss"], simple, regression) + _scope(study),
    ]


def _best_text(study: Study) -> str:
    """Return which network or trial is the best: one network of a trial is no more than itself."""
    n_trials, trial = study.retrained["trial"].nunique(), study.best["trial"]
    seeds = study.config["retrain"]["seeds"]
    if seeds == 1:
        return f"The best of {number(n_trials, 'network')} retrained on all data is trial {trial}"
    return (
        f"The best of {number(n_trials, 'trial')} retrained on all data is trial {trial}, by the "
        f"mean validation loss of its {seeds} networks"
    )


def _scope(study: Study) -> str:
    """Return the sentence on what the choice holds for."""
    if study.config["retrain"]["seeds"] == 1:
        return (
            " The choice is one of networks, not of configurations. With another seed, another "
            "one may be the best."
        )
    return " Of its networks, the one with the lowest validation loss is handed over."


def _gain_text(loss: float, simple: float, regression: str) -> str:
    """Return the sentence on the model's test loss and that of the regression of this name."""
    if not math.isfinite(loss):
        return "Its test loss is not finite: look at the test data."
    if loss == 0 or simple == 0:
        return f"Its test loss is {short(loss)}, that of a {regression} {short(simple)}."
    compared = (
        f"{times_less(simple / loss, 'smaller')} than"
        if loss < simple
        else times_as(loss / simple, "large")
    )
    return f"Its test loss is {compared} that of a {regression}."


def _luck(study: Study) -> str:
    """Return a sentence if the best model is one that the two steps had not found."""
    cut = lost_by(study)
    if cut is None:
        return ""
    return f" It is a control: {cut} had lost it, and only chance brought it back."


def _test_quality(study: Study, choice: pd.Series) -> str:
    if "test_accuracy" in choice:
        return (
            f"On the test split its accuracy is {wording.percentage(choice['test_accuracy'])} and "
            f"its log loss {short(choice['test_log_loss'])}."
        )
    text = f"On the test split its R² is {_r2_text(choice['test_r2'])}"
    units = {output["units"] for output in study.manifest["outputs"]}
    if len(units) == 1:
        text += f" and its RMSE {short(choice['test_rmse'])}{unit_of(units.pop())}"
    n_outputs = len(study.manifest["outputs"])
    return text + (f" (means over the {n_outputs} outputs)." if n_outputs > 1 else ".")


def _r2_text(r2: float) -> str:
    # There is none of an output that does not vary, nor of predictions that overflow.
    return "not defined" if math.isnan(r2) else f"{r2:.5f}"


def _data(study: Study) -> list[str]:
    manifest = study.manifest
    used = sum(manifest["splits"].values())
    files = study.config["dataset"]["files"]
    names = [files] if isinstance(files, str) else files
    source = ", ".join(f"`{name}`" for name in names) if files else "the embedded parcel model"
    dropped = "; ".join(_dropped(manifest["dropped"]))
    # One row may lack several values.
    several = " (a row may count more than once)" if len(manifest["dropped"]) > 1 else ""
    lines = [
        f"- Source: {source}; {manifest['n_rows_read']:,} rows read.",
        f"- Dropped: {share(manifest['n_rows_read'] - used, manifest['n_rows_read'], 'rows')}"
        + (f": {dropped}{several}." if dropped else "."),
        f"- Splits: {wording.splits(manifest)}.",
    ]
    if manifest["autocorrelation"] is not None:
        text = wording.autocorrelation(manifest["autocorrelation"], is_generated=not files)
        lines.append(f"- {text}")
    lines += [
        f"- Masked: `{output['name']}` is missing in {number(n_missing, 'sample')}, and has no "
        "part in their losses."
        for output in manifest["outputs"][:MOST_FEATURES]
        if (n_missing := sum(output.get("n_missing", {}).values()))
    ]
    if manifest["constant_features"]:
        lines.append(f"- {wording.left_out(manifest['constant_features'])}")
    tables, has_entries = [], False
    for role in ("input", "output"):
        features = manifest[f"{role}s"]
        shown = list_shown(features, manifest["variables"])
        has_entries |= len(shown) < len(features)
        tables.append(_feature_table(role, shown))
    note = "Ranges are those of the training split, rounded outwards."
    texts = [note, ORDER if has_entries else "", unscaled(manifest["inputs"])]
    return ["## Data", "\n".join(lines), " ".join(filter(None, texts)), *tables]


def _feature_table(role: str, shown: list[Variable]) -> str:
    """Return the table of inputs or outputs; a sentence where it is too long to be read."""
    if len(shown) <= MOST_FEATURES:
        return feature_table(role, shown)
    return f"The {len(shown):,} {role}s with their units and ranges are in the {MODEL_CARD}."


def _dropped(entries: list[dict]) -> list[str]:
    """Return why rows were dropped; features that seem to lack the same rows stand together."""
    alike: dict[tuple, list[dict]] = {}
    for entry in entries:
        cause = (entry["reason"], entry["rows"], entry["first"])
        alike.setdefault(cause, []).append(entry)
    if len(alike) > MOST_FEATURES:
        # Other rows in each entry of a variable.
        alike = {}
        for entry in entries:
            alike.setdefault((entry["reason"],), []).append(entry)
    return [_dropped_text(group) for group in alike.values()]


def _dropped_text(alike: list[dict]) -> str:
    """Return why rows were dropped because of some features."""
    rows = {entry["rows"] for entry in alike}
    most = f"{'up to ' if len(rows) > 1 else ''}{number(max(rows), 'row')}"
    return (
        f"{list_features([entry['feature'] for entry in alike], mark='')} {alike[0]['reason']} "
        f"({most}{' each' if len(alike) > 1 else ''}, first in {alike[0]['first']})"
    )


def _search(study: Study) -> list[str]:
    search = study.config["search"]
    return [
        "## Search (step 1)",
        f"{describe_sample(search)}, the same for each fraction, drawn from: "
        f"{wording.space(told_dimensions(search['space']))}."
        f"{wording.constraints(search['constraints'])}{_own_networks(study)} Each trial trains for "
        f"{wording.budget(search['budget'], schedules=schedules(search['space']))}. The "
        f"loss is the {_loss(study)}.{_precision(study)}",
    ]


def _own_networks(study: Study) -> str:
    """Return where networks of the user's own come from, as a sentence after a blank."""
    path = study.config["network"]["file"]
    return f" The networks are those of `{path}`." if path else ""


def _precision(study: Study) -> str:
    """Return in what large layers were computed before step 2, as a sentence after a blank."""
    precision = study.config["search"]["precision"]
    if precision == "float32":
        return ""
    users = "Step 1 and the rungs compute" if study.rungs else "Step 1 computes"
    return f" {users} large layers in {precision}. Step 2 computes all in float32."


def _loss(study: Study) -> str:
    training = study.config["training"]
    return wording.loss(training["loss"], training["huber_delta"], study.manifest)


def _fraction(study: Study, search: Search) -> list[str]:
    trials, fraction = search.trials, search.fraction
    succeeded = trials[trials["status"] == "ok"]
    best = succeeded.sort_values("rank").iloc[0]
    smallest = smallest_within(succeeded, study.config["select"]["tolerance"])
    constant = baseline_losses(study.baseline, fraction, "val_loss")["constant"]
    simple = regression_of(study.baseline, fraction)["val_loss"]
    limited = succeeded["stop_reason"].isin(["max_epochs", "max_updates"]).sum()
    collapsed = (succeeded["collapsed_outputs"] != "").sum()
    splits, n_training = search.subset["splits"], study.manifest["splits"]["training"]
    statuses = wording.counts(trials["status"])
    lines = [
        f"- Data: {share(splits['training'], n_training, 'training samples')}, "
        f"{splits['validation']:,} validation samples.",
        f"- Trials: {statuses}.",
        f"- Best: trial {best['trial']}, validation loss {short(best['min_val_loss'])} ("
        f"{regression_name(study.baseline)} {short(simple)}, constant prediction "
        f"{short(constant)}): "
        f"{network(best)}.",
        f"- Smallest within {study.tolerance} of that loss, as trained once: "
        + (
            "the same trial."
            if smallest["trial"] == best["trial"]
            else f"trial {smallest['trial']}, validation loss {short(smallest['min_val_loss'])}: "
            f"{network(smallest)}."
        )
        + _another_search_text(study, search),
        f"- Stopped at the limit of the budget: {share(limited, len(succeeded), 'trials')}.",
        "- No better than a constant in at least one output: "
        f"{share(collapsed, len(succeeded), 'trials')}.",
        f"- {_agreement_text(study, fraction)}",
    ]
    figure = f"![Validation loss against learnable parameters](figures/search_{fraction}.png)"
    return [f"### Fraction {fraction}", "\n".join(lines), figure]


def _another_search_text(study: Study, search: Search) -> str:
    """Return the sentence on how much the smallest size depends on the trials that there are."""
    if not study.is_random:
        return _another_random_search_text(study.random_complexity(search))
    smallest = study.complexity(search.fraction)
    if smallest.low is None:
        return " Too few trials succeeded for an interval of its number of parameters."
    return (
        f" In about 9 of 10 cases, another search of as many trials would find one of "
        f"{smallest.low:,} to {smallest.high:,} parameters."
    )


def _another_random_search_text(smallest: Complexity | None) -> str:
    """Return the same where only some of the trials are random."""
    if smallest is None or smallest.low is None:
        return (
            " It has no interval of its number of parameters, because that takes at least "
            f"{FEWEST_TRIALS} random trials that succeeded."
        )
    return (
        f" Of the random trials alone, the smallest has {smallest.n_parameters:,} parameters. In "
        "about 9 of 10 cases, as many other random trials would find one of "
        f"{smallest.low:,} to {smallest.high:,}."
    )


def smallest_within(succeeded: pd.DataFrame, tolerance: float) -> pd.Series:
    """Return the smallest trial whose search loss is at most (1 + tolerance) times the best."""
    good = succeeded[succeeded["min_val_loss"] <= (1 + tolerance) * succeeded["min_val_loss"].min()]
    return good.sort_values(["n_parameters", "min_val_loss", "trial"]).iloc[0]


def _agreement_text(study: Study, fraction: str) -> str:
    rank = study.model(study.best)[f"rank[{fraction}]"]
    place = f"was number {int(rank):,}" if pd.notna(rank) else "failed"
    trained = "trained in rung 1" if study.rungs else "retrained"
    text = f"Agreement with step 2: the best trial of step 2 {place} here"
    agreement = study.agreement(fraction)
    if agreement is None:
        return text + "."
    return (
        f"{text}. {agreement.n_trials} trials were {trained} because of this fraction. Over these "
        f"Spearman's rank correlation is {agreement.spearman} and Kendall's {agreement.kendall} "
        f"({100 * CONFIDENCE:g} % bootstrap intervals)."
    )


def _retraining(study: Study) -> list[str]:
    retrain = study.config["retrain"]
    retrained = study.retrained
    n_trials, n_models = retrained["trial"].nunique(), len(retrained)
    n_controls = retrained.loc[retrained["control"], "trial"].nunique()
    names = schedules(study.config["search"]["space"])
    source, others = "each fraction", "the others"
    if study.rungs:
        source, others = f"rung {len(study.rungs)}", "what each cut cut off"
    budget = wording.budget(retrain["budget"], schedules=names)
    return [
        "## Retraining (step 2)",
        f"The best {study.top_k:,} trials of {source}"
        + (
            f" and {number(n_controls, 'control')}, drawn at random from {others}"
            if n_controls
            else ""
        )
        + f", {n_trials:,} in all, were trained on all "
        f"{study.manifest['splits']['training']:,} training samples. That makes "
        f"{number(n_models, 'model')}, {retrain['seeds']} per trial. Each trains for {budget}."
        f"{_rounds_text(study)}",
        _validation_text(study),
        "Errors on the test split, which had no part in any choice:",
        *_metrics(study),
        "![Test loss against learnable parameters](figures/retrained.png)",
    ]


def _rounds_text(study: Study) -> str:
    """Return how the rounds of retraining ended, as sentences after a blank; "" without any."""
    retrain = study.config["retrain"]
    if not study.rounds:
        return ""
    size, most = retrain["until"]["round_size"], retrain["top_k"]
    text = f" They were retrained in rounds of {size:,}, {most:,} at most."
    last = study.rounds[-1]
    n_ranked = max(study.n_ranked(level.name) for level in study.choosing)
    so_far = f"{last['finalists']:,} of {number(n_ranked, 'ranked trial')}"
    if last["enough"]:
        return f"{text} The round that came to {so_far} was enough."
    answers = last["fractions"].values()
    unknown = [answer["reason"] for answer in answers if answer["probability"] is None]
    if unknown:
        why = f"it could not be told if a better trial was left: {unknown[0]}"
    else:
        left = max(answer["probability"] for answer in answers)
        why = f"a better trial was left with a probability of {wording.percent(left)}"
    return f"{text} After the first {so_far}, {why}."


def _validation_text(study: Study) -> str:
    """Return which choices the validation samples have a part in."""
    # It is the same for each fraction.
    n_search = study.searches[0].subset["splits"]["validation"]
    n_samples = study.manifest["splits"]["validation"]
    if n_search < n_samples:
        part = f"The search ranked by the first {n_search:,} of the validation samples."
    else:
        part = "The search ranked by all of the validation samples."
    return (
        f"{part} Step 2 uses all {n_samples:,} of them. They choose the epoch of each network and "
        "the model. So the lowest validation losses are a little too low."
    )


def _metrics(study: Study) -> list[str]:
    """Return the table of the outputs' errors; where they are many, by variable."""
    if "test_accuracy" in study.model(study.selected):
        return _class_metrics(study)
    outputs = study.manifest["outputs"]
    shown = list_shown(outputs, study.manifest["variables"])
    if len(outputs) <= MOST_FEATURES:
        return [_metrics_table(study, shown)]
    errors = study.model(study.selected)
    r2 = pd.Series({each["name"]: errors[f"test_r2[{each['name']}]"] for each in outputs})
    worst = _from_worst(r2).index[0]
    note = (
        f"Each row holds the means over the outputs of a variable. The lowest R² of the selected "
        f"model is {_r2_text(r2[worst])}, of `{worst}`. All {len(outputs):,} outputs are in "
        "[select/retrained.csv](select/retrained.csv) and in the figure "
        "[errors_by_output](figures/errors_by_output.png)."
    )
    if len(shown) > MOST_FEATURES:
        means = pd.Series([mean_of(r2[variable.feature_names]) for variable in shown])
        shown = [shown[i] for i in _from_worst(means).index[:MOST_FEATURES]]
        note += f" The table has the {MOST_FEATURES} variables with the lowest R²."
    return [_metrics_table(study, shown), note]


def _from_worst(r2: pd.Series) -> pd.Series:
    """Return values of R² in ascending order; what is not defined is worst of all."""
    return r2.sort_values(kind="stable", na_position="first")


def _class_metrics(study: Study) -> list[str]:
    """Return the tables of how good probabilities are: models and baselines, then each class."""
    baseline = study.baseline[study.baseline["data"] == "all"]
    rows = _models(study) | {row["model"]: row for _, row in baseline.iterrows()}
    overall = wording.class_table(
        {
            name: {metric: row[f"test_{metric}"] for metric in CLASS_LABELS}
            for name, row in rows.items()
        }
    )
    selected, names = study.model(study.selected), [o["name"] for o in study.manifest["outputs"]]
    if f"test_recall[{names[0]}]" not in selected:
        return [overall]
    classes = {
        name: {metric: selected[f"test_{metric}[{name}]"] for metric in EACH_CLASS}
        for name in names
    }
    return [overall, "Of the selected model:", wording.each_class_table(classes)]


def _models(study: Study) -> dict[str, pd.Series]:
    """Return the best and the selected model by what they are."""
    if study.best["trial"] == study.selected["trial"]:
        return {"best and selected": study.model(study.best)}
    return {"best": study.model(study.best), "selected": study.model(study.selected)}


def _metrics_table(study: Study, shown: list[Variable]) -> str:
    """Return a table of the outputs' errors: best and selected model, regression."""
    models = _models(study)
    regression = regression_of(study.baseline, "all")
    models[regression["model"]] = regression
    header = [f"{label}, {choice}" for choice in models for label in METRIC_LABELS.values()]
    rows = [["output", *header]]
    for variable in shown:
        unit = unit_of(variable.features[0]["units"])
        row = [variable.name]
        for model in models.values():
            rmse, mae, r2 = (
                mean_of(model[f"test_{metric}[{name}]"] for name in variable.feature_names)
                for metric in METRIC_LABELS
            )
            row += [f"{short(rmse)}{unit}", f"{short(mae)}{unit}", _r2_text(r2)]
        rows.append(row)
    return wording.table(rows)


def _files(study: Study) -> list[str]:
    fractions = [search.fraction for search in study.searches]
    links = {
        "All trials, ranked": [ranking_file(level.name) for level in study.levels],
        "Retrained models with their test errors": ["select/retrained.csv"],
        "The choice": ["select/selection.csv"],
        "Baselines": ["baseline/baseline.csv"],
        "The selected model": [f"retrain/{PurePath(study.selected['model']).name}"],
        "The same for other programs, with a model card": ["export/selected/model_card.md"],
        "Its predictions for the test split": ["predict/predictions.nc"],
        "Times of a prediction": ["inference/inference.csv"],
    }
    entries = figure_entries(
        fractions,
        rungs=rung_names(study.config["search"]),
        loss=study.config["training"]["loss"],
        own_networks=study.has_own_networks,
    )
    for name, entry in entries.items():
        links.setdefault(f"Figure: {entry.label}", []).append(f"figures/{name}.png")
    items = [
        f"- {what}: {', '.join(f'[{path}]({path})' for path in paths)}"
        for what, paths in links.items()
    ]
    return ["## Files", "\n".join(items), "Each figure is there as PNG and PDF."]
