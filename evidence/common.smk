# The columns of the matrix, and what each of their jobs trains.
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

HERE = Path(workflow.current_basedir)
sys.path.insert(0, str(HERE))

from matrix.columns import Column, read_columns
from twostep.config.resolve import resolve_config
from twostep.training.network_file import plan_network
from twostep.training.objective import Objective

MATRIX = config.get("matrix")
if MATRIX not in config["matrices"]:
    raise WorkflowError(f"say which matrix: --config matrix={' or '.join(config['matrices'])}")
ENTRY = config["matrices"][MATRIX]
STUDY = yaml.safe_load((HERE / ENTRY["study"]).read_text(encoding="utf-8"))
RESULTS = f"results/{STUDY['study']}"
TABLES = f"evidence/matrices/{MATRIX}"
RESOLVED = resolve_config(STUDY)
# What networks are trained for, and which.
TASK = {
    "output_activation": RESOLVED["training"]["output_activation"],
    "objective": Objective.of(RESOLVED).to_dict(),
    "network": plan_network(RESOLVED["network"]["file"]),
    "study_seed": RESOLVED["seed"],
}
COLUMNS = {column.name: column for column in read_columns(ENTRY["columns"])}
# The part of a GPU that a job has.
GPU_PERCENT = 100 // config["jobs_per_gpu"] if config["gpu"] else 0
SEARCHES = {
    name: search
    for name, search in config["samplers"]["searches"].items()
    if search["matrix"] == MATRIX
}


def column_of(wildcards):
    return COLUMNS[wildcards.column]


def blocks_of(column):
    """The ranges of trials of a column's jobs."""
    n_trials, size = column.best or ENTRY["trials"], config["block_size"]
    return [(first, min(first + size, n_trials)) for first in range(0, n_trials, size)]


def block_files(wildcards):
    """The files with the trials of a column."""
    numbers = range(len(blocks_of(column_of(wildcards))))
    return expand(rules.train_block.output[0], block=numbers, **wildcards)


def reference_of(wildcards):
    """The table that tells which trials are the best, if a column holds only these."""
    if column_of(wildcards).best is None:
        return {}
    return {"reference": f"{TABLES}/{ENTRY['reference']}.csv.xz"}


def trials_of(wildcards):
    """The trials of a block: ids, or places in the order of the reference."""
    return blocks_of(column_of(wildcards))[int(wildcards.block)]


def search_of(wildcards):
    """What a comparison of samplers searches."""
    return SEARCHES[wildcards.search]


def step_of(wildcards, step):
    """How a comparison of samplers trains, as the column of a seed of its own."""
    search = search_of(wildcards)
    samples, epochs = search[step]
    return vars(Column(search["setting"], str(samples), epochs, int(wildcards.seed)))
