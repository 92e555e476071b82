"""The names of a study's figures, without the weight of a plotting library."""


def figure_captions(fractions: list[str]) -> dict[str, str]:
    """Return {name of a figure's file without suffix: name of its caption} for a study."""
    return {
        **{f"search_{fraction}": "search" for fraction in fractions},
        "retrained": "retrained",
        **{f"steps_{fraction}": "steps" for fraction in fractions},
        **{f"regret_{fraction}": "regret" for fraction in fractions},
        **({"fractions": "fractions"} if len(fractions) > 1 else {}),
        "loss_curves": "loss_curves",
    }
