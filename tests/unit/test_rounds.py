"""Rounds of retraining: how many finalists are enough."""

import numpy as np
import pandas as pd
import pytest
from simulated_studies import simulate

from replay.rounds import retrain_in_rounds
from twostep.analysis.remaining import better_left
from twostep.analysis.rounds import judge_round
from twostep.trials.ranking import trials_to_retrain
from twostep.trials.rounds import count_finalists, round_sizes

TOLERANCE = 0.05


def section(probability, *, top_k=25, round_size=10):
    return {
        "top_k": top_k,
        "controls": 12,
        "until": {"probability": probability, "round_size": round_size},
    }


@pytest.mark.parametrize(
    ("retrain", "sizes"),
    [
        (section(None), [25]),
        (section(0.05), [10, 20, 25]),
        (section(0.05, top_k=20), [10, 20]),
        (section(0.05, round_size=30), [25]),
    ],
)
def test_rounds_end_at_top_k(retrain, sizes):
    assert round_sizes(retrain) == sizes


def test_the_first_round_that_is_enough_is_the_last():
    rounds = [{"finalists": 10, "enough": False}, {"finalists": 20, "enough": True}]
    assert count_finalists(rounds, 50) == 20
    assert count_finalists(rounds[:1], 50) == 50
    assert count_finalists([], 50) == 50


def retrained(correlation, *, finalists=20, seed=1, n_trials=200, failed=()):
    """Return the records and the ranking of a study after a round."""
    losses = simulate(
        np.random.default_rng(seed), correlation=correlation, n_trials=n_trials
    ).losses
    # Ids that are no ranks.
    ids = np.random.default_rng(seed).permutation(n_trials)
    ranking = pd.DataFrame({"rank": np.arange(1, n_trials + 1), "trial": ids})
    chosen = trials_to_retrain([ranking], section(0.05) | {"top_k": finalists}, seed=3)
    by_id = dict(zip(ids, losses, strict=True))
    records = [
        {
            "trial": trial,
            "seed": 0,
            "status": "failed" if trial in failed else "ok",
            "min_val_loss": None if trial in failed else by_id[trial],
        }
        for trial in chosen
    ]
    return records, ranking


def judge(records, *rankings, finalists=20, probability=0.05):
    names = {f"0.{place}": ranking for place, ranking in enumerate(rankings, 1)}
    return judge_round(
        records, names, finalists=finalists, tolerance=TOLERANCE, probability=probability
    )


def test_a_round_is_enough_where_the_steps_agree_and_not_where_they_do_not():
    assert judge(*retrained(0.97))["enough"]
    unlike = judge(*retrained(0.1))
    assert not unlike["enough"]
    assert unlike["fractions"]["0.1"]["probability"] is None
    assert "agree too little" in unlike["fractions"]["0.1"]["reason"]


def test_the_verdict_is_what_the_summary_says_of_the_same_trials():
    records, ranking = retrained(0.9)
    losses = {record["trial"]: record["min_val_loss"] for record in records}
    steps = ranking[ranking["trial"].isin(losses)]
    steps = pd.DataFrame(
        {
            "step_1_rank": steps["rank"],
            "step_2_loss": steps["trial"].map(losses),
            "control": steps["rank"] > 20,
        }
    )
    expected = better_left(steps, n_trials=200, top_k=20, tolerance=TOLERANCE)
    found = judge(records, ranking)["fractions"]["0.1"]
    assert found["probability"] == expected.probability
    assert judge(records, ranking, probability=expected.probability)["enough"]
    assert not judge(records, ranking, probability=expected.probability * 0.99)["enough"]


def test_repetitions_count_by_their_mean_and_failed_trials_not_at_all():
    records, ranking = retrained(0.9)
    again = [record | {"seed": 1} for record in records]
    assert judge(records + again, ranking) == judge(records, ranking)
    first = records[0]["trial"]
    without = [record for record in records if record["trial"] != first]
    failed = [record | {"seed": 1, "status": "failed"} for record in records[:1]]
    assert judge(records + failed, ranking) == judge(without, ranking)


def test_every_fraction_has_to_agree():
    records, ranking = retrained(0.97)
    shuffled = ranking.assign(rank=np.random.default_rng(5).permutation(ranking["rank"]))
    verdict = judge(records, ranking, shuffled)
    assert verdict["fractions"].keys() == {"0.1", "0.2"}
    assert not verdict["enough"]


def test_rounds_hardly_ever_end_too_early():
    """Asking again and again must not make a wrong answer likely."""
    for correlation, fewest_early in ((0.4, 0), (0.8, 5), (0.95, 35)):
        ended = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            losses = simulate(rng, correlation=correlation, n_trials=300).losses
            ended.append(
                retrain_in_rounds(
                    rng,
                    losses,
                    round_size=10,
                    most=100,
                    n_controls=12,
                    probability=0.05,
                    tolerance=TOLERANCE,
                )
            )
        early = [each for each in ended if each.finalists < 100]
        assert len(early) >= fewest_early
        assert sum(each.is_lost for each in early) <= 3
