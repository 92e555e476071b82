"""What rounds of retraining save, and how often they end too early.

    python benchmarks/until.py [studies for each setting, 100]

Simulates studies of which the truth is known. The trials of each are retrained in rounds until
hardly any better one is left, as `retrain.until` does. Prints how often the rounds ended early, in
how many of these studies a better trial was lost, and how many trials were retrained, controls
included. The last row of each size is for all studies that ended early. It also tells how many
trials a fixed `top_k`, without controls, has to retrain so that no more of them lose a better one.
Takes some 10 minutes.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "evidence"))
from simulated_studies import simulate

from replay.rounds import Ended, retrain_in_rounds
from twostep.util.wording import table

TOLERANCE, PROBABILITY = 0.05, 0.05
ROUND_SIZE, CONTROLS = 10, 12
CORRELATIONS = (0.4, 0.6, 0.7, 0.8, 0.9, 0.95)
# Trials, and the most that may be retrained.
SIZES = ((200, 100), (2000, 200), (10_000, 300))


def main() -> None:
    n_studies = int(sys.argv[1]) if sys.argv[1:] else 100
    rows = [["trials", "top_k", "correlation", "ended early", "lost of these"]]
    rows[0] += ["retrained, mean", "a fixed top_k as safe"]
    for n_trials, most in SIZES:
        studies = {
            correlation: [run(seed, n_trials, most, correlation) for seed in range(n_studies)]
            for correlation in CORRELATIONS
        }
        for correlation, found in studies.items():
            rows.append([f"{n_trials:,}", str(most), f"{correlation:g}", *describe(found, most)])
        everything = [study for found in studies.values() for study in found]
        early = [study for study in everything if study[1].finalists < most]
        n_lost = sum(ended.is_lost for _, ended in early)
        needed = sorted(sufficient(losses) for losses, _ in early)
        row = [f"{n_trials:,}", str(most), "all that ended early", *describe(early, most)]
        rows.append([*row, f"{needed[len(needed) - n_lost - 1]:,}"])
    print(table([row + [""] * (len(rows[0]) - len(row)) for row in rows]))


def run(seed: int, n_trials: int, most: int, correlation: float) -> tuple[np.ndarray, Ended]:
    """Return the losses of a study in the order of step 1, and how its rounds ended."""
    rng = np.random.default_rng(seed)
    losses = simulate(rng, correlation=correlation, n_trials=n_trials).losses
    ended = retrain_in_rounds(
        rng,
        losses,
        round_size=ROUND_SIZE,
        most=most,
        n_controls=CONTROLS,
        probability=PROBABILITY,
        tolerance=TOLERANCE,
    )
    return losses, ended


def describe(studies: list[tuple[np.ndarray, Ended]], most: int) -> list[str]:
    """Return how many ended early, how many of these lost a better trial, and the mean cost."""
    early = [ended for _, ended in studies if ended.finalists < most]
    return [
        percent(len(early), len(studies)),
        percent(sum(ended.is_lost for ended in early), len(early)),
        f"{np.mean([ended.n_retrained for _, ended in studies]):.0f}",
    ]


def sufficient(losses: np.ndarray) -> int:
    """Return the smallest top_k beyond which no trial is better by more than the tolerance."""
    best_so_far = np.minimum.accumulate(losses)
    best_beyond = np.append(np.minimum.accumulate(losses[::-1])[::-1][1:], np.inf)
    return int(np.argmax(best_beyond >= best_so_far / (1 + TOLERANCE))) + 1


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


if __name__ == "__main__":
    main()
