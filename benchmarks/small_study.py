"""What a small study costs, by rule: the default study with 20 trials, of which 10 are retrained.

    python benchmarks/small_study.py [folder]

Training is a small part of such a study, and the rest is the start of jobs, figures and the times
of predictions. Printed are the processor seconds of all processes of one run on one core. Each
Python process notes its own when it ends; what is left, shells above all, are other processes.
"""

import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import yaml
from processes import REPOSITORY, make_study, snakemake

N_TRIALS, N_SAMPLES, TOP_K, CONTROLS, EPOCHS = 20, 20_000, 5, 5, 10
# Python runs a module of this name at its start. `os._exit` is how jobs that train end.
NOTE = """
import atexit, os, resource, sys

def note():
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open(os.environ["NOTED_SECONDS"], "a") as file:
        file.write(f"{used.ru_utime + used.ru_stime} {' '.join(sys.argv[:1])}\\n")

def end(status, leave=os._exit):
    note()
    leave(status)

atexit.register(note)
os._exit = end
"""


def main() -> None:
    folder = sys.argv[1] if sys.argv[1:] else None
    with tempfile.TemporaryDirectory(dir=folder) as name:
        report(Path(name))


def report(folder: Path) -> None:
    """Run the study and print the table."""
    config = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    config["generate"]["n_samples"] = N_SAMPLES
    config["search"]["n_trials"] = N_TRIALS
    config["retrain"] |= {"top_k": TOP_K, "controls": CONTROLS}
    config["retrain"]["budget"]["max_epochs"] = EPOCHS
    make_study(folder, config)
    (folder / "note").mkdir()
    (folder / "note" / "sitecustomize.py").write_text(NOTE)
    noted = folder / "noted"
    os.environ |= {"PYTHONPATH": str(folder / "note"), "NOTED_SECONDS": str(noted)}
    finished = snakemake(folder, cores=1)
    seconds: Counter[str] = Counter()
    for line in noted.read_text().splitlines():
        used, _, command = line.partition(" ")
        script = re.search(r"scripts/\w+\.(\w+)\.py$", command)
        seconds[script[1] if script else "Snakemake"] += float(used)
    output = (folder / "output.txt").read_text()
    jobs = Counter(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", output, re.MULTILINE))
    print("| rule | jobs | processor seconds |\n| --- | ---: | ---: |")
    for rule, used in seconds.items():
        print(f"| {rule} | {jobs[rule] or ''} | {used:.1f} |")
    print(f"| other processes | | {finished.cpu_seconds - seconds.total():.1f} |")
    print(f"| together | {jobs.total()} | {finished.cpu_seconds:.1f} |")


if __name__ == "__main__":
    main()
