"""Studies with known truth: losses of all trials in both steps, of which a study sees a part."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

RESIDUAL = 0.3
# How many times as high the loss of a network is that has learned next to nothing.
DEAD = 12.0


@dataclass(frozen=True)
class Simulated:
    """One study: what it sees, the table `steps`, and the losses of all trials by their rank.

    `losses` are (n_trials,), those of step 2 in the order of step 1.
    """

    steps: pd.DataFrame
    losses: np.ndarray
    top_k: int

    @property
    def n_trials(self) -> int:
        return len(self.losses)

    def has_lost(self, first: int, tolerance: float) -> bool:
        """Tell whether a trial that was not retrained is better, if `first` of the ranking were."""
        ranks = np.arange(first + 1, self.n_trials + 1)
        untried = np.setdiff1d(ranks, self.steps["step_1_rank"])
        tried = np.r_[self.losses[:first], self.steps["step_2_loss"]]
        left = self.losses[untried - 1]
        return bool(len(left)) and left.min() < tried.min() / (1 + tolerance)

    def lost_now(self, tolerance: float) -> bool:
        """Tell the same of the trials that were retrained."""
        return self.has_lost(self.top_k, tolerance)


def simulate(
    rng: np.random.Generator,
    *,
    correlation: float,
    n_trials: int = 400,
    top_k: int = 20,
    n_controls: int = 12,
    tails: float | None = None,
    plateau: float | None = None,
    late: float = 0.0,
    failed: float = 0.0,
    dead: float = 0.0,
    floor: float = 0.0,
) -> Simulated:
    """Return a study whose logarithms of the losses correlate so much over all trials.

    Parameters
    ----------
    tails : degrees of freedom of the residuals (Student's t), which are normal without it
    plateau : the part of the trials, the best ones, that are equally good
    late : the part of the trials of which step 1 says nothing, because they learn late
    failed : the part of the trials that fail in step 2
    dead : the part of the trials, the worst ones, that learn next to nothing in both steps
    floor : the loss that no trial reaches, where the median of what is above it is 1
    """
    first = np.sort(rng.standard_normal(n_trials))
    if plateau is not None:
        first = np.maximum(first, np.quantile(first, plateau))
    slope = RESIDUAL * correlation / np.sqrt(1 - correlation**2)
    noise = rng.standard_normal(n_trials) if tails is None else rng.standard_t(tails, n_trials)
    is_late = rng.random(n_trials) < late
    known = np.where(is_late, rng.standard_normal(n_trials), first)
    losses = floor + np.exp(slope * known + RESIDUAL * noise)
    losses[n_trials - int(dead * n_trials) :] *= DEAD
    losses[rng.random(n_trials) < failed] = np.inf
    ranks = np.arange(1, n_trials + 1)
    controls = rng.choice(ranks[top_k:], n_controls, replace=False)
    tried = np.r_[ranks[:top_k], controls]
    is_control = np.isin(tried, controls)
    steps = pd.DataFrame(
        {
            "step_1_rank": tried,
            # Any increasing function of the rank has the same ranks.
            "step_1_loss": tried.astype(float),
            "step_2_loss": losses[tried - 1],
            "control": is_control,
            "among_top_k": ~is_control,
            "weight": np.where(is_control, (n_trials - top_k) / max(n_controls, 1), 1.0),
        }
    )
    steps = steps[np.isfinite(steps["step_2_loss"])].reset_index(drop=True)
    return Simulated(steps, losses, top_k)
