"""Write the page of the portfolio, whose models are exported."""

import os
from pathlib import Path

from twostep.report.portfolio import portfolio_page
from twostep.util.files import write_text
from twostep.util.job import job
from twostep.util.tables import read_table


def main(
    *, table: str, cards: list[str], models: list[str], study: str, n_seeds: int, output: str
) -> None:
    """Write the page; `cards` are in the order of the table, `models` are all exported files."""
    base = Path(output).parent
    page = portfolio_page(
        read_table(table),
        study,
        [Path(os.path.relpath(card, base)).parent.as_posix() for card in cards],
        n_seeds=n_seeds,
        empty=[os.path.relpath(path, base) for path in models if not Path(path).stat().st_size],
    )
    write_text(output, page)


if __name__ == "__main__":
    with job(snakemake) as note:
        main(
            table=snakemake.input.table,
            cards=snakemake.input.cards,
            models=snakemake.input.models,
            study=snakemake.params.study,
            n_seeds=snakemake.params.n_seeds,
            output=snakemake.output[0],
        )
        note.leave(f"The portfolio: {snakemake.output[0]}")
