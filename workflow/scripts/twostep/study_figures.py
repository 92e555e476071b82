"""All figures of a study."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from twostep.figure_style import describe_loss
from twostep.figures import draw_retrained, draw_search, layer_range
from twostep.fraction_comparison import compare_outcomes
from twostep.fraction_figures import draw_fractions
from twostep.regret_figures import draw_regret
from twostep.step_figures import draw_loss_curves, draw_steps
from twostep.study import Study
from twostep.tables import baseline_losses


def draw_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield each figure of a study with its name, as in `figure_captions`."""
    yield from _search_figures(study)
    yield from _step_figures(study)
    yield from _retrained_figures(study)


def _shared(study: Study) -> dict:
    """Return what is the same in all figures: the colours' range, and what the loss is."""
    activation = study.config["training"]["output_activation"]
    return {
        "layers": layer_range([*(search.trials for search in study.searches), study.retrained]),
        "loss_label": describe_loss(activation, study.manifest["outputs"]),
    }


def _search_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that there are for each fraction."""
    shared, retrained = _shared(study), study.retrained
    for search in study.searches:
        fraction = search.fraction
        losses = baseline_losses(study.baseline, fraction, "val_loss")
        yield (
            f"search_{fraction}",
            draw_search(
                search.trials,
                fraction=fraction,
                baselines=losses,
                retrained=set(retrained["trial"]),
                **shared,
            ),
        )


def _step_figures(study: Study) -> Iterator[tuple[str, Figure]]:
    """Yield the figures that compare the steps and, if there are several, the fractions."""
    shared, top_k = _shared(study), study.config["retrain"]["top_k"]
    for search in study.searches:
        fraction, steps = search.fraction, study.steps(search.fraction)
        figure = draw_steps(steps, fraction=fraction, top_k=top_k, **shared)
        yield f"steps_{fraction}", figure
        yield (
            f"regret_{fraction}",
            draw_regret(
                steps,
                fraction=fraction,
                n_others=study.n_others,
                tolerance=study.config["select"]["tolerance"],
            ),
        )
    if len(study.searches) > 1:
        rankings = {search.fraction: search.trials for search in study.searches}
        yield (
            "fractions",
            draw_fractions(
                rankings,
                compare_outcomes(study),
                top_k=top_k,
                loss_label=shared["loss_label"],
            ),
        )


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
