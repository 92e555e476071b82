"""What rounds of retraining save, and how often they end too early.

    python benchmarks/until.py [studies for each setting, 100]

Simulates studies of which the truth is known. The trials of each are retrained in rounds until
hardly any better one is left, as `retrain.until` does. Prints how often the rounds ended early. Of
these studies it tells how many lost a better trial, and how many trials they retrained, controls
included. The last number is that of a fixed `top_k`, without controls, that is as safe: with it no
more of the same studies lose a better trial. Takes some 10 minutes.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "evidence"))
from simulated_studies import simulate

from replay.rounds import HEADINGS, Ended, describe, retrain_in_rounds
from twostep.util.wording import table

TOLERANCE, PROBABILITY = 0.05, 0.05
ROUND_SIZE, CONTROLS = 10, 12
CORRELATIONS = (0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
# Trials, and the most that may be retrained.
SIZES = ((200, 100), (2000, 200), (10_000, 300))


def main() -> None:
    n_studies = int(sys.argv[1]) if sys.argv[1:] else 100
    rows = [["trials", "top_k", "correlation", *HEADINGS]]
    for n_trials, most in SIZES:
        size, everything = [f"{n_trials:,}", str(most)], []
        for correlation in CORRELATIONS:
            ended = [run(seed, n_trials, most, correlation) for seed in range(n_studies)]
            rows.append([*size, f"{correlation:g}", *describe(ended, most)])
            everything += ended
        rows.append([*size, "all of these", *describe(everything, most)])
    print(table(rows))


def run(seed: int, n_trials: int, most: int, correlation: float) -> Ended:
    """Return how the rounds of one study ended."""
    rng = np.random.default_rng(seed)
    losses = simulate(rng, correlation=correlation, n_trials=n_trials).losses
    return retrain_in_rounds(
        rng,
        losses,
        round_size=ROUND_SIZE,
        most=most,
        n_controls=CONTROLS,
        probability=PROBABILITY,
        tolerance=TOLERANCE,
    )


if __name__ == "__main__":
    main()
