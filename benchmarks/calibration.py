"""How often the judging sentences and the intervals of the summary are right.

    python benchmarks/calibration.py [studies for each setting, 200]

Simulates studies of which the truth is known and prints, for each setting, how often the sentence
that no better trial is left was said and how often it was wrong; how often a number to retrain was
given and sufficed; how often the intervals hold the truth; and how often the other checks raise an
alarm, with and without a cause. Takes some 20 minutes on one core. `signatures.py` does the same
for the signs of a search that misleads.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from noise_studies import told_apart, winners
from signatures import rate
from simulated_studies import Simulated, simulate

from twostep.analysis.agreement import rank_correlation, whole_range_correlation
from twostep.analysis.edges import crowded, find_edges
from twostep.analysis.remaining import better_left
from twostep.analysis.training_end import training_end

TOLERANCE = 0.05
CORRELATIONS = (0.0, 0.4, 0.6, 0.8, 0.9, 0.95)
SIZES = (
    {"n_trials": 50, "top_k": 12, "n_controls": 12},
    {"n_trials": 200, "top_k": 12, "n_controls": 12},
    {"n_trials": 200, "top_k": 12, "n_controls": 6},
    {"n_trials": 2000, "top_k": 20, "n_controls": 12},
    {"n_trials": 10_000, "top_k": 50, "n_controls": 20},
)
SHAPES: tuple[dict, ...] = (
    {},
    {"plateau": 0.05},
    {"late": 0.02},
    {"failed": 0.1},
    {"dead": 0.2},
    {"floor": 0.5},
    {"tails": 5.0},
    {"tails": 3.0},
)


def main() -> None:
    n_studies = int(sys.argv[1]) if sys.argv[1:] else 200
    remaining(n_studies)
    correlations(n_studies)
    trainings(n_studies)
    edges(n_studies)
    noise(n_studies)


def remaining(n_studies: int) -> None:
    """Print how often the estimator of what is left answers, and how often it is right."""
    print(f"Is a better trial left? Tolerance {100 * TOLERANCE:g} %, {n_studies} studies each.")
    print("setting | correlation | left | says enough, of these wrong | a number, it suffices")
    for shape in SHAPES:
        told, wrong = 0, 0
        for size in SIZES:
            for correlation in CORRELATIONS:
                found = _remaining_row(size, shape, correlation, n_studies)
                told, wrong = told + len(found), wrong + sum(found)
        print(f"all of {_name(shape)}: enough said to {told} studies, {wrong} of them wrong")


def _name(shape: dict) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in shape.items()) or "normal"


def _remaining_row(size: dict, shape: dict, correlation: float, n_studies: int) -> list[bool]:
    """Print one setting; return for each study that was told "enough" whether that was wrong."""
    rng = np.random.default_rng(7)
    lost, wrong, suffices = [], [], []
    for _ in range(n_studies):
        study = simulate(rng, correlation=correlation, **size, **shape)
        answer = ask(study)
        lost.append(study.lost_now(TOLERANCE))
        if answer.enough == study.top_k:
            wrong.append(lost[-1])
        elif answer.enough is not None:
            suffices.append(not study.has_lost(answer.enough, TOLERANCE))
    setting = f"{size['n_trials']}, {size['top_k']} + {size['n_controls']}, {_name(shape)}"
    print(
        f"{setting} | {correlation:g} | {rate(lost)} | {len(wrong)}, {sum(wrong)} | "
        f"{len(suffices)}, {sum(suffices)}",
        flush=True,
    )
    return wrong


def ask(study: Simulated):
    """Return what the estimator says of a study."""
    return better_left(study.steps, n_trials=study.n_trials, top_k=study.top_k, tolerance=TOLERANCE)


def correlations(n_studies: int) -> None:
    """Print how often the intervals of the rank correlations hold the truth."""
    print("\nIntervals of 95 %: coverage of the correlation over the whole range, of the finalists")
    for size in SIZES:
        for correlation in CORRELATIONS:
            rng = np.random.default_rng(8)
            whole, finalists = [], []
            for _ in range(n_studies):
                study = simulate(rng, correlation=correlation, **size)
                truth = spearmanr(np.arange(study.n_trials), study.losses).statistic
                found = whole_range_correlation(study.steps)
                if found is not None:
                    whole.append(found.low <= truth <= found.high)
                finalists.append(_covers_finalists(rng, study, correlation))
            name = f"{size['n_trials']}, {size['top_k']} + {size['n_controls']}"
            print(f"{name} | {correlation:g} | {rate(whole)} | {rate(finalists)}", flush=True)


def _covers_finalists(rng: np.random.Generator, study: Simulated, correlation: float) -> bool:
    """Tell whether the interval holds the correlation that such finalists have on the average."""
    chosen = study.steps[study.steps["among_top_k"]]
    found = rank_correlation(chosen["step_1_loss"], chosen["step_2_loss"])
    others = [
        simulate(
            rng, correlation=correlation, n_trials=study.n_trials, top_k=study.top_k, n_controls=0
        ).losses[: study.top_k]
        for _ in range(20)
    ]
    ranks = np.arange(study.top_k)
    truth = np.mean([np.corrcoef(ranks, rankdata(losses))[0, 1] for losses in others])
    return found is not None and found.low <= truth <= found.high


def alarms(n_studies: int, raises: Callable[[np.random.Generator], bool]) -> str:
    """Return how often a check raises an alarm in simulated studies."""
    rng = np.random.default_rng(9)
    return rate([raises(rng) for _ in range(n_studies)])


def trainings(n_studies: int) -> None:
    """Print how often losses are said to fall still, by how they fall."""
    print("\nLosses that still fall at the end: alarms, by the exponent and the noise of an epoch")
    for exponent in (0.0, -0.1, -0.3, -1.0):
        for noise in (0.02, 0.1, 0.3):

            def falls(rng, exponent=exponent, noise=noise) -> bool:
                epochs = np.arange(1, 41)
                records = [
                    {
                        "status": "ok",
                        "configuration": {},
                        "stop_reason": "max_epochs",
                        "val_loss": epochs**exponent * np.exp(noise * rng.standard_normal(40)),
                    }
                    for _ in range(12)
                ]
                end = training_end(records)
                return end is not None and end.is_falling

            print(f"{exponent:g} | {noise:g} | {alarms(n_studies, falls)}", flush=True)


def edges(n_studies: int) -> None:
    """Print how often finalists are said to crowd at an edge, without and with a cause."""
    print("\nFinalists at an edge of the space: alarms, by the chance of a wide first layer")
    space = {
        "n_hidden_layers": {"min": 1, "max": 8},
        "width": [2**i for i in range(3, 10)],
        "batch_size": 128,
        "learning_rate": {"min": 1e-4, "max": 1e-2, "log": True},
        "weight_decay": 0.0,
        "dropout": {"min": 0.0, "max": 0.5},
    }
    for favour in (1.0, 3.0, 10.0):

        def crowd(rng, favour=favour) -> bool:
            trials = draw_trials(rng, space, 200)
            is_wide = trials["hidden_widths"].str.startswith("512")
            weights = np.where(is_wide, favour, 1.0)
            chosen = rng.choice(200, 12, replace=False, p=weights / weights.sum())
            return bool(crowded(find_edges(trials, trials.index.isin(chosen), space)))

        print(f"{favour:g} times | {alarms(n_studies, crowd)}", flush=True)


def noise(n_studies: int) -> None:
    """Print how often equal models are told apart, and how often the best are listed."""
    print("\nTwo equal models told apart: groups, inequality | by rows | by whole groups")
    for n_groups, unequal in ((20, 0.0), (50, 0.0), (50, 1.0), (200, 1.0)):
        found = [
            told_apart(n_groups=n_groups, by_groups=by, n_studies=n_studies, unequal=unequal)
            for by in (False, True)
        ]
        print(f"{n_groups}, {unequal:g} | {found[0]:.2f} | {found[1]:.2f}", flush=True)
    print("\nThe truly best trial is the best or listed beside it: trials, seeds | rate | listed")
    for n_trials in (6, 12, 50):
        for seeds in (1, 2, 4):
            found, listed = winners(n_trials=n_trials, seeds=seeds, n_studies=n_studies)
            print(f"{n_trials}, {seeds} | {found:.2f} | {listed:.1f}", flush=True)


def draw_trials(rng: np.random.Generator, space: dict, n_trials: int) -> pd.DataFrame:
    """Return the configurations of trials, drawn at random."""
    depths = rng.integers(1, 9, n_trials)
    return pd.DataFrame(
        {
            "n_hidden_layers": depths,
            "hidden_widths": ["-".join(map(str, rng.choice(space["width"], d))) for d in depths],
            "batch_size": 128,
            "learning_rate": 10 ** rng.uniform(-4, -2, n_trials),
            "weight_decay": 0.0,
            "dropout": rng.uniform(0, 0.5, n_trials),
        }
    )


if __name__ == "__main__":
    main()
