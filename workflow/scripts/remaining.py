"""Tell from a table of losses whether a better trial is left, and how many must be retrained.

Usage: python workflow/scripts/remaining.py table.csv [--tolerance 0.05] [--top-k 50]

For tables that other tools have made: one row for each trial of the search, with the columns

    step_1_loss   loss in the search; empty if the trial failed
    step_2_loss   loss after training on all data; empty if it was not trained so, or failed
    control       true for a trial that was drawn at random from those beyond the best; else false

Losses are above 0, and lower is better.
"""

import argparse
import math
import sys

from twostep.analysis.other_tables import read_steps
from twostep.analysis.remaining import better_left
from twostep.report.cut_checks import left_text
from twostep.util.errors import UserError


def main(*, path: str, tolerance: float, top_k: int | None) -> None:
    """Print the answer for a table."""
    steps, n_trials = read_steps(path)
    n_finalists = int((~steps["control"]).sum())
    if not 0 < tolerance < math.inf:
        raise UserError(f"--tolerance is {tolerance:g}: it must be above 0, such as 0.05")
    if top_k is not None and not 1 <= top_k <= n_trials:
        raise UserError(
            f"--top-k is {top_k}: it must be from 1 to {n_trials}, the number of trials"
        )
    top_k = n_finalists if top_k is None else top_k
    answer = better_left(steps, n_trials=n_trials, top_k=top_k, tolerance=tolerance)
    print(left_text(f"the search of {path}", answer, top_k=top_k, tolerance=tolerance))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", help="the CSV file")
    parser.add_argument("--tolerance", type=float, default=0.05, help="default: 0.05")
    parser.add_argument("--top-k", type=int, help="default: the number of retrained non-controls")
    arguments = parser.parse_args()
    try:
        main(path=arguments.table, tolerance=arguments.tolerance, top_k=arguments.top_k)
    except UserError as error:
        sys.exit(f"Error: {error}")
