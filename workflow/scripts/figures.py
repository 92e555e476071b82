"""Draw the figures of a study."""

import logging
from collections.abc import Mapping
from pathlib import Path

from twostep.analysis.study import read_study
from twostep.figures.all_figures import draw_figures
from twostep.figures.style import save
from twostep.model.predictions import read_predictions
from twostep.util.job import job

log = logging.getLogger(__name__)
# It tells each glyph of each font that goes into a PDF.
logging.getLogger("fontTools").setLevel(logging.WARNING)


def main(*, files: Mapping[str, str | list[str]], config: str, folder: str | Path) -> None:
    """Write every figure of the study whose results are in `files` into `folder`.

    Beside what `read_study` wants, `files` has the predictions of the selected model.
    """
    predictions = read_predictions(files["predictions"])
    for name, figure in draw_figures(read_study(files, config), predictions):
        save(figure, Path(folder) / name)
        log.info("drew %s", name)


if __name__ == "__main__":
    with job(snakemake):
        main(
            files=dict(snakemake.input.items()),
            config=snakemake.params.config,
            folder=Path(snakemake.output[0]).parent,
        )
