"""The part of the summary on the time that a prediction takes."""

from twostep.study import Study
from twostep.wording import short, table


def inference_section(study: Study) -> list[str]:
    """Return a table of the measured times of the best and of the selected model."""
    measured = study.inference
    rows = [["", "batch size", "time per sample", "quartiles", "operations", "bytes of weights"]]
    choices = study.selection.groupby("trial", sort=False)["choice"].agg(" and ".join)
    for trial, choice in choices.items():
        for row in measured[measured["trial"] == trial].itertuples():
            rows.append(
                [
                    f"{choice} (trial {trial})",
                    f"{row.batch_size:,}",
                    f"{short(1e6 * row.seconds_per_sample)} µs",
                    f"{short(1e6 * row.seconds_per_sample_25)} to "
                    f"{short(1e6 * row.seconds_per_sample_75)} µs",
                    f"{row.n_operations:,}",
                    f"{row.weight_bytes:,}",
                ]
            )
    processors = " and ".join(sorted(set(measured["processor"])))
    return [
        "### Inference",
        f"Processor time of one thread, measured on {processors}: the network alone, without "
        "reading and scaling data. The time has no part in the choice.",
        table(rows),
        "![Test loss against time per sample](figures/inference.png)",
    ]
