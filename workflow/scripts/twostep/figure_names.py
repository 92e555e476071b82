"""The names of a study's figures, without the weight of a plotting library."""


def figure_names(fractions: list[str]) -> list[str]:
    """Return the figures, by file name without suffix, of a study that searches `fractions`."""
    return [
        *(f"search_{fraction}" for fraction in fractions),
        "retrained",
        *(f"steps_{fraction}" for fraction in fractions),
        "loss_curves",
    ]
