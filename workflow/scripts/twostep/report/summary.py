"""The summary of a study, which is read first: what was run, what was found, what it cost."""

import math
from pathlib import PurePath

import pandas as pd

from twostep.analysis.agreement import CONFIDENCE
from twostep.analysis.baselines import baseline_losses, regression_name, regression_of
from twostep.analysis.complexity import FEWEST_TRIALS, Complexity
from twostep.analysis.study import Search, Study
from twostep.report.costs import cost_section, inference_section
from twostep.report.data_section import data_section
from twostep.report.diagnosis import diagnosis_section
from twostep.report.entries import figure_entries
from twostep.report.error_tables import error_tables, r2_text
from twostep.report.rungs import lost_by, rung_sections
from twostep.trials.rungs import ranking_file, rung_names
from twostep.trials.samplers import describe_sample
from twostep.trials.settings import schedules, told_dimensions
from twostep.util import wording
from twostep.util.wording import (
    network,
    number,
    share,
    short,
    times_as,
    times_less,
    unit_of,
)


def summarise(study: Study) -> str:
    """Return the summary as Markdown; only its section on cost holds measured times."""
    sections = [
        [f"# Study `{study.config['study']}`"],
        _in_short(study),
        diagnosis_section(study),
        data_section(study),
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
    text = f"On the test split its R² is {r2_text(choice['test_r2'])}"
    units = {output["units"] for output in study.manifest["outputs"]}
    if len(units) == 1:
        text += f" and its RMSE {short(choice['test_rmse'])}{unit_of(units.pop())}"
    n_outputs = len(study.manifest["outputs"])
    return text + (f" (means over the {n_outputs} outputs)." if n_outputs > 1 else ".")


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
        *error_tables(study),
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
