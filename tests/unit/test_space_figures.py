"""Loss against depth, width and the other hyperparameters."""

import numpy as np
import pandas as pd
import pytest
import synthetic_study as made_up

from twostep.analysis.binning import equal_bins, log_bins, summarise_bins
from twostep.analysis.importance import Effect, Importance, features_of, measure_importance
from twostep.analysis.widths import pattern_of, widths_of
from twostep.figures.importance import draw_hyperparameters
from twostep.figures.space import draw_depth_width, draw_layers, group_depths

# The one pattern of widths that most spaces have.
PLAIN = ["independent"]
BASELINES = {"constant": made_up.CONSTANT, "linear": made_up.LINEAR}
SHOWN = {"fraction": "0.05", "loss_label": "MSE, dimensionless"}


@pytest.fixture(scope="module")
def trials():
    return made_up.trials_table()


@pytest.fixture(scope="module")
def succeeded(trials):
    return trials[trials["status"] == "ok"]


def artist(axes, gid):
    (found,) = [child for child in axes.get_children() if child.get_gid() == gid]
    return found


# Bins


def test_few_distinct_values_are_bins_of_their_own():
    values = np.array([8.0, 64, 8, 16] * 3)
    assert log_bins(values, 2).tolist() == [0, 2, 0, 1] * 3
    # Not if most of them are there but once.
    assert log_bins(np.array([8.0, 9, 16, 64]), 2).tolist() == [0, 0, 0, 1]


def test_many_distinct_values_are_put_into_bins_equal_in_log():
    values = np.geomspace(1, 1000, 300)
    bins = log_bins(values, 3)
    assert np.bincount(bins).tolist() == [100, 100, 100]
    assert values[bins == 1].min() >= 10 > values[bins == 0].max()


def test_equal_bins_hold_as_many_values_and_keep_equal_ones_together():
    assert np.bincount(equal_bins(np.arange(100.0), 4)).tolist() == [25, 25, 25, 25]
    bins = equal_bins(np.array([0.0] * 90 + [1.0] * 10), 5)
    assert len(set(bins[:90])) == len(set(bins[90:])) == 1


def test_the_summary_of_bins_by_hand():
    table = summarise_bins(
        np.array([1.0, 1, 1, 5]), np.array([3.0, 1, 2, 9]), np.array([0, 0, 0, 2]), (0.25, 0.75)
    )
    assert table["centre"].tolist() == [1, 5]
    assert table["n"].tolist() == [3, 1]
    assert table.loc[0, ["smallest", "low", "median", "high"]].tolist() == [1, 1.5, 2, 2.5]


def test_the_widths_of_networks():
    widths = widths_of(pd.DataFrame({"hidden_widths": ["64", "8-32-32", "2-8"]}))
    assert widths["mean_width"].tolist() == [64, round((8 * 32 * 32) ** (1 / 3), 6), 4]
    assert widths["narrowest"].tolist() == [64, 8, 2]


# Depth and width


def test_depth_and_width_show_every_trial_the_median_and_the_best(trials, succeeded):
    figure = draw_depth_width(trials, baselines=BASELINES, **SHOWN)
    depth, mean, narrowest = figure.axes
    assert (depth.get_xlabel(), mean.get_xlabel(), narrowest.get_xlabel()) == (
        "Number of hidden layers",
        "Geometric mean width (units)",
        "Narrowest hidden layer (units)",
    )
    assert depth.get_ylabel() == "Validation loss\n(MSE, dimensionless)"
    groups = succeeded.groupby("n_hidden_layers")["min_val_loss"]
    assert artist(depth, "median").get_xdata().tolist() == list(range(1, 9))
    assert artist(depth, "median").get_ydata() == pytest.approx(groups.median().to_numpy())
    assert artist(depth, "best").get_ydata() == pytest.approx(groups.min().to_numpy())
    by_narrowest = succeeded.groupby(widths_of(succeeded)["narrowest"])["min_val_loss"]
    assert artist(narrowest, "best").get_ydata() == pytest.approx(by_narrowest.min().to_numpy())
    for axes in figure.axes:
        points = artist(axes, "trials")
        assert len(points.get_offsets()) == len(succeeded)
        assert points.get_rasterized()
        assert axes.get_yscale() == "log"


def test_points_are_spread_within_their_own_depth(trials, succeeded):
    depth = draw_depth_width(trials, baselines=BASELINES, **SHOWN).axes[0]
    shown = artist(depth, "trials").get_offsets()
    by_trial = succeeded.sort_values("trial")["n_hidden_layers"]
    assert np.round(shown[:, 0]).tolist() == by_trial.tolist()
    assert len(set(shown[:, 0])) > 100


@pytest.mark.parametrize(
    ("depths", "expected"),
    [
        ([1, 4], [(1, 1), (2, 2), (3, 3), (4, 4)]),
        ([3], [(3, 3)]),
        ([1, 20], [(1, 1), (2, 2), (3, 4), (5, 7), (8, 12), (13, 20)]),
        ([5, 11], None),
    ],
)
def test_depths_are_grouped_so_that_few_envelopes_cover_all(depths, expected):
    groups = group_depths(np.array(depths))
    assert expected is None or groups == expected
    covered = [depth for first, last in groups for depth in range(first, last + 1)]
    assert covered == list(range(min(depths), max(depths) + 1))
    assert len(groups) <= 6


def test_each_depth_has_its_envelope_up_to_the_edge(trials, succeeded):
    figure = draw_layers(trials, baselines=BASELINES, **SHOWN)
    (axes,) = figure.axes
    lines = {line.get_gid(): line for line in axes.lines}
    assert len(lines) == 6
    for layers, name in ((1, "envelope 1"), (2, "envelope 2")):
        losses = succeeded.loc[succeeded["n_hidden_layers"] == layers, "min_val_loss"]
        assert lines[name].get_ydata()[-1] == losses.min()
        assert lines[name].get_xdata()[-1] == axes.get_xlim()[1]
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    n_single = (succeeded["n_hidden_layers"] == 1).sum()
    assert texts[0] == f"1 hidden layer ({n_single})"
    assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in axes.lines}) == 6


# Importance


def varied_trials(n_trials=150):
    """Return trials whose loss depends on depth and learning rate, and on nothing else."""
    random = np.random.default_rng(3)
    table = made_up.trials_table(n_trials, n_failed=0)
    table["learning_rate"] = 10 ** random.uniform(-4, -2, n_trials)
    table["activation"] = random.choice(["relu", "tanh"], n_trials)
    table["batch_size"] = random.choice([32, 64], n_trials)
    distance = np.abs(np.log10(table["learning_rate"]) + 3)
    table["min_val_loss"] = 1e-3 * np.exp(3 * distance) / table["n_hidden_layers"] ** 0.5
    return table


@pytest.fixture(scope="module")
def importance():
    return measure_importance(varied_trials(), PLAIN)


def test_only_hyperparameters_that_vary_are_features():
    assert list(features_of(varied_trials(), PLAIN)) == [
        "n_hidden_layers",
        "mean_width",
        "relative_narrowest",
        "learning_rate",
        "batch_size",
        "activation",
    ]


def test_a_searched_pattern_of_widths_is_a_category():
    """Of equal networks, whose loss is a tenth of that of the others."""
    table = varied_trials()
    widths = ["32-16-8", "16-16-16", "64-64-8"]
    table["hidden_widths"] = [widths[i % 3] for i in range(len(table))]
    table["n_hidden_layers"] = 3
    table["min_val_loss"] = np.where(table["hidden_widths"] == "16-16-16", 1e-3, 1e-2)
    table["learning_rate"] = 1e-3
    patterns = ["tapering", "equal"]
    assert "width_pattern" in features_of(table, patterns)
    assert "width_pattern" not in features_of(table, ["tapering"])
    effects = {effect.name: effect for effect in measure_importance(table, patterns).effects}
    assert effects["width_pattern"].values == ["equal", "tapering"]
    assert effects["width_pattern"].losses[0] < effects["width_pattern"].losses[1]


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (["equal", "tapering", "independent"], ["equal", "equal", "tapering", "independent"]),
        (["independent", "tapering"], ["tapering", "tapering", "tapering", "independent"]),
        (["independent"], ["independent"] * 4),
    ],
)
def test_the_pattern_of_a_trial_is_the_strictest_that_its_widths_follow(patterns, expected):
    trials = pd.DataFrame({"hidden_widths": ["8", "16-16", "16-16-8", "8-16"]}, index=[4, 2, 3, 9])
    assert pattern_of(trials, patterns).to_dict() == dict(zip([4, 2, 3, 9], expected, strict=True))


def test_what_the_loss_depends_on_is_important_and_the_rest_is_not(importance):
    names = [effect.name for effect in importance.effects]
    assert names[:2] == ["learning_rate", "n_hidden_layers"]
    means = {effect.name: effect.importances.mean() for effect in importance.effects}
    assert means["learning_rate"] > 1
    assert abs(means["activation"]) < 0.05
    assert importance.r2 > 0.8
    assert (importance.n_trials, importance.n_succeeded) == (150, 150)


def test_the_effects_have_the_shape_of_the_loss(importance):
    effects = {effect.name: effect for effect in importance.effects}
    rate = effects["learning_rate"]
    assert 5e-4 < rate.values[int(np.argmin(rate.losses))] < 2e-3
    assert rate.losses[0] > 3 * rate.losses.min() < rate.losses[-1]
    assert effects["n_hidden_layers"].losses[0] > effects["n_hidden_layers"].losses[-1]
    assert effects["activation"].values == ["relu", "tanh"]
    assert np.ptp(effects["activation"].losses) < 0.1 * effects["activation"].losses.mean()


def test_the_same_trials_give_the_same_importance(importance):
    again = measure_importance(varied_trials(), PLAIN)
    for first, second in zip(importance.effects, again.effects, strict=True):
        assert first.name == second.name
        assert (first.importances == second.importances).all()
        assert (first.losses == second.losses).all()


def test_a_setting_that_some_trials_use_tells_nothing_of_the_others():
    """Here sgd is worse, and its momentum matters: that of the others, 0, must not count."""
    table = varied_trials(300)
    random = np.random.default_rng(4)
    is_sgd = random.random(300) < 0.5
    table["optimizer"] = np.where(is_sgd, "sgd", "adam")
    table["momentum"] = np.where(is_sgd, random.uniform(0.1, 0.9, 300), 0.0)
    table["min_val_loss"] = np.where(is_sgd, 0.1 * np.exp(-3 * table["momentum"]), 0.001)
    features = features_of(table, ["independent"])
    assert features["momentum"].min() >= 0.1
    assert (features["momentum"][is_sgd] == table["momentum"][is_sgd]).all()
    assert abs(np.corrcoef(features["momentum"], is_sgd)[0, 1]) < 0.2
    found = measure_importance(table, ["independent"])
    effects = {effect.name: effect for effect in found.effects}
    assert [effect.name for effect in found.effects[:2]] == ["optimizer", "momentum"]
    # Over the trials with sgd alone: exp(3 x 0.8) from one end to the other.
    momentum = effects["momentum"].losses
    assert 6 < momentum[0] / momentum[-1] < 14
    figure = draw_hyperparameters(found, **SHOWN)
    assert "momentum" in {axes.get_xlabel().split(" (")[0] for axes in figure.axes}


def test_a_loss_that_depends_on_nothing_is_not_explained():
    table = varied_trials()
    table["min_val_loss"] = np.random.default_rng(5).uniform(1, 2, len(table))
    found = measure_importance(table, PLAIN)
    assert found.r2 < 0.1
    figure = draw_hyperparameters(found, **SHOWN)
    assert "explains little" in figure.get_suptitle()


def test_failed_trials_are_left_out_and_few_trials_tell_nothing():
    table = varied_trials(30)
    table.loc[table.index[:11], "status"] = "diverged"
    assert measure_importance(table, PLAIN) is None
    figure = draw_hyperparameters(None, **SHOWN)
    assert [text.get_gid() for text in figure.texts] == ["nothing"]


def test_of_many_trials_a_sample_is_taken(monkeypatch):
    monkeypatch.setattr("twostep.analysis.importance.MOST_TRIALS", 60)
    found = measure_importance(varied_trials(), PLAIN)
    assert (found.n_trials, found.n_succeeded) == (60, 150)
    figure = draw_hyperparameters(found, **SHOWN)
    assert "random forest on 60 of 150 trials, drawn at random" in figure.get_suptitle()


def test_the_figure_shows_importance_and_effect_of_each_hyperparameter(importance):
    figure = draw_hyperparameters(importance, **SHOWN)
    first, *others = figure.axes
    assert [text.get_text() for text in first.get_yticklabels()][:2] == [
        "learning rate",
        "hidden layers",
    ]
    for row, effect in enumerate(importance.effects):
        dot = artist(first, effect.name)
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (effect.importances.mean(), row)
        line = artist(others[row], f"effect {effect.name}")
        assert line.get_ydata() == pytest.approx(effect.losses)
    assert others[0].get_xscale() == "log"
    assert len({axes.get_ylim() for axes in others}) == 1
    assert f"R² {importance.r2:.2f}" in figure.get_suptitle()


def test_categories_have_their_names_on_the_axis():
    effects = [Effect("activation", np.ones(3), ["gelu", "relu"], np.array([0.1, 0.2]))]
    axes = draw_hyperparameters(Importance(effects, 0.9, 50, 50), **SHOWN).axes[1]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["gelu", "relu"]
