"""How many trials will have to pass a cut, for correlations that a study may turn out to have.

Before a study, nothing is known of how its ranking will carry over. What can be told is what each
correlation would ask for. Afterwards, `analysis.remaining` answers from the losses themselves.
"""

import numpy as np
from scipy.special import ndtr, ndtri

CORRELATIONS = (0.8, 0.9, 0.95, 0.98)
N_DRAWS = 20_000


def count_needed(n_trials: int, correlation: float, risk: float) -> int:
    """Return how many of a ranking's first trials hold the best of all, but for a probability.

    Parameters
    ----------
    n_trials : how many trials are ranked
    correlation : of the logarithms of the losses before and after the cut, over all trials
    risk : the largest probability that the best trial after the cut is not among them

    Both losses are taken to be normal in their logarithms. Any trial that is better counts, however
    little, so that fewer are enough with a tolerance.
    """
    random = np.random.default_rng(0)
    # The smallest of n normal numbers, by its distribution.
    shares = random.uniform(size=N_DRAWS)
    best = ndtri(-np.expm1(np.log1p(-shares) / n_trials))
    scatter = np.sqrt(1 - correlation**2)
    before = correlation * best + scatter * random.normal(size=N_DRAWS)
    # The share of the others that were ahead of it: of all numbers, less those below the smallest.
    below = -np.exp(-(best**2) / 2) / np.sqrt(2 * np.pi) / ndtr(best)
    share = ndtr(before) - ndtr(best) * ndtr((before - correlation * below) / scatter)
    ahead = random.binomial(n_trials - 1, np.clip(share / ndtr(-best), 0, 1))
    return 1 + int(np.quantile(ahead, 1 - risk, method="higher"))
