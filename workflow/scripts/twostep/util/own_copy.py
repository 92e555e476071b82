"""Which copy of the library the jobs import, where another one is installed."""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from twostep.util.fingerprint import LIBRARY


def prefer_own_copy() -> None:
    """Let all processes that this one starts import the copy of the library that is running.

    Snakemake brings jobs to the folder of the scripts. Another copy that is installed, for instance
    by `pip install -e` in another clone, would come before it there, and its code would train
    without a word. Where there is none, nothing is changed.
    """
    scripts = str(LIBRARY.parent)
    other = PathFinder.find_spec(LIBRARY.name, [path for path in sys.path if path != scripts])
    if other is None or not other.submodule_search_locations:
        return
    if not LIBRARY.samefile(Path(next(iter(other.submodule_search_locations)))):
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        os.environ["PYTHONPATH"] = os.pathsep.join([scripts, *filter(None, paths)])
