"""A small study for the workflow tests: real data, real training, real Snakemake."""

import copy
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

REPOSITORY = Path(__file__).parents[1]
SECONDS_BETWEEN_LOOKS = 3
# What a run needs of the repository, so that tests may edit a copy of it.
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles")

CONFIG = {
    "study": "small",
    "seed": 1,
    "dataset": {
        "files": "data.nc",
        "sample_dimension": "nsamples",
        "inputs": [{"name": "tair"}, {"name": "num_aer", "transform": "log10"}],
        "outputs": [{"name": "fn"}],
    },
    "search": {
        "n_trials": 6,
        "fractions": [0.2],
        "shard_size": 3,
        "n_validation": 100,
        "budget": {"max_epochs": 4},
        "space": {
            "n_hidden_layers": {"min": 1, "max": 2},
            "width": [4, 8, 16],
            "batch_size": 64,
        },
    },
    "retrain": {"top_k": 2, "controls": 0, "budget": {"max_epochs": 3}},
}


@dataclass
class Study:
    """A folder with a copy of the workflow, a data file and a config, in which to run it."""

    folder: Path
    config: dict

    def copy(self, folder: Path) -> "Study":
        """Return the same study, with all its results and Snakemake's memory, elsewhere."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Study(folder, copy.deepcopy(self.config))

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run Snakemake with the study's config; the caller looks at the outcome."""
        command = [*self._command(), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=600)

    def write_config(self) -> None:
        """Write the config where the commands look for it."""
        (self.folder / "study.yaml").write_text(yaml.safe_dump(self.config))

    def _command(self) -> list[str]:
        """Write the config; return the command that runs it."""
        self.write_config()
        return [sys.executable, "-m", "snakemake", "--configfile", "study.yaml", "--cores", "2"]

    def look(self, *options: str) -> str:
        """Return what the command says that tells how far the study is, mistakes included."""
        command = [sys.executable, "workflow/scripts/progress.py", "--configfile", "study.yaml"]
        looked = subprocess.run(
            [*command, *options], cwd=self.folder, capture_output=True, text=True
        )
        return looked.stdout + looked.stderr

    def explore(self) -> str:
        """Return what the command says that writes the page to explore, mistakes included."""
        self._command()
        command = [sys.executable, "workflow/scripts/explore_now.py", "--configfile", "study.yaml"]
        written = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        return written.stdout + written.stderr

    def run_and_look(self) -> list[str]:
        """Run the workflow, which must succeed, with looks at it; return what these said."""
        path = self.folder / "output"
        with path.open("w") as output:
            run = subprocess.Popen(
                self._command(), cwd=self.folder, stdout=output, stderr=subprocess.STDOUT
            )
            seen = []
            while run.poll() is None:
                seen.append(self.look())
                time.sleep(SECONDS_BETWEEN_LOOKS)
        assert run.returncode == 0, path.read_text()
        path.unlink()
        return seen

    def run(self, *arguments: str) -> "Work":
        """Run the workflow, which must succeed; return what work was done."""
        before = self._trained()
        process = self.snakemake(*arguments)
        assert process.returncode == 0, process.stdout + process.stderr
        jobs = Counter(
            line.split()[1].rstrip(":")
            for line in (process.stdout + process.stderr).splitlines()
            if line.startswith(("rule ", "checkpoint ", "localrule ", "localcheckpoint "))
        )
        after = self._trained()
        return Work(jobs, *(after[step] - before[step] for step in ("search", "rungs", "retrain")))

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["study"]

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text that must be there in a file of the study's folder."""
        text = (self.folder / path).read_text()
        assert old in text, f"{path} does not hold {old!r}"
        (self.folder / path).write_text(text.replace(old, new, 1))

    def _trained(self) -> dict[str, Counter]:
        """Count each trial that was ever trained: journals only grow, by one entry a training."""
        journal = self.results / "journal"
        search, rungs = (
            Counter(
                (path.parts[-3], json.loads(line)["record"]["trial"])
                for path in journal.glob(f"{step}/*/*/*.jsonl")
                for line in path.read_text().splitlines()
            )
            for step in ("search", "rungs")
        )
        # A model that is trained again replaces its file, which shows in the time.
        retrain = Counter((path, path.stat().st_mtime_ns) for path in journal.glob("retrain/*.pt"))
        return {"search": search, "rungs": rungs, "retrain": retrain}


@dataclass
class Work:
    """What a run did: its jobs by rule, and the trials trained in step 1, in rungs and step 2."""

    jobs: Counter
    searched: Counter
    climbed: Counter
    retrained: Counter

    def trials(self, fraction: str) -> list[int]:
        """Return the ids of the trials that step 1 trained on a fraction."""
        return sorted(trial for name, trial in self.searched.elements() if name == fraction)

    def of_rung(self, number: int) -> list[int]:
        """Return the ids of the trials that a rung trained."""
        return sorted(trial for name, trial in self.climbed.elements() if name == str(number))


def write_data(path: Path, n_samples: int = 1600) -> None:
    """Write a data set in the layout of the paper's authors: nsamples, modes second."""
    rng = np.random.default_rng(1)
    tair = rng.uniform(250, 310, n_samples)
    num_aer = 10 ** rng.uniform(1, 4, (n_samples, 2))
    fn = 1 / (1 + (num_aer / 300) * np.exp((tair[:, None] - 280) / 20))
    xr.Dataset(
        {
            "tair": ("nsamples", tair, {"units": "K", "long_name": "air temperature"}),
            "num_aer": (("nsamples", "mode"), num_aer, {"units": "cm-3"}),
            "fn": (("nsamples", "mode"), fn, {"units": "1", "long_name": "activated fraction"}),
            # What cannot be learned from, or only in part.
            "label": ("nsamples", np.where(tair > 280, "warm", "cold")),
            "level": (
                ("mode", "nsamples", "height"),
                # One of the six entries is constant.
                np.arange(2)[:, None, None] * tair[:, None] / 300 + np.arange(3) * fn[:, :1],
            ),
            "fixed": ("nsamples", np.full(n_samples, 5.1)),
            "empty": ("nsamples", np.full(n_samples, np.nan)),
            "signed": ("nsamples", tair - 280),
            "part": ("nsamples", np.zeros(n_samples, np.int8)),
        },
        coords={"mode": ["accumulation", "aitken"]},
    ).to_netcdf(path)


def make_study(folder: Path) -> Study:
    """Put a copy of the workflow and a data file into a folder; return the study to run there."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = REPOSITORY / part
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            shutil.copy2(source, folder / part)
    write_data(folder / "data.nc")
    return Study(folder, copy.deepcopy(CONFIG))
