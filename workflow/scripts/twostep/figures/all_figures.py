"""All figures of a study."""

from collections.abc import Iterator
from typing import Any

from matplotlib.figure import Figure

from twostep.analysis.baselines import baseline_losses, regression_of
from twostep.analysis.cost import step_costs
from twostep.analysis.fractions import compare_outcomes
from twostep.analysis.importance import measure_importance
from twostep.analysis.study import Study
from twostep.data.variables import list_variables
from twostep.figures.confusion import draw_confusion
from twostep.figures.cost import draw_cost, draw_inference
from twostep.figures.errors import draw_errors_by_input
from twostep.figures.fractions import draw_fractions
from twostep.figures.importance import draw_hyperparameters
from twostep.figures.outputs import draw_errors_by_output
from twostep.figures.predicted import draw_predicted
from twostep.figures.regret import draw_regret
from twostep.figures.reliability import draw_reliability
from twostep.figures.size import draw_retrained, draw_search, layer_range
from twostep.figures.space import draw_depth_width, draw_layers
from twostep.figures.steps import draw_loss_curves, draw_steps
from twostep.figures.style import describe_loss
from twostep.model.predictions import Predictions
from twostep.trials.networks import patterns_of
from twostep.util.wording import describe_level, is_rung


def draw_figures(study: Study, predictions: Predictions) -> Iterator[tuple[str, Figure]]:
    """Yield each figure of a study with its name, as in `figure_entries`.

    `predictions` are those of the selected model for the test split.
    """
    yield from _search_figures(study)
    yield from _step_figures(study)
    yield from _retrained_figures(study)
    yield from _space_figures(study)
    yield from _cost_figures(study)
    selected = study.selected
    model = f"Selected: trial {selected['trial']}, {selected['n_parameters']:,} parameters"
    yield from probability_figures(study, predictions, model)
    yield "errors_by_output", errors_by_output(study, model)
    yield "errors_by_input", draw_errors_by_input(predictions, model=model)


def probability_figures(
    study: Study, predictions: Predictions, model: str
) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that depend on what is predicted: numbers, events or classes.

    `model` says which one predicts it.
    """
    loss = study.config["training"]["loss"]
    if loss == "cross_entropy":
        yield "confusion", draw_confusion(predictions, model=model)
    else:
        yield "predicted", draw_predicted(predictions, model=model)
    if "cross_entropy" in loss:
        yield "reliability", draw_reliability(predictions, model=model)


def errors_by_output(study: Study, model: str) -> Figure:
    """Return the figure of the error of each output."""
    outputs = study.manifest["outputs"]
    columns = [f"test_r2[{output['name']}]" for output in outputs]
    regression = regression_of(study.baseline, "all")
    return draw_errors_by_output(
        list_variables(outputs, study.manifest["variables"]),
        study.model(study.selected)[columns].to_numpy(float),
        regression[columns].to_numpy(float),
        model=model,
        regression=regression["model"],
    )


def _shared(study: Study) -> dict:
    """Return what is the same in all figures: the colours' range, and what the loss is."""
    training = study.config["training"]
    return {
        "layers": layer_range([*(search.trials for search in study.searches), study.retrained]),
        "loss_label": describe_loss(
            training["output_activation"], study.manifest["outputs"], training["loss"]
        ),
    }


def _search_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that there are for each fraction and each rung."""
    shared, retrained = _shared(study), study.retrained
    for level in study.levels:
        losses = baseline_losses(study.baseline, level.fraction, "val_loss")
        yield (
            f"search_{level.name}",
            draw_search(
                level.trials,
                fraction=level.name,
                baselines=losses,
                retrained=set(retrained["trial"]),
                complexity=study.complexity(level.name),
                tolerance=study.config["select"]["tolerance"],
                **shared,
            ),
        )


def _step_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that compare the steps and, if there are several, the fractions."""
    shared = _shared(study)
    for level in study.levels:
        name, steps = level.name, study.steps(level.name)
        sides = _sides(study, name)
        figure = draw_steps(steps, fraction=name, top_k=study.passed(name), **sides, **shared)
        yield f"steps_{name}", figure
        yield (
            f"regret_{name}",
            draw_regret(
                steps,
                fraction=name,
                n_others=study.n_others(name),
                without_cut=study.without_cut(name),
                tolerance=study.config["select"]["tolerance"],
                **sides,
            ),
        )
    if len(study.searches) > 1:
        rankings = {search.fraction: search.trials for search in study.searches}
        yield (
            "fractions",
            draw_fractions(
                rankings,
                compare_outcomes(study),
                top_k=study.top_k,
                loss_label=shared["loss_label"],
            ),
        )


def _sides(study: Study, name: str) -> dict[str, Any]:
    """Return what is before the cut through a ranking and after it, where that is not obvious."""
    if not study.rungs:
        return {}
    following = study.after(name)
    return {
        "before": describe_level(name).capitalize() if is_rung(name) else "Search",
        "after": "Step 2" if following is None else describe_level(following.name).capitalize(),
    }


def _retrained_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of the retrained models."""
    shared = _shared(study)
    yield (
        "retrained",
        draw_retrained(
            study.retrained,
            study.selection,
            baselines=baseline_losses(study.baseline, "all", "test_loss"),
            tolerance=study.config["select"]["tolerance"],
            **shared,
        ),
    )
    yield (
        "loss_curves",
        draw_loss_curves(
            study.records,
            study.selection,
            baselines=baseline_losses(study.baseline, "all", "val_loss"),
            loss_label=shared["loss_label"],
        ),
    )


def _space_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of what depth, width and the other hyperparameters mean."""
    loss_label = _shared(study)["loss_label"]
    for search in study.searches:
        fraction, trials = search.fraction, search.trials
        losses = baseline_losses(study.baseline, fraction, "val_loss")
        shown = {"fraction": fraction, "baselines": losses, "loss_label": loss_label}
        if not study.has_own_networks:
            yield f"depth_width_{fraction}", draw_depth_width(trials, **shown)
            yield f"layers_{fraction}", draw_layers(trials, **shown)
        patterns = patterns_of(study.config["search"]["space"])
        importance = measure_importance(study.random_sample(search), patterns)
        figure = draw_hyperparameters(
            importance,
            fraction=fraction,
            loss_label=loss_label,
            kind="" if study.is_random else "random",
        )
        yield f"hyperparameters_{fraction}", figure


def _cost_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of what the study cost, and of what a prediction costs."""
    costs = {search.fraction: step_costs(study, search) for search in study.searches}
    yield "cost", draw_cost(costs)
    figure = draw_inference(study.inference, study.retrained, study.selection, **_shared(study))
    yield "inference", figure
