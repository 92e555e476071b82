"""The figures that compare steps and fractions: what they show, and what they rest on."""

from dataclasses import replace

import numpy as np
import pytest
import synthetic_study as made_up

from twostep.analysis.fractions import compare_outcomes
from twostep.figures.fractions import draw_fractions
from twostep.figures.regret import draw_regret
from twostep.figures.steps import draw_steps

SHARED = {"layers": (1, 8), "loss_label": "MSE, dimensionless"}


@pytest.fixture(scope="module")
def study():
    return made_up.study(("0.05", "0.2"))


@pytest.fixture(scope="module")
def uncontrolled():
    return made_up.study(("0.05",), controls=0)


def artist(axes, gid):
    """Return the one artist of the axes that has this name."""
    (found,) = [child for child in axes.get_children() if child.get_gid() == gid]
    return found


def steps_figure(study, **changes):
    return draw_steps(study.steps("0.05"), fraction="0.05", top_k=12, **SHARED | changes)


def regret_figure(study, tolerance=0.1):
    steps = study.steps("0.05")
    return draw_regret(
        steps,
        fraction="0.05",
        n_others=study.n_others,
        tolerance=tolerance,
        without_cut=study.without_cut,
    )


def text_below(figure):
    return " ".join(figure.get_supxlabel().split())


def test_the_steps_show_losses_and_ranks_and_their_correlation(study):
    figure = steps_figure(study)
    left, right, _ = figure.axes
    assert left.get_xlabel() == "Step 1: validation loss\n(MSE, dimensionless)"
    assert left.get_ylabel() == "Step 2: validation loss\n(MSE, dimensionless)"
    assert sorted(artist(right, "chosen").get_offsets()[:, 0]) == list(range(1, 13))
    others, controls = (artist(right, gid).get_offsets() for gid in ("others", "controls"))
    assert len(controls) == 6
    assert len(others) == study.retrained["trial"].nunique() - 12 - 6
    assert (others[:, 0] > 12).all() and (controls[:, 0] > 12).all()
    ranks = np.concatenate([artist(right, "chosen").get_offsets(), others, controls])[:, 1]
    assert sorted(ranks) == list(range(1, len(ranks) + 1))
    # The losses of the controls would squeeze the others.
    assert len(artist(left, "controls").get_offsets()) == 0
    assert left.get_title("left").startswith("12 chosen trials: Spearman 0.")
    assert "Kendall 0." in left.get_title("left")
    assert right.get_title("left").startswith("All trials, by 6 controls:\nSpearman 0.")
    assert figure.get_size_inches()[0] == 7.1
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[:2] == ["12 chosen by this fraction", "6 controls, drawn from the rest"]


def test_steps_without_controls_say_nothing_of_all_trials(uncontrolled):
    _, right, _ = steps_figure(uncontrolled).axes
    assert right.get_title("left") == ""
    assert right.get_xscale() == "linear"


def test_two_trials_have_no_correlation_but_figures():
    searches = {"0.05": made_up.trials_table()}
    retrained = made_up.retrained_table(searches, top_k=2)
    config = made_up.config([0.05], top_k=2)
    study = made_up.study(("0.05",), retrained=retrained, config=config)
    left, right, _ = steps_figure(study).axes
    assert left.get_title("left") == "Too few or equal losses for a rank correlation"
    assert len(artist(right, "chosen").get_offsets()) == 2
    texts = [text.get_text() for text in regret_figure(study).axes[2].texts]
    assert texts == ["2 chosen trials:\nnone to be told", "all, by 0 controls:\nnone to be told"]


def test_the_regret_falls_to_one_and_says_how_many_suffice(study):
    figure = regret_figure(study, tolerance=0.1)
    left, middle, right = figure.axes
    curve = artist(left, "regret")
    steps = study.steps("0.05")
    best = steps["step_2_loss"].min()
    for k, ratio in zip(curve.get_xdata(), curve.get_ydata(), strict=True):
        among = steps.loc[steps["step_1_rank"] <= k, "step_2_loss"]
        assert ratio == pytest.approx(among.min() / best)
    enough = int(np.flatnonzero(curve.get_ydata() <= 1.1)[0]) + 1
    assert f"Enough for 10 % (dashed): first {enough} of 12\n" in left.get_title("left")
    assert artist(left, "tolerance").get_ydata()[0] == pytest.approx(1.1)
    assert artist(left, "interval") is not None
    assert middle.get_title("left") == "Recall\n(of all trials, by 6 controls)"
    recall = artist(middle, "recall").get_ydata()
    assert len(recall) == 12 and ((recall >= 0) & (recall <= 1)).all()
    spearman = study.agreement("0.05").spearman
    assert right.texts[0].get_text() == f"12 chosen trials:\n{spearman}"
    assert right.texts[1].get_text().startswith("all, by 6 controls:\n0.")


def test_the_regret_says_what_the_controls_tell(study, uncontrolled):
    n_others = 200 - 4 - (study.retrained["trial"].nunique() - 6)
    text = text_below(regret_figure(study))
    assert f"0 of 6 controls, drawn from {n_others} trials, are better than the best of" in text
    assert f"of all {n_others} others, 0 to 46 % may be better (95 % interval)." in text
    figure = regret_figure(uncontrolled)
    assert f"the {200 - 4 - 12} trials that were cut off, as none was retrained" in text_below(
        figure
    )
    assert "(of the retrained alone)" in figure.axes[1].get_title("left")


def test_the_regret_says_so_if_there_was_no_cut_or_no_control_succeeded(study):
    config = made_up.config([0.05], top_k=200)
    searches = {"0.05": made_up.trials_table()}
    retrained = made_up.retrained_table(searches, top_k=196)
    all_of_them = made_up.study(("0.05",), controls=0, config=config, retrained=retrained)
    assert "there is no cut." in text_below(regret_figure(all_of_them))
    failed = study.retrained.copy()
    failed.loc[failed["control"], "status"] = "diverged"
    text = text_below(regret_figure(replace(study, retrained=failed)))
    assert text.endswith("as no control or no chosen trial succeeded.")


def test_all_text_of_the_regret_is_on_the_page(study):
    figure = regret_figure(study)
    figure.draw_without_rendering()
    (text,) = [text for text in figure.texts if text.get_text() == figure.get_supxlabel()]
    assert text.get_window_extent().x1 <= figure.bbox.x1
    for axes in figure.axes:
        assert axes.get_tightbbox().x1 <= figure.bbox.x1 + 1


def fractions_figure(study):
    rankings = {search.fraction: search.trials for search in study.searches}
    return draw_fractions(
        rankings, compare_outcomes(study), top_k=12, loss_label=SHARED["loss_label"]
    )


def test_the_fractions_are_compared_in_four_ways():
    study = made_up.study(("0.2", "0.01", "0.05"))
    correlation, common, by_fraction, by_cost = fractions_figure(study).axes
    matrix = artist(correlation, "matrix").get_array()
    assert matrix.shape == (3, 3) and (np.diag(matrix) == 1).all()
    assert "(196 trials)" in correlation.get_title("left")
    shown = {text.get_text() for text in correlation.texts}
    assert {f"{value:.2f}" for value in matrix.ravel()} == shown
    trials = {search.fraction: search.trials for search in study.searches}
    for fraction in ("0.01", "0.05"):
        line = artist(common, f"overlap {fraction}")
        both = set(trials[fraction]["trial"].head(12)) & set(trials["0.2"]["trial"].head(12))
        assert line.get_ydata()[11] == pytest.approx(len(both) / 12)
        assert line.get_ydata()[-1] == 1
    assert common.get_xscale() == "log"
    points = artist(by_fraction, "loss by fraction")
    assert points.get_xdata().tolist() == [0.01, 0.05, 0.2]
    assert min(points.get_ydata()) == pytest.approx(study.best["val_loss"])
    costs = artist(by_cost, "loss by cost").get_xdata()
    assert (np.diff(costs) > 0).all()
    assert "(minutes)" in by_cost.get_xlabel()
    assert [text.get_text() for text in by_cost.texts] == ["0.01", "0.05", "0.2"]
