"""Bayesian linear regression under flat priors, by draws from the posterior."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Regression:
    """A regression with normal residuals: what it found, and draws of what it may be.

    `coefficients` are (n_draws, n_columns) and `deviations` (n_draws,), the residual standard
    deviations. `residuals` and `leverages` are (n,), with `n_free` degrees of freedom.
    """

    coefficients: np.ndarray
    deviations: np.ndarray
    residuals: np.ndarray
    leverages: np.ndarray
    n_free: int

    @classmethod
    def of(
        cls, design: np.ndarray, values: np.ndarray, random: np.random.Generator, n_draws: int
    ) -> Self:
        """Fit values (n,) on the columns of a design (n, n_columns)."""
        q, r = np.linalg.qr(design)
        fitted = q.T @ values
        residuals = values - q @ fitted
        n_free = len(values) - design.shape[1]
        deviations = np.sqrt(residuals @ residuals / random.chisquare(n_free, n_draws))
        noise = deviations[:, None] * random.standard_normal((n_draws, design.shape[1]))
        coefficients = np.linalg.solve(r, (fitted + noise).T).T
        return cls(coefficients, deviations, residuals, (q**2).sum(axis=1), n_free)

    @property
    def variance(self) -> float:
        """The estimated variance of the residuals."""
        return float(self.residuals @ self.residuals / self.n_free)

    @property
    def standardised(self) -> np.ndarray:
        """The residuals, each in units of its own standard deviation, (n,)."""
        return self.residuals / np.sqrt(self.variance * (1 - self.leverages))
