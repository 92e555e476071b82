"""Recommend a plan of two steps, from a pilot on some small sizes of the data."""

import json
from collections.abc import Callable

from twostep.running.advice_report import Wanted, describe_advice
from twostep.running.piloted import join_pilots, read_pilots
from twostep.util.files import read_json, write_text
from twostep.util.job import job


def main(
    *,
    manifest: str,
    records: list[str],
    timings: list[str],
    pilots: list[dict],
    budget: dict,
    wanted: dict,
    study: str,
    output: str,
    say: Callable[[str], None],
) -> None:
    """Write the advice and say it; `budget` is that of a training on all data."""
    found = read_pilots(records, timings)
    piloted = join_pilots(found, pilots, budget, read_json(manifest)["splits"])
    text = describe_advice(study, piloted, Wanted(**wanted))
    write_text(output, text)
    say(f"{text}\nThe same is in {output}")


if __name__ == "__main__":
    with job(snakemake) as note:
        main(
            manifest=snakemake.input.manifest,
            records=snakemake.input.records,
            timings=snakemake.input.timings,
            pilots=json.loads(snakemake.params.pilots),
            budget=json.loads(snakemake.params.budget),
            wanted=json.loads(snakemake.params.wanted),
            study=snakemake.params.study,
            output=snakemake.output[0],
            say=note.leave,
        )
