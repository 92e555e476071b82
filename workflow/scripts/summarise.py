"""Write the summary of a study."""

from collections.abc import Mapping

from twostep.analysis.study import read_study
from twostep.report.summary import summarise
from twostep.util.files import write_text
from twostep.util.job import job


def main(*, files: Mapping[str, str | list[str]], config: str, output: str) -> None:
    """Write the summary of the study whose results are in `files`."""
    write_text(output, summarise(read_study(files, config)))


if __name__ == "__main__":
    with job(snakemake):
        main(
            files=dict(snakemake.input.items()),
            config=snakemake.params.config,
            output=snakemake.output[0],
        )
