"""Draw the figures of a study."""

import logging
from pathlib import Path

from twostep.figure_style import loss_unit, save
from twostep.figures import draw_retrained, draw_search, layer_range
from twostep.files import read_json
from twostep.logs import reporting
from twostep.step_figures import draw_loss_curves, draw_steps
from twostep.tables import baseline_losses, read_table

log = logging.getLogger(__name__)


def main(
    *,
    trials: dict[str, str],
    retrained: str,
    selection: str,
    baseline: str,
    manifest: str,
    records: list[str],
    output_activation: str,
    top_k: int,
    tolerance: float,
    folder: str | Path,
) -> None:
    """Write every figure into `folder`; `trials` is {fraction: path of its ranked table}."""
    searches = {fraction: read_table(path) for fraction, path in trials.items()}
    models, chosen, simple = read_table(retrained), read_table(selection), read_table(baseline)
    units = [output["units"] for output in read_json(manifest)["outputs"]]
    unit = loss_unit(output_activation, units)
    layers = layer_range([*searches.values(), models])
    shared = {"layers": layers, "unit": unit}
    drawn = {}
    for fraction, table in searches.items():
        losses = baseline_losses(simple, fraction, "val_loss")
        drawn[f"search_{fraction}"] = draw_search(
            table, fraction=fraction, baselines=losses, retrained=set(models["trial"]), **shared
        )
        drawn[f"steps_{fraction}"] = draw_steps(models, fraction=fraction, top_k=top_k, **shared)
    losses = baseline_losses(simple, "all", "test_loss")
    drawn["retrained"] = draw_retrained(
        models, chosen, baselines=losses, tolerance=tolerance, **shared
    )
    curves = [read_json(path) for path in records]
    losses = baseline_losses(simple, "all", "val_loss")
    drawn["loss_curves"] = draw_loss_curves(curves, chosen, baselines=losses, unit=unit)
    for stem, figure in drawn.items():
        save(figure, Path(folder) / stem)
        log.info("drew %s", stem)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        inputs, params = dict(snakemake.input.items()), dict(snakemake.params.items())
        inputs["trials"] = dict(zip(params.pop("fractions"), inputs["trials"], strict=True))
        main(**inputs, **params, folder=Path(snakemake.output[0]).parent)
