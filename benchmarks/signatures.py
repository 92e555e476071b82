"""How often the signs of a search that misleads are right, and the interval of the complexity.

    python benchmarks/signatures.py [studies for each setting, 100]

Simulates searches of which the truth is known and prints, for each setting, how often a check
raises an alarm, with and without a cause, and what it predicts beside what is true. Takes some
minutes on one core.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from simulated_searches import (
    ENVELOPES,
    TAILS,
    biased_study,
    doubled_searches,
    least_squares_search,
    missed_factor,
    true_gain,
)

from twostep.analysis.complexity import minimal_complexity
from twostep.analysis.overfitting import overfitting
from twostep.analysis.size_bias import size_bias

TOLERANCE = 0.25
TOP_K = 8


def main() -> None:
    n_studies = int(sys.argv[1]) if sys.argv[1:] else 100
    fits(n_studies)
    biases(n_studies)
    lengths(n_studies)
    complexities(n_studies)


def rate(found: np.ndarray | list[bool]) -> str:
    """Return a share, or a dash where there is nothing to be shared."""
    return f"{np.mean(found):.2f}" if len(found) else "-"


def fits(n_studies: int) -> None:
    """Print how often overfitting is a doubt, by whether it has cost a better trial."""
    print("Overfitting: samples, noise | missed | doubts of these, of the others | gain, true gain")
    for n_samples, noise in ((70, 0.1), (80, 0.15), (100, 0.2), (150, 0.5), (300, 0.5)):
        tables = [least_squares_search(n_samples, seed=i, noise=noise) for i in range(n_studies)]
        found = [overfitting(table, TOP_K) for table in tables]
        doubts = np.array([fit.is_relevant(TOLERANCE) for fit in found])
        missed = np.array([missed_factor(table, TOP_K) > 1 + TOLERANCE for table in tables])
        gains = [np.exp(np.mean(np.log([fit.gain for fit in found])))]
        gains.append(np.exp(np.mean(np.log([true_gain(table) for table in tables]))))
        print(
            f"{n_samples}, {noise:g} | {rate(missed)} | {rate(doubts[missed])} | "
            f"{rate(doubts[~missed])} | {gains[0]:.2f}, {gains[1]:.2f}",
            flush=True,
        )


def biases(n_studies: int) -> None:
    """Print how often a bias against large networks is a doubt, and how often it is excluded."""
    print("\nBias against large networks: setting | its size | doubts | excluded")
    for settings in (
        {},
        {"quality": 0.8},
        {"noise": 0.6},
        {"noise": 0.05, "quality": 0.2, "n_controls": 20},
        {"slope": 1.5},
        {"n_controls": 6},
        {"n_trials": 2000, "top_k": 50, "n_controls": 20},
    ):
        for bias in (-0.5, 0.0, 0.25, 0.5, 1.0):
            found = [size_bias(*biased_study(bias, seed=i, **settings)) for i in range(n_studies)]
            doubts = np.array([each.is_relevant(TOLERANCE) for each in found])
            excluded = np.array([each.is_excluded(TOLERANCE) for each in found])
            print(f"{settings} | {bias:g} | {rate(doubts)} | {rate(excluded)}", flush=True)


def lengths(n_studies: int) -> None:
    """Print how probable a better trial was told to be, and how often there was one."""
    print("\nTwice as many trials: trials, tail | told | true | the bound held")
    told, true = [], []
    for n_trials in (100, 200, 1000, 5000):
        for name in TAILS:
            for tolerance in (0.05, 0.25):
                found = doubled_searches(name, n_trials, tolerance, n_studies=n_studies)
                told.append(found[0])
                true.append(found[1])
                means = " | ".join(f"{part.mean():.3f}" for part in found)
                print(f"{n_trials}, {name}, {tolerance:g} | {means}", flush=True)
    predicted, happened = np.concatenate(told), np.concatenate(true)
    print("told | true, of all of these")
    for low in np.arange(0, 0.7, 0.1):
        place = (predicted >= low) & (predicted < low + 0.1)
        print(f"{low:.1f} to {low + 0.1:.1f} | {rate(happened[place])}")


def complexities(n_studies: int) -> None:
    """Print how often the interval of the minimal complexity holds what another search finds."""
    print("\nMinimal complexity: trials, losses, tolerance | another search within the interval")
    for n_trials in (50, 200, 2000, 10_000):
        for name, losses_of in ENVELOPES.items():
            for tolerance in (0.1, 0.25):
                random, inside = np.random.default_rng(3), []
                for _ in range(n_studies):
                    sizes = (10 ** random.uniform(2, 6, n_trials)).astype(int)
                    found = minimal_complexity(sizes, losses_of(random, sizes), tolerance)
                    sizes = (10 ** random.uniform(2, 6, n_trials)).astype(int)
                    losses = losses_of(random, sizes)
                    other = sizes[losses <= (1 + tolerance) * losses.min()].min()
                    inside.append(found.low <= other <= found.high)
                print(f"{n_trials}, {name}, {tolerance:g} | {rate(np.array(inside))}", flush=True)


if __name__ == "__main__":
    main()
