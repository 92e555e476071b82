"""The figures of a study and their place in its report, without the weight of a plotting library.

A new figure needs an entry here, a caption in workflow/report and a place in study_figures.py.
"""

from dataclasses import replace

from twostep.report_entries import MODEL, RETRAINING, SEARCH, Entry

SIZE = "Loss against learnable parameters"
# Drawn for each fraction, whose name follows that of the figure.
OF_A_FRACTION = {
    "search": Entry("search", SEARCH, SIZE),
    "layers": Entry("layers", SEARCH, "Envelope by number of hidden layers"),
    "depth_width": Entry("depth_width", SEARCH, "Depth and width"),
    "hyperparameters": Entry("hyperparameters", SEARCH, "Importance of hyperparameters"),
    "steps": Entry("steps", RETRAINING, "Step 1 against step 2"),
    "regret": Entry("regret", RETRAINING, "How many to retrain"),
}
OF_FRACTIONS = {"fractions": Entry("fractions", SEARCH, "Comparison of the fractions")}
OF_THE_STUDY = {
    "retrained": Entry("retrained", RETRAINING, SIZE),
    "loss_curves": Entry("loss_curves", RETRAINING, "Loss curves"),
    "cost": Entry("cost", RETRAINING, "Cost of the steps"),
    "inference": Entry("inference", MODEL, "Loss against inference cost"),
    "predicted": Entry("predicted", MODEL, "Predicted against true"),
    "errors_by_input": Entry("errors_by_input", MODEL, "Errors over the inputs"),
}


def figure_entries(fractions: list[str]) -> dict[str, Entry]:
    """Return {name of a figure's file without suffix: its entry in the report} for a study."""
    return {
        **{
            f"{name}_{fraction}": replace(entry, fraction=fraction)
            for name, entry in OF_A_FRACTION.items()
            for fraction in fractions
        },
        **(OF_FRACTIONS if len(fractions) > 1 else {}),
        **OF_THE_STUDY,
    }
