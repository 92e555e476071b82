"""Searches with known truth: overfitting, a bias by size, gains of more trials, and sizes.

Short simulations of them are tests, long ones are printed by `benchmarks/signatures.py`.
"""

import math

import numpy as np
import pandas as pd

from twostep.analysis.more_trials import double_trials

N_FEATURES = 64

# Log losses of random trials.
TAILS = {
    "normal": lambda rng, n: 0.8 * rng.standard_normal(n),
    "heavy tail": lambda rng, n: 0.5 * rng.standard_t(3, n),
    "exponential tail": lambda rng, n: -rng.exponential(0.5, n),
    "plateau": lambda rng, n: np.abs(rng.standard_normal(n)),
    "noisy plateau": lambda rng, n: np.abs(rng.standard_normal(n)) + 0.03 * rng.standard_normal(n),
    "falls with size": lambda rng, n: (
        np.log(1e-4 + 10 ** rng.uniform(-4.5, -1.5, n)) + np.abs(0.9 * rng.standard_normal(n))
    ),
}


# Losses of random networks by their sizes.
ENVELOPES = {
    "floor": lambda random, sizes: (
        (1e-4 + sizes**-0.75) * np.exp(np.abs(random.normal(size=len(sizes))))
    ),
    "high floor": lambda random, sizes: (
        (1e-3 + 1 / sizes) * np.exp(0.5 * np.abs(random.normal(size=len(sizes))))
    ),
    "no best": lambda random, sizes: (
        (1e-4 + sizes**-0.75) * np.exp(0.4 * random.normal(size=len(sizes)))
    ),
    "no floor": lambda random, sizes: sizes**-1.5 * np.exp(np.abs(random.normal(size=len(sizes)))),
    "optimum": lambda random, sizes: np.exp(
        0.1 * (np.log(sizes) - 9) ** 2 + np.abs(random.normal(size=len(sizes)))
    ),
}


def biased_study(
    bias, *, seed, n_trials=200, top_k=12, n_controls=12, quality=0.5, noise=0.3, slope=1.0
):
    """Return the tables of a study; `bias` is in standard deviations of the quality.

    The quality, a log loss, correlates with size by `quality`; `noise` is that of step 1, which is
    0.12 in step 2, whose losses are the power `slope` of those of step 1.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(math.log(1e2), math.log(1e6), n_trials)
    size = (sizes - sizes.mean()) / sizes.std()
    log_loss = -quality * size + math.sqrt(1 - quality**2) * rng.standard_normal(n_trials)
    first = log_loss + bias * size + noise * rng.standard_normal(n_trials)
    second = slope * log_loss + 0.12 * rng.standard_normal(n_trials)
    ranks = np.argsort(np.argsort(first)) + 1
    trials = pd.DataFrame(
        {"trial": np.arange(n_trials), "rank": ranks, "n_parameters": np.exp(sizes)}
    )
    controls = rng.choice(np.flatnonzero(ranks > top_k), n_controls, replace=False)
    tried = np.r_[np.flatnonzero(ranks <= top_k), controls]
    steps = pd.DataFrame(
        {
            "trial": tried,
            "step_2_loss": np.exp(second[tried]),
            "control": np.isin(tried, controls),
        }
    )
    return trials, steps


def least_squares_search(n_samples, *, seed, noise=0.5, n_trials=60):
    """Return the table of a search among linear models of the first features, with true losses `t`.

    The larger a model, the better it would be with far more samples; with few, it overfits.
    """
    rng = np.random.default_rng(seed)
    coefficients = 1 / np.arange(1, N_FEATURES + 1)
    rows = []
    split = [rng.standard_normal((n, N_FEATURES)) for n in (n_samples, 3000)]
    targets = [x @ coefficients + noise * rng.standard_normal(len(x)) for x in split]
    for trial in range(n_trials):
        size = int(rng.integers(2, N_FEATURES))
        # Models of one size differ in a feature that they lack.
        kept = np.delete(np.arange(size + 1), rng.integers(size // 2, size + 1))
        fit = np.linalg.lstsq(split[0][:, kept], targets[0], rcond=None)[0]
        losses = [np.mean((x[:, kept] @ fit - y) ** 2) for x, y in zip(split, targets, strict=True)]
        true = noise**2 + (np.delete(coefficients, kept) ** 2).sum()
        rows.append((trial, size, losses[0], losses[1], true))
    table = pd.DataFrame(rows, columns=["trial", "n_parameters", "train_loss", "min_val_loss", "t"])
    table = table.sort_values("min_val_loss", ignore_index=True).assign(status="ok", dropout=0.0)
    return table.assign(rank=np.arange(1, n_trials + 1))


def true_gain(table):
    """Return by which factor large models gain on small ones, with far more samples."""
    sizes = table["n_parameters"].sort_values(kind="stable").index
    gains = np.log(table["min_val_loss"] / table["t"])
    n = len(table) // 4
    return math.exp(gains[sizes[-n:]].mean() - gains[sizes[:n]].mean())


def missed_factor(table, top_k):
    """Return by which factor the best of the others is truly better than the best chosen one."""
    chosen = table["rank"] <= top_k
    return table.loc[chosen, "t"].min() / table.loc[~chosen, "t"].min()


def doubled_searches(name, n_trials, tolerance, *, n_studies):
    """Return predicted and true probabilities, and how often `most` holds the true gain."""
    predicted, true, held = [], [], []
    for seed in range(n_studies):
        rng = np.random.default_rng([seed, n_trials])
        losses = TAILS[name](rng, n_trials)
        again = np.array([TAILS[name](rng, n_trials).min() for _ in range(8)])
        more = double_trials(np.exp(losses), tolerance)
        predicted.append(more.probability)
        true.append(np.mean(again < losses.min() - np.log1p(tolerance)))
        held.append(np.mean(1 - np.exp(again - losses.min()) <= more.most))
    return np.array(predicted), np.array(true), np.array(held)
