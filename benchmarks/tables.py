"""Speed and memory of `prepare` on tables: CSV beside Parquet, with the same numbers.

    python benchmarks/tables.py [folder] [millions of rows]

Writes 10 million rows, with ten columns of numbers and one of text, as CSV and as Parquet. The
headers of each are looked at, which counts the rows of a CSV file. Then each is prepared, split at
random and by the column of text. Every look and every preparation is a process of its own, start-up
included. Needs some 4 GB of disk in `folder`, by default the system's folder for temporary files.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from processes import run

from twostep.config.resolve import resolve_config

CHUNK = 500_000
INPUTS = [f"x{i}" for i in range(9)]

LOOK = """
from twostep.data.source import read_headers
read_headers([{source!r}], {names!r}, ["sample"])
"""
PREPARE = """
import prepare
prepare.main(files=[{source!r}], dataset={dataset!r}, split={split!r}, seed=1,
    output_activation="linear", manifest={manifest!r}, data_record={data_record!r}, version="")
"""


def main() -> None:
    millions = int(sys.argv[2]) if sys.argv[2:] else 10
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as folder:
        sources = write_tables(Path(folder), millions * 1_000_000)
        for source in sources:
            print(f"{source.suffix}: {source.stat().st_size / 1e9:.2f} GB")
            [look] = run(LOOK.format(source=str(source), names=[*INPUTS, "y"]))
            print(f"  headers: {look.seconds:.1f} s, {look.private_gigabytes:.2f} GB")
            for split in ({"method": "random"}, {"method": "group", "variable": "station"}):
                measure(Path(folder), source, split)


def write_tables(folder: Path, n_rows: int) -> list[Path]:
    """Write the same rows as CSV and as Parquet."""
    random = np.random.default_rng(0)
    paths = [folder / "data.csv", folder / "data.parquet"]
    parquet = None
    with paths[0].open("wb") as csv:
        for first in range(0, n_rows, CHUNK):
            columns = {name: random.normal(size=CHUNK).round(6) for name in INPUTS}
            columns["y"] = columns["x0"] * columns["x1"] + columns["x2"]
            labels = np.array([f"s{i}" for i in range(500)])
            columns["station"] = labels[random.integers(0, 500, CHUNK)]
            rows = pa.table(columns)
            pa_csv.write_csv(rows, csv, pa_csv.WriteOptions(include_header=first == 0))
            parquet = parquet or pq.ParquetWriter(paths[1], rows.schema)
            parquet.write_table(rows)
    assert parquet is not None  # as there are rows
    parquet.close()
    return paths


def measure(folder: Path, source: Path, split: dict) -> None:
    """Print the time and the memory of a preparation."""
    entries = {"inputs": [{"name": name} for name in INPUTS], "outputs": [{"name": "y"}]}
    given = {"study": "a", "dataset": {"files": str(source)} | entries, "split": split}
    config = resolve_config(given | {"training": {"output_activation": "linear"}})
    script = PREPARE.format(
        source=str(source),
        dataset=config["dataset"],
        split=config["split"],
        manifest=str(folder / "prepare" / "manifest.json"),
        data_record=str(folder / "data_files.json"),
    )
    [prepared] = run(script)
    found = f"{prepared.seconds:.1f} s, {prepared.private_gigabytes:.2f} GB"
    print(f"  prepare, {split['method']}: {found}", flush=True)


if __name__ == "__main__":
    main()
