"""Write the pages of the report that show texts, tables and the provenance."""

from twostep.report.pages import render_page
from twostep.util.files import write_text
from twostep.util.job import job


def main(*, sources: list[str], outputs: list[str]) -> None:
    """Write a page for each of the files `sources`."""
    for source, output in zip(sources, outputs, strict=True):
        write_text(output, render_page(source))


if __name__ == "__main__":
    with job(snakemake):
        main(sources=list(snakemake.input), outputs=list(snakemake.output))
