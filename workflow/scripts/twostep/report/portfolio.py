"""The page of the portfolio: which models it has, and what decides among them."""

from collections.abc import Iterable

import pandas as pd

from twostep.analysis.portfolio import BATCH_SIZE, TIME, costs_of
from twostep.util import wording
from twostep.util.columns import is_fully_connected
from twostep.util.wording import number, short


def portfolio_page(
    portfolio: pd.DataFrame, study: str, folders: list[str], *, n_seeds: int, empty: Iterable[str]
) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    portfolio : what `analysis.portfolio.choose_portfolio` returned
    study : name of the study
    folders : where each model is, relative to the page, in the order of the rows
    n_seeds : repetitions of each trial
    empty : exported files, relative to the page, of formats that torch could not write
    """
    paragraphs = [
        f"# Portfolio of the study `{study}`: {number(len(portfolio), 'model')}",
        "There are three costs: learnable parameters, multiply-add operations, and the measured "
        f"time of a sample in batches of {BATCH_SIZE}. A model is here if, by one of them, no "
        "other retrained model has a lower validation loss at no higher cost.",
        _table(portfolio, folders),
        "## What decides",
        "Only a run in your climate model decides among them. Small errors of single predictions "
        "do not tell whether a run is stable. Run one model after the other, and compare each "
        "run with one of the original scheme.",
        "## How to read the table",
        "\n".join(f"- {item}" for item in _notes(portfolio, n_seeds, empty)),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _table(portfolio: pd.DataFrame, folders: list[str]) -> str:
    rows = [
        [
            *("model", "network", "operations", "time per sample"),
            *("validation loss", "over the lowest", "not beaten by"),
        ]
    ]
    for folder, (_, row) in zip(folders, portfolio.iterrows(), strict=True):
        selected = ", selected" if row["selected"] else ""
        rows.append(
            [
                f"[trial {row['trial']}]({folder}/model_card.md){selected}",
                wording.network(row),
                f"{int(row['n_operations']):,}",
                f"{short(1e6 * row[TIME])} µs",
                short(row["val_loss"]),
                f"{row['relative_val_loss']:.3f}",
                ", ".join(costs_of(row)),
            ]
        )
    return wording.table(rows)


def _notes(portfolio: pd.DataFrame, n_seeds: int, empty: Iterable[str]) -> list[str]:
    notes = [
        "The link of a model leads to its model card. The exported files are in the same folder.",
        "Each file was checked against the trained network, as that of the selected model was.",
        "The last column names the costs by which no other model beats this one.",
        "Times differ from measurement to measurement. A model that only its time has brought here "
        "may be missing after another one.",
        "Of models with the same loss and the same cost, the one with the lowest trial id is here.",
        "The test split had no part in the choice. `portfolio/portfolio.csv` has the errors on it.",
    ]
    if n_seeds > 1:
        notes.append(
            f"Each trial has {n_seeds} networks, and its loss is their mean. Exported is the "
            "network with the lowest validation loss."
        )
    if not is_fully_connected(portfolio.columns):
        notes.append("There are no text files for Fortran: they are for fully connected networks.")
    notes += [f"`{path}` is empty. The model card beside it says why." for path in empty]
    return notes
