"""What the paper claims, one by one, and what a matrix says of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matrix.load import Matrix
from replay import labels
from replay.agreement import Training, correlation
from replay.comparisons import Case, cheapest_safe, columns, is_safe
from replay.networks import N_BEST, hidden_layers
from replay.outcomes import Findings, interval
from twostep.analysis.complexity import minimal_complexity
from twostep.util.wording import table, times

# A network is good enough at so much above the lowest loss.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Domain:
    """A matrix, with what is asked of it.

    `few` is the training of step 1 on a few thousand samples, `on_all` that on all data.
    `compared` is what all trainings of step 1 come to, with each share that is retrained, and
    `truth` (n_trials,) tells how good trials are on all data.
    """

    label: str
    matrix: Matrix
    few: Training
    on_all: Training
    compared: Sequence[tuple[Case, Findings]]
    truth: np.ndarray


def describe(domains: Sequence[Domain]) -> str:
    """Return a table with a row for each claim and a column for each domain."""
    claims = {
        "The ranking on the subset carries over: rank correlation [95 %]": _carries_over,
        "A few thousand samples are enough: mean regret, with so many retrained": _suffices,
        f"About 10^4 parameters are needed: fewest within {labels.percent(TOLERANCE)} "
        "of the best [90 %]": _needs,
        f"Two or three hidden layers are needed: layers of the best {N_BEST}": _depths,
        f"The best are diverse in size: parameters of the best {N_BEST}": _sizes,
        "Up to 135 times cheaper: the cheapest safe search [90 %]": _cheaper,
    }
    rows = [["claim of the paper", *(domain.label for domain in domains)]]
    rows += [[claim, *map(answer, domains)] for claim, answer in claims.items()]
    return table(rows)


def _losses(domain: Domain) -> np.ndarray:
    """Return the losses on all data that the table of networks goes by, (n_trials,)."""
    return columns(domain.matrix, *domain.on_all)[0].losses


def _best(domain: Domain) -> np.ndarray:
    losses = np.nan_to_num(_losses(domain), nan=np.inf)
    return np.argsort(losses, kind="stable")[:N_BEST]


def _carries_over(domain: Domain) -> str:
    label = labels.training(domain.matrix, *domain.few)
    return f"{correlation(columns(domain.matrix, *domain.few)[0].losses, domain.truth)}, {label}"


def _suffices(domain: Domain) -> str:
    label = labels.training(domain.matrix, *domain.few)
    cases = [entry for entry in domain.compared if entry[0].label == label]
    n_half = len(domain.matrix.trials) // 2
    ((case, findings),) = cheapest_safe(cases)
    n_retrained = max(1, round(case.share * n_half))
    excess = "" if is_safe(findings) else ", too much"
    return f"{findings.regrets.mean():.2f}{excess}, {n_retrained} of {n_half}"


def _needs(domain: Domain) -> str:
    losses = _losses(domain)
    known = ~np.isnan(losses)
    sizes = domain.matrix.trials["n_parameters"].to_numpy()
    found = minimal_complexity(sizes[known], losses[known], TOLERANCE)
    return f"{found.n_parameters:,} [{found.low:,}, {found.high:,}]"


def _depths(domain: Domain) -> str:
    depths = hidden_layers(domain.matrix.trials)[_best(domain)]
    found = zip(*np.unique(depths, return_counts=True), strict=True)
    return ", ".join(f"{depth}: {count}" for depth, count in found)


def _sizes(domain: Domain) -> str:
    sizes = domain.matrix.trials["n_parameters"].to_numpy()[_best(domain)]
    return f"{sizes.min():,} to {sizes.max():,}"


def _cheaper(domain: Domain) -> str:
    safe = [entry for entry in cheapest_safe(domain.compared) if is_safe(entry[1])]
    if not safe:
        return "none is safe"
    case, findings = max(safe, key=lambda entry: interval(entry[1].factors[0])[1])
    low, middle, high = interval(findings.factors[0])
    return f"{times(middle)} [{times(low)}, {times(high)}], {case.label}"
