"""The figures that compare steps and fractions: what they show, and what they rest on."""

from dataclasses import replace

import hard_studies
import numpy as np
import pytest
import synthetic_study as made_up
from findings import numbers, rounded, tells

from twostep.analysis.agreement import whole_range_correlation
from twostep.analysis.fractions import compare_outcomes
from twostep.figures.fractions import draw_fractions
from twostep.figures.regret import draw_regret
from twostep.figures.steps import draw_steps

SHARED = {"layers": (1, 8), "loss_label": "MSE, dimensionless"}


@pytest.fixture(scope="module")
def study():
    return made_up.study(("0.05", "0.2"), controls=12)


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
        n_others=study.n_others("0.05"),
        tolerance=tolerance,
        without_cut=study.without_cut("0.05"),
    )


def text_below(figure):
    return " ".join(figure.get_supxlabel().split())


def title(axes):
    return axes.get_title("left")


def rounded_ends(coefficient):
    """Return a coefficient and the ends of its interval as they are told."""
    return [round(value, 2) for value in (coefficient.value, coefficient.low, coefficient.high)]


def test_the_steps_show_losses_and_ranks_and_their_correlation(study):
    figure = steps_figure(study)
    left, right, _ = figure.axes
    assert left.get_xlabel() == "Step 1: validation loss\n(MSE, dimensionless)"
    assert left.get_ylabel() == "Step 2: validation loss\n(MSE, dimensionless)"
    assert sorted(artist(right, "chosen").get_offsets()[:, 0]) == list(range(1, 13))
    others, controls = (artist(right, gid).get_offsets() for gid in ("others", "controls"))
    assert len(controls) == 12
    assert len(others) == study.retrained["trial"].nunique() - 12 - 12
    assert (others[:, 0] > 12).all() and (controls[:, 0] > 12).all()
    ranks = np.concatenate([artist(right, "chosen").get_offsets(), others, controls])[:, 1]
    assert sorted(ranks) == list(range(1, len(ranks) + 1))
    # The losses of the controls would squeeze the others.
    assert len(artist(left, "controls").get_offsets()) == 0
    found = study.agreement("0.05")
    spearman, kendall = rounded_ends(found.spearman), rounded_ends(found.kendall)
    assert numbers(title(left)) == [12, *spearman, *kendall, 95]
    assert title(left).index("Spearman") < title(left).index("Kendall")
    whole = whole_range_correlation(study.steps("0.05"))
    assert numbers(title(right)) == [12, *rounded_ends(whole)]
    assert "controls" in title(right) and "Spearman" in title(right)
    assert figure.get_size_inches()[0] == 7.1
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [numbers(label) for label in labels] == [[12], [12], [len(others)]]
    assert "control" in labels[1] and not any("control" in labels[i] for i in (0, 2))


def test_steps_without_controls_say_nothing_of_all_trials(uncontrolled):
    _, right, _ = steps_figure(uncontrolled).axes
    assert title(right) == ""
    assert right.get_xscale() == "linear"


def test_two_trials_have_no_correlation_but_figures():
    searches = {"0.05": made_up.trials_table()}
    retrained = made_up.retrained_table(searches, top_k=2)
    config = made_up.config([0.05], top_k=2)
    study = made_up.study(("0.05",), retrained=retrained, config=config)
    left, right, _ = steps_figure(study).axes
    # It says so, and tells no coefficient.
    assert title(left) != "" and numbers(title(left)) == []
    assert len(artist(right, "chosen").get_offsets()) == 2
    chosen, controls = (text.get_text() for text in regret_figure(study).axes[2].texts)
    assert numbers(chosen) == [2] and numbers(controls) == [0]
    assert "none" in chosen and "none" in controls and "control" in controls


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
    assert tells(title(left), 10, enough, 12)
    assert artist(left, "tolerance").get_ydata()[0] == pytest.approx(1.1)
    assert "Recall" in title(middle) and numbers(title(middle)) == [len(steps)]
    recall = artist(middle, "recall").get_ydata()
    assert len(recall) == 12 and ((recall >= 0) & (recall <= 1)).all()
    chosen, controls = (numbers(text.get_text()) for text in right.texts)
    assert chosen == [12, *rounded_ends(study.agreement("0.05").spearman)]
    assert controls == [12, *rounded_ends(whole_range_correlation(steps))]


def test_the_regret_says_what_the_controls_tell(study, uncontrolled):
    n_others = 200 - 4 - (study.retrained["trial"].nunique() - 12)
    text = text_below(regret_figure(study))
    assert tells(text, 0, 12, n_others, 12)
    # Up to 26 % of all others, with the level of the interval.
    assert tells(text, round(0.2646 * n_others), n_others, 95)
    steps = study.steps("0.05")
    best, control = (
        steps.loc[steps[column], "step_2_loss"].min() for column in ("among_top_k", "control")
    )
    assert tells(text, rounded(control / best, 2))
    figure = regret_figure(uncontrolled)
    assert text_below(figure) == uncontrolled.without_cut("0.05")
    assert tells(text_below(figure), 200 - 4 - 12)
    recall = title(figure.axes[1])
    assert "Recall" in recall and numbers(recall) == [uncontrolled.retrained["trial"].nunique()]


def test_the_regret_says_so_if_there_was_no_cut_or_no_control_succeeded(study):
    config = made_up.config([0.05], top_k=200)
    searches = {"0.05": made_up.trials_table()}
    retrained = made_up.retrained_table(searches, top_k=196)
    all_of_them = made_up.study(("0.05",), controls=0, config=config, retrained=retrained)
    assert all_of_them.n_others("0.05") == 0
    assert text_below(regret_figure(all_of_them)) == all_of_them.without_cut("0.05")
    failed = study.retrained.copy()
    failed.loc[failed["control"], "status"] = "diverged"
    changed = replace(study, retrained=failed)
    assert changed.n_others("0.05") > 0
    assert text_below(regret_figure(changed)) == changed.without_cut("0.05")


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
    assert numbers(title(correlation)) == [196]
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


def test_the_losses_of_fractions_have_their_noise_beside_them():
    study, _ = hard_studies.three_fractions()
    outcomes = compare_outcomes(study)
    _, _, by_fraction, by_cost = fractions_figure(study).axes
    for axes in (by_fraction, by_cost):
        noise = artist(axes, "noise").get_segments()
        for outcome, bar in zip(outcomes, noise, strict=True):
            width = 1.96 * outcome.error
            assert bar[:, 1].tolist() == pytest.approx([outcome.loss - width, outcome.loss + width])
        shown = [line for line in axes.lines if line.get_gid() == "repetitions"]
        drawn = [list(line.get_ydata()) for line in shown]
        assert drawn == [outcome.repetitions for outcome in outcomes]
        bottom, top = axes.get_ylim()
        assert bottom < noise[0][0, 1] and noise[0][1, 1] < top


def test_the_outcome_of_a_fraction_is_that_of_its_best_trial(study):
    for outcome in compare_outcomes(study):
        steps = study.steps(outcome.fraction)
        best = steps[steps["among_top_k"]].sort_values("step_2_loss").iloc[0]
        rows = study.retrained[study.retrained["trial"] == best["trial"]]
        assert sorted(outcome.repetitions) == sorted(rows["min_val_loss"])
        assert outcome.loss == pytest.approx(np.mean(outcome.repetitions))
        assert outcome.error == rows["difference_error"].min()


def test_an_unknown_noise_is_not_drawn(study):
    unknown = replace(study, retrained=study.retrained.assign(difference_error=np.nan))
    figure = fractions_figure(unknown)
    figure.draw_without_rendering()
    labels = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert labels == ["mean loss", "each repetition"]


def test_fractions_whose_trials_all_failed_in_step_2_have_a_sentence(study):
    failed = replace(study, retrained=study.retrained.assign(status="diverged"))
    _, _, *panels = fractions_figure(failed).axes
    for axes in panels:
        (text,) = axes.texts
        assert not axes.axison and "succeeded in step 2" in text.get_text()


def test_steps_without_any_trial_have_sentences(study):
    steps = study.steps("0.05").head(0)
    figure = draw_steps(steps, fraction="0.05", top_k=12, **SHARED)
    figure.draw_without_rendering()
    left, right, _ = figure.axes
    for axes in (left, right):
        assert [text.get_gid() for text in axes.texts] == ["nothing"]


def test_a_best_loss_of_zero_has_no_ratio_but_a_sentence(study):
    zero = study.retrained.assign(min_val_loss=study.retrained["min_val_loss"])
    zero.loc[zero["trial"] == study.best["trial"], "min_val_loss"] = 0.0
    figure = regret_figure(replace(study, retrained=zero))
    figure.draw_without_rendering()
    assert artist(figure.axes[0], "regret").get_ydata()[-1] == 1
    assert "best chosen trial is 0" in text_below(figure)
