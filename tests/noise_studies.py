"""Simulated retrainings with a known truth: how often the list of the best trials is right."""

import numpy as np
import pandas as pd

from twostep.analysis.noise import find_rivals, repetition_noise
from twostep.model.evaluate import N_BLOCKS
from twostep.model.metrics import block_losses, unit_losses
from twostep.model.split_loss import Split, SplitLoss
from twostep.training.objective import PLAIN
from twostep.trials.selection import standard_error


def models(losses, errors=None, parts=10_000):
    """Return rows of retrained models from {trial: losses of its seeds}."""
    return pd.DataFrame(
        [
            {"trial": trial, "seed": seed, "status": "ok", "min_val_loss": loss}
            | {"difference_error": (errors or {}).get(trial, 0.0), "validation_parts": parts}
            for trial, seeds in losses.items()
            for seed, loss in enumerate(seeds)
        ]
    )


def told_apart(*, n_groups, by_groups, n_studies=150, rows=100, unequal=0.0):
    """Return how often two equal models, whose samples are alike within groups, are told apart."""
    random = np.random.default_rng(1)
    n_told = 0
    for _ in range(n_studies):
        sizes = (rows * np.exp(unequal * random.normal(size=n_groups))).astype(int) + 1
        units = random.permutation(np.repeat(np.arange(n_groups), sizes))
        # What is hard for both models, and what is for one of them.
        common = 0.5 * random.normal(size=n_groups)
        losses = [
            np.exp(common + 0.3 * random.normal(size=n_groups))[units]
            * random.chisquare(1, len(units))
            for _ in range(2)
        ]
        parts = []
        for loss in losses:
            values = np.sqrt(loss)[:, None]
            split = Split(values, np.zeros_like(values))
            data = (lambda x: x, split, SplitLoss.of(PLAIN, [{}]))
            parts.append(
                unit_losses(*data, units, N_BLOCKS) if by_groups else block_losses(*data, N_BLOCKS)
            )
        error = standard_error(parts[1] - parts[0])
        table = models(
            {trial: [loss.mean()] for trial, loss in enumerate(losses)},
            dict.fromkeys((0, 1), error),
            len(parts[0]),
        )
        n_told += not find_rivals(table, None).trials
    return n_told / n_studies


def winners(*, n_trials, seeds=1, spread=0.1, noise=0.12, sample=0.03, parts=50, n_studies=150):
    """Return how often the truly best trial is the best or a rival, and how many trials these are.

    `spread` is that of the true log losses, `noise` that of the seeds and `sample` that of the
    validation sample, each relative to the loss.
    """
    random = np.random.default_rng(2)
    n_hits, n_listed = 0, 0
    for _ in range(n_studies):
        # With one seed, networks are compared: their seeds are part of the truth.
        true = np.exp((spread + noise * (seeds == 1)) * random.normal(size=n_trials))
        luck = np.exp(noise * (seeds > 1) * random.normal(size=(n_trials, seeds)))
        blocks = true[:, None] * (1 + sample * parts**0.5 * random.normal(size=(n_trials, parts)))
        losses = blocks.mean(axis=1)[:, None] * luck
        best = losses.mean(axis=1).argmin()
        table = models(
            dict(enumerate(losses.tolist())),
            {trial: standard_error(own - blocks[best]) for trial, own in enumerate(blocks)},
            parts,
        )
        rivals = find_rivals(table, repetition_noise(table))
        listed = {rivals.best, *rivals.trials}
        n_hits += int(true.argmin()) in listed
        n_listed += len(listed)
    return n_hits / n_studies, n_listed / n_studies
