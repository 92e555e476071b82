"""Write a first config for your own data, which then runs as it is.

Usage: python workflow/scripts/write_config.py data/*.nc --outputs rate --to my-study.yaml

Without --outputs it lists the variables of the first file. Inputs are all others that have numbers
along the samples, unless some are named. The config has comments that tell why each value is so.
"""

import argparse
import sys
from pathlib import Path

import yaml

from twostep.config.first_config import name_study, write_first_config
from twostep.config.first_look import (
    as_pattern,
    choose_inputs,
    describe_candidates,
    list_candidates,
    pick,
    sample_dimensions,
)
from twostep.config.preflight import list_files
from twostep.config.resolve import resolve_config
from twostep.config.suggestions import suggest_config
from twostep.util.errors import UserError, describe_system_error
from twostep.util.files import write_text

# Where the config will probably be that is only printed.
PATH = "my-study.yaml"


def main(
    *,
    files: list[str],
    outputs: list[str],
    inputs: list[str],
    study: str | None,
    to: str | None,
    group: str | None = None,
) -> None:
    """Write the config to the file `to`, or print it; without outputs, print the variables.

    A study without a name gets that of the file, so that each has a folder of its own.
    """
    found = list_files(files)
    candidates = list_candidates(found[0], group)
    if not outputs:
        print(describe_candidates(found[0], candidates))
        print("\nName those that are to be predicted with --outputs.")
        return
    if to is not None and Path(to).exists():
        raise UserError(f"{to} exists already: delete it, or write to another file with --to")
    chosen_outputs = pick(candidates, outputs, found[0])
    dimensions = sample_dimensions(chosen_outputs)
    chosen, left_out = choose_inputs(candidates, chosen_outputs, dimensions)
    if inputs:
        chosen, left_out = pick(candidates, inputs, found[0]), {}
    others = [each for each in candidates if each not in (*chosen, *chosen_outputs)]
    text = write_first_config(
        study=name_study(to or PATH) if study is None else study,
        path=to or PATH,
        files=as_pattern(found),
        inputs=chosen,
        outputs=chosen_outputs,
        left_out=left_out,
        dimensions=dimensions,
        suggestions=suggest_config(found, chosen, chosen_outputs, others, dimensions, group),
        group=group,
    )
    # What is written must be right: a mistake would be ours.
    resolve_config(yaml.safe_load(text))
    if to is None:
        print(text, end="")
        return
    write_text(to, text)
    for name, why in left_out.items():
        print(f"Left out of the inputs: {name}, {why}.")
    print(f"{to} is written: read it, then run snakemake --cores all --configfile {to}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", help="NetCDF, Zarr, CSV or Parquet files, or a pattern")
    parser.add_argument("--outputs", nargs="+", default=[], help="variables to be predicted")
    parser.add_argument("--inputs", nargs="+", default=[], help="variables to predict them from")
    parser.add_argument("--group", help="path of the group in the files that has the variables")
    parser.add_argument("--study", help="name of the study; by default that of the file")
    parser.add_argument("--to", help="the file to write; it must not exist")
    arguments = parser.parse_args()
    try:
        main(**vars(arguments))
    except UserError as error:
        sys.exit(f"Error: {error}")
    except OSError as error:
        sys.exit(f"Error: {describe_system_error(error)}")
