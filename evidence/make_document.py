"""Fill the tables of docs/evidence*.md from the committed matrices, and draw its figures.

    python evidence/make_document.py [--only NAME ...]

A table stands on one of the pages between two comments, the first with its name. This replaces it.
"""

import argparse
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import yaml
from matplotlib.figure import Figure

from matrix.columns import ALL
from matrix.load import Matrix, Trained
from replay import (
    advice,
    agreement,
    budgets,
    claim_figures,
    claims,
    comparisons,
    estimator,
    figures,
    law,
    networks,
    numbers,
    rule,
    samplers,
)
from replay.outcomes import Findings
from replay.pilots import PILOTED
from replay.policies import Stage, last_training
from twostep.figures.style import DOTS_PER_INCH, METADATA
from twostep.util.files import atomic_path, write_text

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("evidence*.md"))
CONFIG = yaml.safe_load(Path(__file__).with_name("config.yaml").read_text(encoding="utf-8"))
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
SETTING = "one_cycle"


@dataclass(frozen=True)
class Problem:
    """A matrix with the epochs of the search on all data that others are compared with.

    `few` are the samples and epochs of a step 1 on a few thousand samples.
    """

    name: str
    epochs: int
    few: tuple[int, int]

    @cached_property
    def matrix(self) -> Matrix:
        """The tables."""
        return Matrix(self.name)

    @property
    def on_all(self) -> Trained:
        """The column of all data that chooses the winner."""
        return self.matrix.column(SETTING, ALL, self.epochs, comparisons.CHOOSING)

    @property
    def last(self) -> Stage:
        """The same as the last stage of a policy."""
        return last_training(self.on_all)

    @cached_property
    def truth(self) -> np.ndarray:
        """How good trials are on all data, (n_trials,)."""
        return comparisons.true_losses(self.matrix, SETTING, self.epochs)

    @property
    def step_1(self) -> list[agreement.Training]:
        """All trainings of all trials on a part of the data."""
        return [
            (SETTING, samples, epochs)
            for samples, epochs in budgets.trainings(self.matrix)
            if samples != ALL and comparisons.columns(self.matrix, SETTING, samples, epochs)
        ]

    @property
    def trainings(self) -> list[agreement.Training]:
        """The same, then that on all data."""
        return [*self.step_1, (SETTING, ALL, self.epochs)]

    @property
    def estimated(self) -> list[agreement.Training]:
        """Those that the estimator is asked about."""
        return [(SETTING, samples, epochs) for samples, epochs in ESTIMATED[self.name]]

    @cached_property
    def two_steps(self) -> list[tuple[comparisons.Case, Findings]]:
        """What each training of step 1 comes to, with each share that is retrained."""
        return self.after(self.step_1)

    def after(
        self, trainings: Sequence[agreement.Training]
    ) -> list[tuple[comparisons.Case, Findings]]:
        """Replay two steps after each training of step 1, with each share that is retrained."""
        cases = (comparisons.two_steps(self.matrix, self.last, *each) for each in trainings)
        return self.compare([case for found in cases for case in found])

    def as_domain(self, label: str) -> claims.Domain:
        """Return what the claims of the paper are held against."""
        few, on_all = (SETTING, *self.few), (SETTING, ALL, self.epochs)
        return claims.Domain(label, self.matrix, few, on_all, self.two_steps, self.truth)

    def compare(self, cases: Sequence[comparisons.Case]) -> list[tuple[comparisons.Case, Findings]]:
        """Replay cases."""
        return comparisons.compare(cases, self.last, self.truth)


AEROSOL = Problem("aerosol", 25, (4800, 20))
MILLION = Problem("million", 4, (12000, 20))
TEN_MILLION = Problem("ten_million", 2, (16000, 20))
FLIGHTS = Problem("flights", 10, (3400, 20))
LATE = Problem("late", 2, (3400, 20))
PHOTOS = Problem("photos", 3, (3200, 20))
WORDS = Problem("words", 3, (3200, 20))
# By their names in the table of the claims.
DOMAINS = {
    "aerosol": AEROSOL,
    "air time of flights": FLIGHTS,
    "late flights": LATE,
    "patches of photographs": PHOTOS,
    "words": WORDS,
}
SEARCHES = {
    "aerosol": "aerosol, layers and widths",
    "aerosol_rates": "the same and learning rates",
    "flights": "flights, the same",
}
# Samples and epochs that the estimator is asked about, which takes minutes.
ESTIMATED: dict[str, list[tuple[int, int]]] = {
    "aerosol": [(1200, 40), (4800, 10), (4800, 40), (19200, 5)],
    "million": [(3000, 60), (12000, 40)],
}


def agreement_of(problem: Problem) -> str:
    """How losses on few data order the trials."""
    return agreement.describe(problem.matrix, problem.trainings, SETTING, problem.epochs)


def two_steps_of(problem: Problem) -> str:
    """How many have to be retrained, and what that costs."""
    return comparisons.describe_safe(problem.matrix, problem.last, problem.two_steps)


def policies_of(problem: Problem) -> Figure:
    """Costs and regrets with each share that is retrained."""
    return figures.draw_policies(problem.two_steps)


def budgets_of(problem: Problem) -> str:
    """How long a training has to be."""
    return budgets.describe(problem.matrix)


def losses_of(problem: Problem) -> Figure:
    """The same as a figure."""
    return figures.draw_budgets(budgets.losses_by_budget(problem.matrix))


def networks_of(problem: Problem) -> str:
    """Sizes and depths of the best networks."""
    return networks.describe(problem.matrix, problem.trainings)


def estimator_of(problem: Problem) -> str:
    """Whether the workflow knows if a better trial is left."""
    return estimator.describe(problem.matrix, problem.estimated, problem.on_all)


def rounds_of(problem: Problem) -> str:
    """When to retrain no more."""
    return estimator.describe_rounds(problem.matrix, problem.estimated, problem.on_all)


# Each with its brackets: the share of the trials, and (samples, epochs, share that goes on).
HALVING: dict[str, list[tuple[float, list[tuple[int | str, int, float]]]]] = {
    "two steps": [(1.0, [(4800, 20, 0.03)])],
    "two steps, more samples for fewer epochs": [(1.0, [(9600, 10, 0.03)])],
    "one rung": [(1.0, [(4800, 10, 0.25), (19200, 5, 0.03)])],
    "successive halving over data": [
        (1.0, [(2400, 20, 0.33), (4800, 20, 0.11), (19200, 20, 0.03)])
    ],
    "successive halving over epochs": [
        (1.0, [(4800, 10, 0.5), (4800, 20, 0.25), (4800, 40, 0.03)])
    ],
    "successive halving over both": [
        (1.0, [(4800, 10, 0.33), (9600, 10, 0.11), (19200, 20, 0.03)])
    ],
    "Hyperband over data": [
        (0.6, [(2400, 20, 0.33), (4800, 20, 0.11), (19200, 20, 0.03)]),
        (0.25, [(4800, 20, 0.33), (19200, 20, 0.04)]),
        (0.15, [(19200, 20, 0.07)]),
    ],
    "one epoch on all data": [(1.0, [(ALL, 1, 0.03)])],
    "successive halving over epochs on all data": [(1.0, [(ALL, 1, 0.33), (ALL, 3, 0.03)])],
}


def aerosol_halving() -> str:
    """Other ways to spend about as much."""
    cases = [
        comparisons.brackets(AEROSOL.matrix, AEROSOL.last, SETTING, name, parts)
        for name, parts in HALVING.items()
    ]
    return comparisons.describe(AEROSOL.compare(cases))


def aerosol_numbers() -> str:
    """How many must be retrained, by how many were tried."""
    return numbers.describe(AEROSOL.matrix, (SETTING, 4800, 20), AEROSOL.last, AEROSOL.truth)


def aerosol_law() -> str:
    """The factor by the size of the data."""
    return law.describe([problem.matrix for problem in (AEROSOL, MILLION, TEN_MILLION)])


def aerosol_prediction() -> str:
    """What that predicts for the paper's data."""
    return law.describe_prediction(law.points(TEN_MILLION.matrix)[-1])


# Training after training, by what is compared: the same updates, then the same epochs.
BATCHES: list[agreement.Training] = [
    ("one_cycle_512", 4800, 80),
    (SETTING, 4800, 20),
    (SETTING, 4800, 80),
    ("one_cycle_32", 4800, 20),
]


def aerosol_batches() -> str:
    """How well trainings with other batches order the trials."""
    return agreement.describe(AEROSOL.matrix, BATCHES, SETTING, AEROSOL.epochs)


def aerosol_batch_costs() -> str:
    """How many have to be retrained after them, and what that costs."""
    return comparisons.describe_safe(AEROSOL.matrix, AEROSOL.last, AEROSOL.after(BATCHES))


def aerosol_curves() -> str:
    """What is saved by ending trainings of step 1 early, which needs a constant rate."""
    cases = [
        *comparisons.from_curves(AEROSOL.matrix, AEROSOL.last, 1200, 160, [0.16]),
        *comparisons.from_curves(AEROSOL.matrix, AEROSOL.last, 4800, 80, [0.04]),
    ]
    return comparisons.describe(AEROSOL.compare(cases))


def list_domains() -> list[claims.Domain]:
    """Return what the claims of the paper are held against."""
    return [problem.as_domain(label) for label, problem in DOMAINS.items()]


def domains_claims() -> str:
    """What the paper claims, and what each domain says of it."""
    return claims.describe(list_domains())


def domains_agreement() -> Figure:
    """Losses of step 1 against those on all data."""
    return claim_figures.draw_agreement(list_domains())


def pairs() -> dict[str, list[samplers.Pair]]:
    """Return the searches by both samplers, by what they search."""
    n_retrained = CONFIG["samplers"]["sizes"]["n_retrained"]
    return {label: samplers.read_pairs(name, n_retrained) for name, label in SEARCHES.items()}


def samplers_losses() -> str:
    """What a search by earlier losses finds, beside random ones."""
    return samplers.describe(pairs())


def samplers_finalists() -> str:
    """How diverse its finalists are, and how well step 1 orders them."""
    return samplers.describe_agreement(pairs())


def rule_of_thumb() -> str:
    """One rule for samples, updates and retrainings, tried on problems it was not made from."""
    return rule.describe(PILOTED)


def advice_validation() -> str:
    """What pilots say of problems that the constants of the advice were not learned from."""
    return advice.describe(PILOTED)


def advice_constants() -> str:
    """These constants, and those of all problems, which the workflow has."""
    return advice.describe_prior(PILOTED)


TABLES: dict[str, Callable[[], str]] = {
    **{
        f"{problem.name}_{kind}": partial(make, problem)
        for problem in (AEROSOL, MILLION, TEN_MILLION, FLIGHTS, LATE, PHOTOS, WORDS)
        for kind, make in (
            ("agreement", agreement_of),
            ("two_steps", two_steps_of),
            ("budgets", budgets_of),
            ("networks", networks_of),
        )
    },
    **{
        f"{problem.name}_{kind}": partial(make, problem)
        for problem in (AEROSOL, MILLION)
        for kind, make in (("estimator", estimator_of), ("rounds", rounds_of))
    },
    **{
        make.__name__: make
        for make in (
            aerosol_halving,
            aerosol_numbers,
            aerosol_law,
            aerosol_prediction,
            aerosol_batches,
            aerosol_batch_costs,
            aerosol_curves,
            domains_claims,
            rule_of_thumb,
            advice_validation,
            advice_constants,
            samplers_losses,
            samplers_finalists,
        )
    },
}

FIGURES: dict[str, Callable[[], Figure]] = {
    domains_agreement.__name__: domains_agreement,
} | {
    f"{problem.name}_{kind}": partial(make, problem)
    for problem in (AEROSOL, MILLION)
    for kind, make in (("policies", policies_of), ("losses", losses_of))
}


def fill(text: str, only: Collection[str] = ()) -> str:
    """Return a page with its tables, or only some of them, made anew."""

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
    for page in PAGES:
        write_text(page, fill(page.read_text(encoding="utf-8"), only))
    for name in only or FIGURES:
        if name in FIGURES:
            draw(name)
