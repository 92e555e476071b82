"""What each hyperparameter means for the loss of the search, by a random forest."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from twostep.analysis.widths import pattern_of, widths_of
from twostep.trials.records import settings_of
from twostep.trials.settings import further_settings, users_of
from twostep.util.columns import is_fully_connected, network_columns

# More trials than these bring no other result, only longer waiting.
MOST_TRIALS = 2000
# Fewer than these tell nothing.
FEWEST_TRIALS = 20
N_FOLDS = 5
N_REPEATS = 5
N_TREES = 50
N_GRID = 12
# Rows over which an effect is averaged.
MOST_ROWS = 500
CATEGORIES = ("activation", "optimizer", "learning_rate_schedule", "width_pattern")


@dataclass(frozen=True)
class Effect:
    """What one hyperparameter does.

    `importances` are the losses of R² when its values are shuffled, one for each fold and
    repetition. `values` are numbers, or names of categories, and `losses` the mean loss predicted
    at each of them (geometric mean, in the unit of the loss).
    """

    name: str
    importances: np.ndarray
    values: list
    losses: np.ndarray


@dataclass(frozen=True)
class Importance:
    """The effects of all hyperparameters, the most important first, and what they rest on.

    `r2` is the share of the variance of the log loss that the forest explains in trials it has
    not seen, `n_trials` the number of trials it was given and `n_succeeded` how many there are.
    """

    effects: list[Effect]
    r2: float
    n_trials: int
    n_succeeded: int


def features_of(trials: pd.DataFrame, patterns: list[str]) -> pd.DataFrame:
    """Return the hyperparameters of trials that vary, one column each.

    Beside the settings of the training these are the number of hidden layers, the geometric mean
    of their widths and the narrowest one relative to that mean; and which of several `patterns`
    of the space their widths follow. The number of parameters, which follows from these, is none of
    them. In place of the layers, networks of the user's own have hyperparameters.
    """
    table = pd.DataFrame(
        {
            **_of_networks(trials, patterns),
            **{name: trials[name] for name in settings_of(trials.columns)},
            **{name: _values_of_users(name, trials) for name in further_settings(trials.columns)},
        }
    )
    return table[[name for name in table if table[name].nunique() > 1]]


def _of_networks(trials: pd.DataFrame, patterns: list[str]) -> dict[str, pd.Series]:
    """Return what describes the networks of trials, by name."""
    if not is_fully_connected(trials):
        return {name: trials[name] for name in network_columns(trials.columns)}
    widths = widths_of(trials)
    return {
        "n_hidden_layers": trials["n_hidden_layers"],
        "mean_width": widths["mean_width"],
        "relative_narrowest": (widths["narrowest"] / widths["mean_width"]).round(6),
        "width_pattern": pattern_of(trials, patterns),
    }


def _values_of_users(name: str, trials: pd.DataFrame) -> pd.Series:
    """Return the values of a setting, random ones of the others in trials that do not use it.

    Their default, such as a momentum of 0, would tell the optimizer in another way.
    """
    used = users_of(name, trials)
    if used.all() or not used.any():
        return trials[name]
    random = np.random.default_rng(0)
    drawn = random.choice(trials.loc[used, name].to_numpy(), len(trials))
    return trials[name].where(used, pd.Series(drawn, trials.index))


def measure_importance(trials: pd.DataFrame, patterns: list[str]) -> Importance | None:
    """Return importance and effect of each hyperparameter that varies; None for too few trials.

    A random forest learns the log loss from the hyperparameters. The importance of one is the
    permutation importance: how much worse the forest predicts trials that it has not seen, in
    cross-validation, when the values are shuffled among them (Breiman 2001, doi
    10.1023/A:1010933404324). Its effect is the partial dependence: the mean prediction over all
    trials that use it, with the one value set for all of them (Friedman 2001, doi
    10.1214/aos/1013203451).

    `trials` is the ranked table of a search, in which those that failed are left out, and
    `patterns` are those of the space's widths.
    """
    succeeded = trials[(trials["status"] == "ok") & (trials["min_val_loss"] > 0)]
    sample = succeeded.sort_values("trial")
    if len(sample) > MOST_TRIALS:
        sample = sample.sample(MOST_TRIALS, random_state=0)
    features = features_of(sample, patterns)
    if len(sample) < FEWEST_TRIALS or features.empty or sample["min_val_loss"].nunique() < 2:
        return None
    features, categories = _encode(features)
    # Without pandas, whose overhead would be most of the time.
    x, y = features.to_numpy(float), np.log(sample["min_val_loss"].to_numpy())
    predicted, importances = _cross_validate(x, y)
    forest = _forest().fit(x, y)
    effects = [
        Effect(
            name,
            importances[i],
            *_effect(forest, x[users_of(name, sample).to_numpy()], i, categories.get(name)),
        )
        for i, name in enumerate(features.columns)
    ]
    effects.sort(key=lambda effect: -effect.importances.mean())
    return Importance(effects, float(r2_score(y, predicted)), len(sample), len(succeeded))


def _forest() -> RandomForestRegressor:
    # One thread, as the rule asks for one.
    return RandomForestRegressor(N_TREES, min_samples_leaf=3, random_state=0, n_jobs=1)


def _encode(features: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return the features as numbers, and the names of the categories of those that are none."""
    categories = {}
    encoded = {}
    for name in features.columns:
        if name in CATEGORIES or not _is_number(features[name]):
            column = features[name].astype(str).astype("category")
            categories[name] = list(column.cat.categories)
            encoded[name] = column.cat.codes
        else:
            encoded[name] = features[name]
    return pd.DataFrame(encoded), categories


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _cross_validate(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions (n_trials,) and importances (n_features, n_folds x n_repeats)."""
    predicted = np.empty(len(y))
    importances = []
    for train, test in KFold(N_FOLDS, shuffle=True, random_state=0).split(x):
        forest = _forest().fit(x[train], y[train])
        predicted[test] = forest.predict(x[test])
        found = permutation_importance(
            forest, x[test], y[test], n_repeats=N_REPEATS, random_state=0, n_jobs=1
        )
        importances.append(found.importances)
    return predicted, np.concatenate(importances, axis=1)


def _effect(
    forest: RandomForestRegressor, x: np.ndarray, i: int, names: list[str] | None
) -> tuple[list, np.ndarray]:
    """Return the values of a feature, or the names of its categories, and the mean losses."""
    distinct = np.unique(x[:, i])
    if len(distinct) > N_GRID:
        distinct = np.unique(np.quantile(distinct, np.linspace(0, 1, N_GRID)))
    rows = x[np.random.default_rng(0).permutation(len(x))[:MOST_ROWS]]
    found = partial_dependence(
        forest, rows, [i], custom_values={i: distinct}, method="brute", kind="average"
    )
    losses = np.exp(found["average"][0])
    return ([names[int(code)] for code in distinct] if names else distinct.tolist()), losses
