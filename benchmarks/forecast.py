"""How good the forecast is: a study's forecast beside what the study then takes.

    python benchmarks/forecast.py FOLDER [config file]

Runs `snakemake forecast` and then the whole study in FOLDER, by default config/config.yaml, on all
cores. What is there already is not made again, as with Snakemake itself.
"""

import os
import re
import sys
from pathlib import Path

import pandas as pd
import yaml
from processes import REPOSITORY, make_study, snakemake

SECONDS = {"s": 1, "min": 60, "h": 3600}


def main() -> None:
    if not sys.argv[1:]:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    config = Path(sys.argv[2]) if sys.argv[2:] else REPOSITORY / "config" / "config.yaml"
    make_study(folder, yaml.safe_load(config.read_text()))
    for target in (["forecast"], []):
        snakemake(folder, *target, cores=os.cpu_count())
    (results,) = folder.glob("results/*/")
    forecast = read_forecast(results / "forecast.md")
    measured = {
        "step 1": cpu_seconds(results.glob("rank/*/timings.csv")),
        "step 2": cpu_seconds(results.glob("select/timings.csv")),
    }
    measured["both steps"] = sum(measured.values())
    print("| | forecast, processor min | measured | forecast / measured |\n|---|---:|---:|---:|")
    for step, seconds in measured.items():
        # The trainings of controls are a row of their own.
        rows = ("step 2", "controls") if step == "step 2" else step
        predicted = sum(value for name, value in forecast if name.startswith(rows))
        print(f"| {step} | {predicted / 60:.1f} | {seconds / 60:.1f} | {predicted / seconds:.2f} |")


def read_forecast(path: Path) -> list[tuple[str, float]]:
    """Return each row that tells a time: what takes it, and the seconds (the first of several)."""
    rows = re.findall(r"\| \**([^|*]+)\** \| \**([\d.,]+) (s|min|h)\b", path.read_text())
    return [(name, float(value.replace(",", "")) * SECONDS[unit]) for name, value, unit in rows]


def cpu_seconds(tables) -> float:
    return sum(pd.read_csv(table)["cpu_seconds"].sum() for table in tables)


if __name__ == "__main__":
    main()
