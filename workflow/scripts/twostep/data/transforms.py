"""The transforms that a variable may undergo before standardisation, and their inverses."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# What standardised inputs may be, in size: the network computes in single precision.
LARGEST_STANDARDISED = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Transform:
    """A strictly increasing function of values above `lower` and below `upper`."""

    apply: Callable[[np.ndarray], np.ndarray]
    invert: Callable[[np.ndarray], np.ndarray]
    lower: float = -np.inf
    upper: float = np.inf

    @property
    def domain(self) -> str:
        """What values must be, in words; empty if any will do."""
        bounds = {"above": self.lower, "below": self.upper}
        return " and ".join(f"{word} {x:g}" for word, x in bounds.items() if np.isfinite(x))


def _identity(values: np.ndarray) -> np.ndarray:
    return values


def _power_of_ten(values: np.ndarray) -> np.ndarray:
    return np.power(10.0, values)


def _logit(values: np.ndarray) -> np.ndarray:
    return np.log(values) - np.log1p(-values)


def _logistic(values: np.ndarray) -> np.ndarray:
    # Exact for small shares, and without overflow.
    return np.exp(-np.logaddexp(0.0, -values))


TRANSFORMS = {
    "none": Transform(_identity, _identity),
    "log10": Transform(np.log10, _power_of_ten, lower=0.0),
    "log1p": Transform(np.log1p, np.expm1, lower=-1.0),
    "logit": Transform(_logit, _logistic, lower=0.0, upper=1.0),
}


def standardise(values: np.ndarray, features: list[dict]) -> np.ndarray:
    """Map physical values, (n_samples, n_features), to standardised ones, computed in float64.

    `features` describe the columns, in order, with `transform`, `mean` and `std`. The result is
    float32, and NaN where a value is outside the transform's domain or too large for float32.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        columns = [
            (TRANSFORMS[feature["transform"]].apply(column) - feature["mean"]) / feature["std"]
            for feature, column in zip(features, np.asarray(values, float).T, strict=True)
        ]
        scaled = np.stack(columns, axis=1)
        usable = np.abs(scaled) <= LARGEST_STANDARDISED
        return np.where(usable, scaled, np.nan).astype(np.float32)


def to_physical(scaled: np.ndarray, features: list[dict]) -> np.ndarray:
    """Map standardised values, (n_samples, n_features), to physical units, float64.

    `features` are those of the manifest, in order, with `transform`, `mean` and `std`. What is too
    large becomes infinite.
    """
    with np.errstate(over="ignore"):
        columns = [
            TRANSFORMS[feature["transform"]].invert(column * feature["std"] + feature["mean"])
            for feature, column in zip(features, np.asarray(scaled, float).T, strict=True)
        ]
    return np.stack(columns, axis=1)


def group_by_transform(features: list[dict]) -> dict[str, list[int]]:
    """Return {transform: indices of the features that undergo it}."""
    groups: dict[str, list[int]] = {}
    for i, feature in enumerate(features):
        groups.setdefault(feature["transform"], []).append(i)
    return groups


def original_order(groups: dict[str, list[int]]) -> list[int]:
    """Return where each feature is once the groups have been put one behind the other."""
    return np.argsort([i for indices in groups.values() for i in indices]).tolist()


def scaling_of(features: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Return the means and standard deviations of the transformed features, float64."""
    means, deviations = (
        np.array([feature[key] for feature in features]) for key in ("mean", "std")
    )
    return means, deviations
