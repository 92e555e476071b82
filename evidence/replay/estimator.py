"""Whether the workflow's own answer, is a better trial left, holds on a matrix."""

from dataclasses import dataclass

import numpy as np

from matrix.load import Matrix, Trained
from replay import labels
from replay.agreement import Training
from replay.comparisons import columns
from replay.outcomes import halves
from replay.rounds import HEADINGS, retrain_in_rounds, steps_of
from replay.rounds import describe as describe_ended
from twostep.analysis.remaining import RISK, better_left
from twostep.util.wording import table

N_STUDIES = 300
# Trials that are retrained, of the half of all that a study has.
RETRAINED = (8, 16)
N_CONTROLS = 20
TOLERANCES = (0.05, 0.25)
# Rounds of retraining, of the same studies; the most is a share of a study's trials.
ROUND_SIZE, MOST, ROUND_CONTROLS = 8, 0.56, 12


@dataclass(frozen=True)
class Answers:
    """What the estimator said of many studies, (n_studies,) each, and what was true.

    `probabilities` are NaN where it refused; `left` tells whether a better trial was left, and
    `saved` whether none was left beyond the number of trials that it asked for.
    """

    probabilities: np.ndarray
    says_enough: np.ndarray
    left: np.ndarray
    asked: np.ndarray
    saved: np.ndarray

    @property
    def answered(self) -> np.ndarray:
        """Of which studies it could tell something."""
        return ~np.isnan(self.probabilities)


def ask(
    first: list[Trained],
    last: Trained,
    *,
    top_k: int,
    tolerance: float,
    n_studies: int = N_STUDIES,
) -> Answers:
    """Ask the estimator about studies that are halves of the trials of a matrix."""
    random = np.random.default_rng(2)
    answers = []
    for number, trials in enumerate(halves(len(last.losses), n_studies)):
        column = first[number % len(first)]
        losses = _ranked_losses(column, last, trials)
        controls = top_k + random.choice(len(losses) - top_k, N_CONTROLS, replace=False)
        retrained = np.r_[np.arange(top_k), np.sort(controls)]
        steps = steps_of(losses, retrained, top_k)
        answer = better_left(steps, n_trials=len(losses), top_k=top_k, tolerance=tolerance)
        limit = losses[retrained].min() / (1 + tolerance)
        others = np.setdiff1d(np.arange(len(losses)), retrained)
        enough = answer.enough or 0
        answers.append(
            (
                np.nan if answer.probability is None else answer.probability,
                answer.probability is not None and answer.probability <= RISK,
                (losses[others] < limit).any(),
                enough > top_k,
                not (losses[others[others >= enough]] < limit).any(),
            )
        )
    probabilities, *flags = np.array(answers, float).T
    return Answers(probabilities, *(flag.astype(bool) for flag in flags))


def describe(matrix: Matrix, trainings: list[Training], last: Trained) -> str:
    """Return how often the estimator answered, and how often it was right, as a table."""
    rows = [
        [
            "step 1",
            "retrained",
            "tolerance",
            "a better one was left in",
            "refused",
            "answered: left in",
            "answered: probability, mean",
            'said "enough"',
            "of these false",
            "named a number",
            "of these it sufficed",
        ]
    ]
    n_trials = len(matrix.trials) // 2
    for setting, samples, epochs in trainings:
        first = columns(matrix, setting, samples, epochs)
        for top_k in RETRAINED if first else ():
            for tolerance in TOLERANCES:
                answers = ask(first, last, top_k=top_k, tolerance=tolerance)
                rows.append(
                    [
                        labels.training(matrix, setting, samples, epochs),
                        f"{top_k} of {n_trials}",
                        labels.percent(tolerance),
                        labels.percent(answers.left.mean()),
                        labels.percent(1 - answers.answered.mean()),
                        _mean(answers.left[answers.answered]),
                        _mean(answers.probabilities[answers.answered]),
                        *_with_part(answers.says_enough, answers.left),
                        *_with_part(answers.asked, answers.saved),
                    ]
                )
    return table(rows)


def describe_rounds(matrix: Matrix, trainings: list[Training], last: Trained) -> str:
    """Return how rounds of retraining end that take a better trial's probability, as a table."""
    rows = [["step 1", "tolerance", *HEADINGS]]
    most = round(MOST * (len(matrix.trials) // 2))
    for setting, samples, epochs in trainings:
        first = columns(matrix, setting, samples, epochs)
        for tolerance in TOLERANCES if first else ():
            ended = [
                retrain_in_rounds(
                    np.random.default_rng(number),
                    _ranked_losses(first[number % len(first)], last, trials),
                    round_size=ROUND_SIZE,
                    most=most,
                    n_controls=ROUND_CONTROLS,
                    probability=RISK,
                    tolerance=tolerance,
                )
                for number, trials in enumerate(halves(len(last.losses), N_STUDIES))
            ]
            label = labels.training(matrix, setting, samples, epochs)
            rows.append([label, labels.percent(tolerance), *describe_ended(ended, most)])
    return table(rows)


def _ranked_losses(column: Trained, last: Trained, trials: np.ndarray) -> np.ndarray:
    """Return the losses of some trials on all data in the order of step 1, without failed ones."""
    known = trials[~np.isnan(column.losses[trials] + last.all_losses[trials])]
    return last.all_losses[known[np.argsort(column.losses[known], kind="stable")]]


def _mean(shares: np.ndarray) -> str:
    """Return the mean of shares, or nothing if there are none."""
    return labels.percent(shares.mean()) if len(shares) else ""


def _with_part(cases: np.ndarray, part: np.ndarray) -> list[str]:
    """Return the share of cases, and the share of these in which something holds."""
    if not cases.any():
        return ["0 %", ""]
    return [labels.percent(cases.mean()), f"{int(part[cases].sum())} of {int(cases.sum())}"]
