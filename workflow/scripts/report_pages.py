"""Write the pages of the report that show texts, tables and the provenance."""

from twostep.report.pages import render_page
from twostep.util.files import write_text
from twostep.util.logs import reporting


def main(*, sources: list[str], outputs: list[str]) -> None:
    """Write a page for each of the files `sources`."""
    for source, output in zip(sources, outputs, strict=True):
        write_text(output, render_page(source))


if __name__ == "__main__":
    with reporting(snakemake.log[0]):
        main(sources=list(snakemake.input), outputs=list(snakemake.output))
