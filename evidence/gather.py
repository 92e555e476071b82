"""Gather the trials of one column in its table."""

from matrix.tables import column_table, write_compressed
from twostep.trials.records import read_lines
from twostep.util.logs import reporting


def main(*, blocks: list[str], output: str) -> None:
    """Write the table of a column from the lines of its blocks."""
    write_compressed(output, column_table(read_lines(blocks)))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(blocks=list(snakemake.input), output=snakemake.output[0])
