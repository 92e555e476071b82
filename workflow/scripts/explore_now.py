"""Write the page to explore a study, of all trials so far; run from the folder with `results`:

python workflow/scripts/explore_now.py --configfile my-study.yaml
"""

import argparse
import sys
import time
from pathlib import Path

from progress import DEFAULT, read_config

from twostep.config.resolve import resolve_config
from twostep.report.explore import explore_page
from twostep.running.found import found_records
from twostep.running.progress import measure_progress
from twostep.util.errors import UserError, describe_system_error
from twostep.util.files import write_text
from twostep.util.origin import origin_path


def main(*, config_files: list[Path], directory: Path) -> None:
    """Write the page of the study whose config files are given, merged as Snakemake does it."""
    config = resolve_config(read_config(config_files))
    folder = directory / "results" / config["study"]
    records = found_records(measure_progress(config, folder, time.time()))
    if not any(records.values()):
        raise UserError(
            f"no trial of study {config['study']} has been trained with this config in {folder}: "
            "look again when a run of it is under way"
        )
    write_page(
        folder / "explore.html",
        explore_page(
            records,
            study=config["study"],
            loss=config["training"]["loss"],
            n_trials=config["search"]["n_trials"],
        ),
    )


def write_page(path: Path, page: str) -> None:
    """Write the page, unless it is there, as after a full run; say where it is."""
    if not path.exists() or path.read_text(encoding="utf-8") != page:
        # Without an origin a full run makes it again, without a warning.
        origin_path([str(path)]).unlink(missing_ok=True)
        write_text(path, page)
    print(f"Open {path} in a browser.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split(";")[0])
    parser.add_argument(
        "--configfile", nargs="+", type=Path, default=[DEFAULT], help="as for snakemake"
    )
    parser.add_argument("--directory", type=Path, default=Path(), help="as for snakemake")
    arguments = parser.parse_args()
    try:
        main(config_files=arguments.configfile, directory=arguments.directory)
    except UserError as error:
        sys.exit(f"Error: {error}")
    except OSError as error:
        sys.exit(f"Error: {describe_system_error(error)}")
