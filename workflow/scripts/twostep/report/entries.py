"""What the report of a study shows: figures and pages, under which headings and names.

Without a plotting library, because the Snakefile reads it. A new figure needs an entry here, a
caption in workflow/report and a place in figures/all_figures.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from twostep.util.wording import describe_level

# The headings of the report; numbered, since Snakemake puts them into alphabetical order.
SUMMARY = "1 Summary"
SEARCH = "2 Search"
RETRAINING = "3 Retraining"
MODEL = "4 Selected model"
TABLES = "5 Tables"
PROVENANCE = "6 Provenance"


@dataclass(frozen=True)
class Entry:
    """One result in the report.

    `caption` is the name of a file in workflow/report without its suffix, `category` the heading
    under which the result stands, and `label` its name there; together with `fraction`, if the
    result is that of one fraction, it must be unique under the heading. `source` is the file that a
    page shows, in the folder of the study; a figure has none.
    """

    caption: str
    category: str
    label: str
    fraction: str = ""
    source: str = ""

    def for_report(self) -> dict:
        """Return the arguments of Snakemake's `report`, for a rule in workflow/rules."""
        labels = {"Result": self.label}
        if self.fraction:
            labels["Fraction"] = self.fraction
        return {
            "caption": f"../report/{self.caption}.rst",
            "category": self.category,
            "labels": labels,
        }


def page_entries(fractions: list[str], *, rungs: Sequence[str] = ()) -> dict[str, Entry]:
    """Return {name: entry} of the pages that make texts, tables and provenance readable."""
    pages = {"summary": Entry("summary", SUMMARY, "Summary", source="summary.md")}
    for fraction in fractions:
        folder = f"rank/{fraction}"
        pages[f"trials_{fraction}"] = Entry(
            "trials_table", TABLES, "Trials of the search", fraction, f"{folder}/trials.csv"
        )
        pages[f"search_times_{fraction}"] = Entry(
            "times_table", TABLES, "Times of the search", fraction, f"{folder}/timings.csv"
        )
    for number, rung in enumerate(rungs, start=1):
        folder = f"rungs/{number}"
        label = describe_level(rung)
        pages[f"trials_{rung}"] = Entry(
            "rung_table", TABLES, f"Trials of {label}", source=f"{folder}/trials.csv"
        )
        pages[f"times_{rung}"] = Entry(
            "times_table", TABLES, f"Times of {label}", source=f"{folder}/timings.csv"
        )
    return pages | {
        "retrained": Entry(
            "retrained_table", TABLES, "Retrained models", source="select/retrained.csv"
        ),
        "retraining_times": Entry(
            "times_table", TABLES, "Times of retraining", source="select/timings.csv"
        ),
        "baseline": Entry("baseline_table", TABLES, "Baselines", source="baseline/baseline.csv"),
        "selection": Entry(
            "selection_table", MODEL, "Best and selected model", source="select/selection.csv"
        ),
        "model_card": Entry(
            "model_card", MODEL, "Model card", source="export/selected/model_card.md"
        ),
        "inference": Entry(
            "inference_table", TABLES, "Inference cost", source="inference/inference.csv"
        ),
        "provenance": Entry("provenance", PROVENANCE, "Provenance", source="provenance.json"),
    }


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
# Those of them that show the layers of fully connected networks.
OF_LAYERS = ("layers", "depth_width")
# Drawn for each rung, too, and with other captions: what comes after a cut is not always step 2.
OF_A_CUT = {
    "search": Entry("rung_search", SEARCH, SIZE),
    "steps": Entry("rung_steps", RETRAINING, "Before and after the cut"),
    "regret": Entry("rung_regret", RETRAINING, "How many had to pass the cut"),
}
OF_FRACTIONS = {"fractions": Entry("fractions", SEARCH, "Comparison of the fractions")}
OF_THE_STUDY = {
    "retrained": Entry("retrained", RETRAINING, SIZE),
    "loss_curves": Entry("loss_curves", RETRAINING, "Loss curves"),
    "cost": Entry("cost", RETRAINING, "Cost of the steps"),
    "inference": Entry("inference", MODEL, "Loss against inference cost"),
    "predicted": Entry("predicted", MODEL, "Predicted against true"),
    "confusion": Entry("confusion", MODEL, "Confusion of the classes"),
    "reliability": Entry("reliability", MODEL, "Reliability of the probabilities"),
    "errors_by_output": Entry("errors_by_output", MODEL, "Errors of the outputs"),
    "errors_by_input": Entry("errors_by_input", MODEL, "Errors over the inputs"),
}


# Drawn for the studies with these losses alone; all others for each.
OF_LOSSES = {
    "predicted": ("mse", "mae", "huber", "binary_cross_entropy"),
    "confusion": ("cross_entropy",),
    "reliability": ("binary_cross_entropy", "cross_entropy"),
}


def figure_entries(
    fractions: list[str],
    *,
    rungs: Sequence[str] = (),
    loss: str = "mse",
    own_networks: bool = False,
) -> dict[str, Entry]:
    """Return {name of a figure's file without suffix: its entry in the report} for a study.

    `rungs` are the names of its rungs, and `loss` is `training.loss`. Networks of the user's own
    have no figures of their layers.
    """
    of_a_fraction = OF_A_FRACTION
    if rungs:
        of_a_fraction = of_a_fraction | {name: OF_A_CUT[name] for name in ("steps", "regret")}
    return {
        **{
            f"{name}_{fraction}": replace(entry, fraction=fraction)
            for name, entry in of_a_fraction.items()
            for fraction in fractions
            if not (own_networks and name in OF_LAYERS)
        },
        **{
            f"{name}_{rung}": replace(entry, label=f"{entry.label}, {describe_level(rung)}")
            for name, entry in OF_A_CUT.items()
            for rung in rungs
        },
        **(OF_FRACTIONS if len(fractions) > 1 else {}),
        **{
            name: entry
            for name, entry in OF_THE_STUDY.items()
            if name not in OF_LOSSES or loss in OF_LOSSES[name]
        },
    }
