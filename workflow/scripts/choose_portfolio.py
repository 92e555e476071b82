"""Choose the Pareto-optimal retrained models."""

from twostep.analysis.portfolio import choose_portfolio
from twostep.util.job import job
from twostep.util.tables import read_table, write_table


def main(*, retrained: str, inference: str, selection: str, output: str) -> None:
    """Write the table of the portfolio."""
    tables = map(read_table, (retrained, inference, selection))
    write_table(output, choose_portfolio(*tables))


if __name__ == "__main__":
    with job(snakemake):
        main(
            retrained=snakemake.input.retrained,
            inference=snakemake.input.inference,
            selection=snakemake.input.selection,
            output=snakemake.output[0],
        )
