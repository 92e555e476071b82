"""Draw the figures of a study."""

import logging
from pathlib import Path

from twostep.figure_style import describe_loss, save
from twostep.files import read_json
from twostep.logs import reporting
from twostep.study_figures import draw_figures
from twostep.tables import read_table

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
    drawn = draw_figures(
        {fraction: read_table(path) for fraction, path in trials.items()},
        *map(read_table, (retrained, selection, baseline)),
        [read_json(path) for path in records],
        loss_label=describe_loss(output_activation, read_json(manifest)["outputs"]),
        top_k=top_k,
        tolerance=tolerance,
    )
    for name, figure in drawn:
        save(figure, Path(folder) / name)
        log.info("drew %s", name)


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(
            trials=dict(zip(snakemake.params.fractions, snakemake.input.trials, strict=True)),
            retrained=snakemake.input.retrained,
            selection=snakemake.input.selection,
            baseline=snakemake.input.baseline,
            manifest=snakemake.input.manifest,
            records=snakemake.input.records,
            output_activation=snakemake.params.output_activation,
            top_k=snakemake.params.top_k,
            tolerance=snakemake.params.tolerance,
            folder=Path(snakemake.output[0]).parent,
        )
