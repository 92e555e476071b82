"""Fill the tables of docs/evidence.md from the committed matrices, and draw its figures.

    python evidence/make_document.py [--only NAME ...]

A table stands in the document between two comments with its name, which this replaces.
"""

import argparse
import re
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from matplotlib.figure import Figure

from matrix.columns import ALL
from matrix.load import Matrix
from replay import agreement, comparisons, estimator, figures, networks
from replay.outcomes import Findings
from replay.policies import last_training
from twostep.figures.style import DOTS_PER_INCH, METADATA
from twostep.util.files import atomic_path, write_text

DOCS = Path(__file__).parents[1] / "docs"
DOCUMENT = DOCS / "evidence.md"
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
SETTING, EPOCHS = "one_cycle", 25
STEP_1 = [("one_cycle", 1200, 40), ("one_cycle", 4800, 40)]
ON_ALL = [("one_cycle", ALL, EPOCHS)]


def aerosol_agreement() -> str:
    """How losses on few data order the trials."""
    return agreement.describe(Matrix("aerosol"), [*STEP_1, *ON_ALL], SETTING, EPOCHS)


@cache
def _two_steps(name: str) -> list[tuple[comparisons.Case, Findings]]:
    """Return what each training of step 1 comes to, with each share that is retrained."""
    matrix = Matrix(name)
    last = last_training(matrix.column(SETTING, ALL, EPOCHS, comparisons.CHOOSING))
    truth = comparisons.true_losses(matrix, SETTING, EPOCHS)
    cases = [case for training in STEP_1 for case in comparisons.two_steps(matrix, last, *training)]
    return comparisons.compare(cases, last, truth)


def aerosol_two_steps() -> str:
    """Fractions and shares that are retrained."""
    return comparisons.describe(_two_steps("aerosol"))


def aerosol_policies() -> Figure:
    """The same as a figure."""
    return figures.draw_policies(_two_steps("aerosol"))


def aerosol_rungs() -> str:
    """A rung between the two steps, for some shares that reach it and leave it."""
    matrix = Matrix("aerosol")
    last = last_training(matrix.column(SETTING, ALL, EPOCHS, comparisons.CHOOSING))
    truth = comparisons.true_losses(matrix, SETTING, EPOCHS)
    (_, *few), (_, *more) = STEP_1
    cases = [
        comparisons.rungs(matrix, last, SETTING, [(*few, first), (*more, second)])
        for first in (0.16, 0.32, 0.5)
        for second in (0.01, 0.02, 0.04)
    ]
    return comparisons.describe(comparisons.compare(cases, last, truth))


def aerosol_networks() -> str:
    """Sizes and depths of the best networks."""
    return networks.describe(Matrix("aerosol"), [*STEP_1, *ON_ALL])


def aerosol_estimator() -> str:
    """Whether the workflow knows if a better trial is left."""
    matrix = Matrix("aerosol")
    last = matrix.column(SETTING, ALL, EPOCHS, comparisons.CHOOSING)
    return estimator.describe(matrix, STEP_1, last)


def aerosol_rounds() -> str:
    """When to retrain no more."""
    matrix = Matrix("aerosol")
    last = matrix.column(SETTING, ALL, EPOCHS, comparisons.CHOOSING)
    return estimator.describe_rounds(matrix, STEP_1, last)


TABLES: dict[str, Callable[[], str]] = {
    make.__name__: make
    for make in (
        aerosol_agreement,
        aerosol_two_steps,
        aerosol_rungs,
        aerosol_networks,
        aerosol_estimator,
        aerosol_rounds,
    )
}


FIGURES: dict[str, Callable[[], Figure]] = {make.__name__: make for make in (aerosol_policies,)}


def fill(text: str, only: Collection[str] = ()) -> str:
    """Return a document with its tables, or only some of them, made anew."""

    def replace(match: re.Match) -> str:
        begin, name, end = match.groups()
        return match.group() if only and name not in only else f"{begin}{TABLES[name]()}\n{end}"

    return TABLE.sub(replace, text)


def draw(name: str) -> None:
    """Draw a figure into the folder of the documents."""
    with atomic_path(DOCS / f"evidence_{name}.png") as temporary:
        FIGURES[name]().savefig(temporary, dpi=DOTS_PER_INCH, metadata=METADATA["png"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], choices=sorted({*TABLES, *FIGURES}))
    only = parser.parse_args().only
    write_text(DOCUMENT, fill(DOCUMENT.read_text(encoding="utf-8"), only))
    for name in only or FIGURES:
        if name in FIGURES:
            draw(name)
