"""The names of a study's figures, without the weight of a plotting library."""


def figure_captions(fractions: list[str]) -> dict[str, str]:
    """Return {name of a figure's file without suffix: name of its caption} for a study."""
    return {
        **{f"search_{fraction}": "search" for fraction in fractions},
        "retrained": "retrained",
        **{f"steps_{fraction}": "steps" for fraction in fractions},
        "loss_curves": "loss_curves",
        **{f"depth_width_{fraction}": "depth_width" for fraction in fractions},
        **{f"layers_{fraction}": "layers" for fraction in fractions},
        **{f"hyperparameters_{fraction}": "hyperparameters" for fraction in fractions},
        "cost": "cost",
        "inference": "inference",
        "predicted": "predicted",
        "errors_by_input": "errors_by_input",
    }
