"""Tell how far a study is, while it runs, before or after; run from the folder with `results`:

python workflow/scripts/progress.py --configfile my-study.yaml
"""

import argparse
import sys
import time
from functools import partial
from pathlib import Path

import yaml
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from twostep.config.config_files import check_no_repeats, check_no_template
from twostep.config.resolve import resolve_config
from twostep.running.progress import measure_progress
from twostep.running.progress_report import describe_progress
from twostep.util.errors import UserError

DEFAULT = Path(__file__).parents[2] / "config/config.yaml"


def main(*, config_files: list[Path], directory: Path, watch: bool) -> None:
    """Print how far the study is whose config files are given, merged as Snakemake does it.

    With `watch`, go on showing it until it is finished.
    """
    config = resolve_config(read_config(config_files))
    study = config["study"]
    look = partial(measure_progress, config, directory / "results" / study)
    if watch and sys.stdout.isatty():
        # Not needed for a single look, which is to be a quick one.
        from twostep.running.progress_view import follow

        follow(look, study)
    else:
        now = time.time()
        print(describe_progress(look(now), study, now))


def read_config(config_files: list[Path]) -> dict:
    """Return the config of some files; UserError if one cannot be read."""
    config: dict = {}
    for path in config_files:
        try:
            check_no_template([path])
            check_no_repeats([path])
            update_config(config, load_configfile(str(path)))
        except (OSError, ValueError, yaml.YAMLError, WorkflowError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{path} cannot be read as a config file: {reason}") from error
    return config


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split(";")[0])
    parser.add_argument(
        "--configfile", nargs="+", type=Path, default=[DEFAULT], help="as for snakemake"
    )
    parser.add_argument("--directory", type=Path, default=Path(), help="as for snakemake")
    parser.add_argument(
        "--watch", action="store_true", help="bars that follow the run, until Ctrl-C"
    )
    arguments = parser.parse_args()
    try:
        main(
            config_files=arguments.configfile,
            directory=arguments.directory,
            watch=arguments.watch,
        )
    except KeyboardInterrupt:
        # The way to end a view.
        pass
    except UserError as error:
        sys.exit(f"Error: {error}")
