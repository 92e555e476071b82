"""What searches by earlier losses come to, beside random ones of the same seeds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr, t

from matrix.searches import RANDOM, TPE
from matrix.tables import SUFFIX
from replay.networks import spread
from twostep.util.tables import read_table
from twostep.util.wording import table

FOLDER = Path(__file__).parents[1] / "samplers"


@dataclass(frozen=True)
class Pair:
    """The two searches of a seed, and how many of each are finalists.

    `by_losses` and `at_random` have a row per trial, and the latter goes on until it has cost as
    much.
    """

    by_losses: pd.DataFrame
    at_random: pd.DataFrame
    n_retrained: int

    @property
    def as_many(self) -> pd.DataFrame:
        """Only so many random trials as the other search has."""
        return self.at_random.head(len(self.by_losses))

    def finalists(self, trials: pd.DataFrame) -> pd.DataFrame:
        """Return the best trials of step 1, the best first."""
        return trials.sort_values("val_loss", kind="stable").head(self.n_retrained)


def read_pairs(name: str, n_retrained: int, folder: Path = FOLDER) -> list[Pair]:
    """Return the searches of all seeds that are there."""
    pairs = []
    for path in sorted(folder.glob(f"{name}-*{SUFFIX}")):
        searches = dict(list(read_table(path).groupby("sampler")))
        pairs.append(Pair(searches[TPE], searches[RANDOM], n_retrained))
    return pairs


def lowest(trials: pd.DataFrame, column: str) -> float:
    """Return a column of the trial with the lowest validation loss after retraining."""
    return float(trials.nsmallest(1, "val_loss_all")[column].iloc[0])


def ratio(values: Sequence[float]) -> str:
    """Return the geometric mean of ratios with its interval of 95 %, as seeds scatter."""
    logarithms = np.log(values)
    half = t.ppf(0.975, len(logarithms) - 1) * logarithms.std(ddof=1) / len(logarithms) ** 0.5
    low, middle, high = np.exp(logarithms.mean() + half * np.array([-1, 0, 1]))
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def describe(pairs_by_name: dict[str, list[Pair]]) -> str:
    """Return the losses of the search by earlier losses over those of random ones, as a table."""
    rows = [
        [
            "data and space",
            "random trials that cost as much as {n} of TPE",
            "lowest loss in step 1",
            "mean of the finalists on all data",
            "winner on all data",
            "the same in test loss",
            "winner, as many random trials",
        ]
    ]
    for name, pairs in pairs_by_name.items():
        counts = [len(pair.at_random) for pair in pairs]
        rows[0][1] = rows[0][1].format(n=len(pairs[0].by_losses))
        rows.append(
            [
                name,
                f"{min(counts)} to {max(counts)}",
                *(ratio([measure(pair) for pair in pairs]) for measure in MEASURES),
            ]
        )
    return table(rows)


def _first(pair: Pair) -> float:
    return float(pair.by_losses["val_loss"].min() / pair.at_random["val_loss"].min())


def _mean(pair: Pair) -> float:
    logarithms = [
        np.log(pair.finalists(trials)["val_loss_all"]).mean()
        for trials in (pair.by_losses, pair.at_random)
    ]
    return float(np.exp(logarithms[0] - logarithms[1]))


def _winner(
    column: str, others: Callable[[Pair], pd.DataFrame] = lambda pair: pair.at_random
) -> Callable[[Pair], float]:
    """Return what compares the winners among the finalists, controls left out."""

    def measure(pair: Pair) -> float:
        ours, theirs = (
            lowest(pair.finalists(trials), column) for trials in (pair.by_losses, others(pair))
        )
        return ours / theirs

    return measure


MEASURES: tuple[Callable[[Pair], float], ...] = (
    _first,
    _mean,
    _winner("val_loss_all"),
    _winner("test_loss"),
    _winner("val_loss_all", lambda pair: pair.as_many),
)


def describe_agreement(pairs_by_name: dict[str, list[Pair]]) -> str:
    """Return how diverse the finalists are, and how well step 1 orders what is retrained."""
    rows = [
        [
            "data and space",
            "search",
            "rank correlation of the steps: all retrained",
            "finalists alone",
            "parameters of the finalists, median",
            "numbers of hidden layers among them",
            "distance of two finalists, of two random trials: 1",
            "a control is the best of all",
        ]
    ]
    for name, pairs in pairs_by_name.items():
        for sampler, of in (
            ("at random", lambda pair: pair.at_random),
            ("TPE", lambda pair: pair.by_losses),
        ):
            trials = [of(pair) for pair in pairs]
            finalists = [
                pair.finalists(searched) for pair, searched in zip(pairs, trials, strict=True)
            ]
            retrained = [searched.dropna(subset="val_loss_all") for searched in trials]
            layers = [best["n_hidden_layers"].nunique() for best in finalists]
            parameters = np.median([best["n_parameters"].median() for best in finalists])
            spreads = [
                spread(best, pair.at_random) for best, pair in zip(finalists, pairs, strict=True)
            ]
            won = sum(bool(lowest(each, "control")) for each in retrained)
            rows.append(
                [
                    name,
                    sampler,
                    _correlation(retrained),
                    _correlation(finalists),
                    f"{parameters:,.0f}",
                    f"{min(layers)} to {max(layers)}",
                    f"{np.mean(spreads):.2f}",
                    f"{won} of {len(pairs)}",
                ]
            )
    return table(rows)


def _correlation(searches: Sequence[pd.DataFrame]) -> str:
    """Return the mean of the searches' rank correlations, and their range."""
    found = [float(spearmanr(each["val_loss"], each["val_loss_all"])[0]) for each in searches]
    return f"{np.mean(found):.2f} ({min(found):.2f} to {max(found):.2f})"
