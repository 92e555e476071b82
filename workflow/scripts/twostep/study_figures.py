"""All figures of a study."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure

from twostep.figures import draw_retrained, draw_search, layer_range
from twostep.step_figures import draw_loss_curves, draw_steps
from twostep.tables import baseline_losses


def draw_figures(
    searches: dict[str, pd.DataFrame],
    retrained: pd.DataFrame,
    selection: pd.DataFrame,
    baseline: pd.DataFrame,
    records: list[dict],
    *,
    loss_label: str,
    top_k: int,
    tolerance: float,
) -> Iterator[tuple[str, Figure]]:
    """Yield each figure with its name, as in `figure_captions`.

    `searches` are the ranked tables by fraction, `records` those of the retrained models and
    `loss_label` says what the loss is.
    """
    # The same colours in all figures.
    shared = {"layers": layer_range([*searches.values(), retrained]), "loss_label": loss_label}
    trials = set(retrained["trial"])
    for fraction, table in searches.items():
        losses = baseline_losses(baseline, fraction, "val_loss")
        figure = draw_search(table, fraction=fraction, baselines=losses, retrained=trials, **shared)
        yield f"search_{fraction}", figure
        yield f"steps_{fraction}", draw_steps(retrained, fraction=fraction, top_k=top_k, **shared)
    losses = baseline_losses(baseline, "all", "test_loss")
    figure = draw_retrained(retrained, selection, baselines=losses, tolerance=tolerance, **shared)
    yield "retrained", figure
    losses = baseline_losses(baseline, "all", "val_loss")
    yield (
        "loss_curves",
        draw_loss_curves(records, selection, baselines=losses, loss_label=loss_label),
    )
