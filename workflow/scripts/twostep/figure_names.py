"""The figures of a study and their place in its report, without the weight of a plotting library.

A new figure needs an entry here, a caption in workflow/report and a place in study_figures.py.
"""

from twostep.report_entries import RETRAINING, SEARCH, Entry


def figure_entries(fractions: list[str]) -> dict[str, Entry]:
    """Return {name of a figure's file without suffix: its entry in the report} for a study."""
    size = "Loss against learnable parameters"
    return {
        **{f"search_{fraction}": Entry("search", SEARCH, size, fraction) for fraction in fractions},
        "retrained": Entry("retrained", RETRAINING, size),
        **{
            f"steps_{fraction}": Entry("steps", RETRAINING, "Step 1 against step 2", fraction)
            for fraction in fractions
        },
        "loss_curves": Entry("loss_curves", RETRAINING, "Loss curves"),
    }
