"""Draw every figure of studies that are hard to draw, for people to look at.

    python tests/gallery.py FOLDER [study ...]

Writes a PNG for each figure and a page with all of them, `index.html`, into the folder. The studies
are those of `hard_studies.py`, all of them unless some are named. Takes a few minutes.
"""

import html
import sys
from collections.abc import Iterator
from pathlib import Path

import hard_studies
import matplotlib
from matplotlib.figure import Figure

from twostep.figures.all_figures import draw_figures
from twostep.figures.style import STYLE


def draw(name: str) -> Iterator[tuple[str, Figure]]:
    """Yield each figure of a hard study with its name."""
    yield from draw_figures(*hard_studies.STUDIES[name]())


def write_gallery(folder: Path, names: list[str]) -> None:
    """Write all figures of these studies and a page that shows them into a folder."""
    lines = ["<!doctype html><meta charset='utf-8'><title>Gallery</title>"]
    for study in names:
        (folder / study).mkdir(parents=True, exist_ok=True)
        lines.append(
            f"<h1>{study}</h1><p>{html.escape(hard_studies.STUDIES[study].__doc__ or '')}</p>"
        )
        for name, figure in draw(study):
            path = f"{study}/{name}.png"
            with matplotlib.rc_context(STYLE):
                figure.savefig(folder / path)
            lines.append(
                f"<figure><img src='{path}' width='710'><figcaption>{name}</figcaption></figure>"
            )
        print(study, flush=True)
    (folder / "index.html").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_gallery(Path(sys.argv[1]), sys.argv[2:] or list(hard_studies.STUDIES))
