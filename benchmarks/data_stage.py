"""Speed and memory of the stages prepare and subset, beside a plain copy of the same bytes.

    python benchmarks/data_stage.py [folder]

For 1, 10 and 50 million rows of 20 columns: a NetCDF file is written, then copied in the plainest
way, prepared (half of the columns through a logarithm), and a subset of all its training rows is
extracted, which again is compared with a plain copy of the same bytes. Every stage is a process of
its own, start-up included (which is printed, too). Processor seconds hold on a busy machine, too.
Private memory is what a process has beyond pages of files, which the system can drop. Needs some
25 GB of disk in `folder`, by default the system's folder for temporary files.
"""

import sys
import tempfile
from pathlib import Path

import netCDF4
import numpy as np
from processes import children_seconds, run

MILLIONS = (1, 10, 50)
N_INPUTS, N_OUTPUTS = 16, 4
CHUNK = 1_000_000
INPUTS = [{"name": f"x{i}", "transform": "log10" if i % 2 else "none"} for i in range(N_INPUTS)]
OUTPUTS = [{"name": f"y{i}", "transform": "none"} for i in range(N_OUTPUTS)]
DATASET = {
    "inputs": INPUTS,
    "outputs": OUTPUTS,
    "group": None,
    "sample_weight": None,
    "sample_dimension": ["sample"],
    "max_dropped": 0.05,
    "constant_features": "refuse",
}
SPLIT = {"method": "random", "validation": 0.1, "test": 0.1, "variable": None, "n_blocks": 50}

COPY = """
import os
with open({source!r}, "rb") as source, open({target!r}, "wb") as target:
    while piece := source.read(1 << 24):
        target.write(piece)
    target.flush()
    os.fsync(target.fileno())
"""
PREPARE = """
import prepare
prepare.main(files=[{source!r}], dataset={dataset!r}, split={split!r}, seed=1,
    output_activation="sigmoid", manifest={manifest!r}, data_record={data_record!r}, version="")
"""
SUBSET = """
import subset
subset.main(manifest={manifest!r}, fraction=1.0, n_validation=10_000, batch_size=1024,
    output={output!r})
"""


def main() -> None:
    [start_up] = run("import prepare")
    print(
        f"start-up of a stage, included below: {start_up.seconds:.1f} s, "
        f"{children_seconds():.2f} processor seconds"
    )
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as folder:
        for millions in MILLIONS:
            measure(Path(folder), millions)


def measure(folder: Path, millions: int) -> None:
    """Print the times and the memory for a number of rows."""
    source, prepared = folder / "data.nc", folder / "prepare"
    manifest, output = prepared / "manifest.json", folder / "subset" / "manifest.json"
    write_data(source, millions)
    print(f"{millions} million rows, {source.stat().st_size / 1e9:.2f} GB", flush=True)
    copy = report("plain copy", millions, COPY.format(source=f"{source}", target=f"{folder}/copy"))
    values = {"dataset": DATASET, "split": SPLIT, "data_record": f"{folder}/data_files.json"}
    script = PREPARE.format(source=f"{source}", manifest=f"{manifest}", **values)
    report("prepare", millions, script, copy)
    training = prepared / "training_inputs.npy"
    (folder / "copy").unlink()
    script = COPY.format(source=f"{training}", target=f"{folder}/copy")
    # The training targets are a quarter of the inputs.
    copy = (1 + N_OUTPUTS / N_INPUTS) * report("plain copy of training inputs", millions, script)
    script = SUBSET.format(manifest=f"{manifest}", output=f"{output}")
    report("subset (fraction 1)", millions, script, copy)
    for path in [source, folder / "copy", *prepared.iterdir(), *output.parent.iterdir()]:
        path.unlink()


def write_data(path: Path, millions: int) -> None:
    """Write a NetCDF-4 file with float32 variables, uncompressed."""
    random = np.random.default_rng(1)
    with netCDF4.Dataset(path, "w") as data:
        data.createDimension("sample", millions * CHUNK)
        for entry in (*INPUTS, *OUTPUTS):
            variable = data.createVariable(entry["name"], "f4", ("sample",))
            for start in range(0, millions * CHUNK, CHUNK):
                numbers = random.random(CHUNK, dtype=np.float32)
                variable[start : start + CHUNK] = 1 - numbers  # never 0


def report(name: str, millions: int, script: str, copy: float | None = None) -> float:
    """Run a script in a process of its own; print what it took, and return its wall time."""
    before = children_seconds()
    [finished] = run(script)
    seconds = finished.seconds
    ratio = f", {seconds / copy:.2f} x the plain copy" if copy else ""
    print(
        f"  {name}: {seconds:.1f} s, {children_seconds() - before:.2f} processor seconds, "
        f"{millions * 1e6 / seconds:,.0f} rows/s{ratio}, "
        f"peak private memory {finished.private_gigabytes:.2f} GB",
        flush=True,
    )
    return seconds


if __name__ == "__main__":
    main()
