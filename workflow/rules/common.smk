import json
import sys
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from snakemake.exceptions import WorkflowError

# Prepended once: the library is imported from its folder and not installed.
try:
    SCRIPTS = Path(workflow.current_basedir).parent / "scripts"
except TypeError:
    raise WorkflowError(
        "this workflow can be imported from a local path only, as its rules share a library: clone "
        "the repository, and give the path of its Snakefile to `module`"
    ) from None
if str(SCRIPTS) not in sys.path:
    sys.path.insert(0, str(SCRIPTS))

from twostep import fingerprint, resources as needs, sources
from twostep.config import fraction_name, resolve_config
from twostep.configurations import draw_configurations
from twostep.errors import UserError
from twostep.figure_names import figure_entries
from twostep.preflight import check_data, check_no_template, check_writable, list_files
from twostep.report_entries import page_entries

try:
    check_no_template(workflow.overwrite_configfiles)
    config = resolve_config(config)
    RESULTS = f"results/{config['study']}"
    DATA_FILES = list_files(config["dataset"]["files"])
    # The jobs that this run starts need not look at the files' headers again.
    if workflow.is_main_process:
        check_writable(RESULTS)
        check_data(config, DATA_FILES)
except UserError as error:
    raise WorkflowError(str(error)) from None

FRACTIONS = {fraction_name(value): value for value in config["search"]["fractions"]}
SEEDS = range(config["retrain"]["seeds"])
FIGURES = figure_entries(list(FRACTIONS))
PAGES = page_entries(list(FRACTIONS))


# No job asks for more time than a day, which is what many clusters grant: one that is not done by
# then goes on in its next attempt from where it was.
MOST_MINUTES = 1440


# What the jobs of one machine may use together, which profiles/default limits to what it has. On a
# cluster each job has a machine, or a share of one, for itself: there mem_mb and gpu are requests.
resource_scopes:
    machine_mb="local",
    machine_gpu="local",


wildcard_constraints:
    fraction=r"[0-9.]+",
    size=r"\d+",
    shard=r"\d+",
    part=r"\d+",
    trial=r"\d+",
    seed=r"\d+",


def to_json(section):
    """Sorted JSON: a mapping in params would trigger when only its order of keys changes."""
    return json.dumps(section, sort_keys=True)


def as_text(section):
    """A param that is JSON; a function, as Snakemake looks for wildcards in mere text."""
    return lambda wildcards: to_json(section)


def code(rule):
    """The hash of the library modules that a rule's script uses, which Snakemake does not see."""
    return fingerprint.hash_code(SCRIPTS / f"{rule}.py")


try:
    # Another version trains everything again: its results must not mix with those of the old one.
    LIBRARIES = f"torch {version('torch')}, numpy {version('numpy')}"
except PackageNotFoundError:
    # Only the jobs have them (--sdm conda), whose environment Snakemake watches itself.
    LIBRARIES = ""

# The rules that made what a study's provenance describes.
STAGES = (
    "generate",
    "prepare",
    "subset",
    "draw",
    "search_shard",
    "rank",
    "retrain_trial",
    "evaluate",
    "baseline",
    "select_model",
    "export",
    "measure_inference",
    "predict",
    "figures",
    "summarise",
)


def used_config():
    """The config without the section that has no influence where the user has data."""
    return {key: value for key, value in config.items() if key != "generate" or not DATA_FILES}


# What the study was last prepared from: beside the results, as Snakemake must not delete it.
SOURCES = f"{RESULTS}/journal/sources.json"


@cache
def data_version():
    """The version of the user's files, which changes with their content and not with a touch."""
    try:
        version, changed = sources.data_version(SOURCES, DATA_FILES)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    if changed and workflow.is_main_process:
        logger.warning(
            f"The data of study {config['study']} have changed since it was prepared "
            f"({', '.join(changed[:3])}{', ...' if changed[3:] else ''}): what depends on them is "
            "done again."
        )
    return version


def blocks(n, size):
    """Ranges of at most `size` that cover 0 ... n - 1."""
    return [(first, min(first + size, n)) for first in range(0, n, size)]


def block(wildcards, *, name, n, size):
    """The range of the block whose number is in the wildcard `name`."""
    return blocks(n, size)[int(wildcards[name])]


@cache
def configurations():
    """The configurations of all trials of the study."""
    search = config["search"]
    return draw_configurations(search["space"], range(search["n_trials"]), seed=config["seed"])


def list_of_shard(wildcards):
    """The list that holds the configurations of a shard."""
    size, last = 1000, SHARDS[int(wildcards.shard)][1]
    while size < last:
        size *= 10
    return rules.draw.output[0].format(size=size)


def check_trial(wildcards):
    """A trial that the study does not have cannot be asked for."""
    n_trials = config["search"]["n_trials"]
    if int(wildcards.trial) >= n_trials:
        raise WorkflowError(f"there is no trial {wildcards.trial}: search.n_trials is {n_trials}")


def configuration_text(wildcards):
    """The configuration of one trial, which is what its retraining depends on."""
    check_trial(wildcards)
    return to_json(configurations()[int(wildcards.trial)].to_dict())


def selected_trials():
    """The trials to retrain: the top_k of each fraction and the controls, by id."""
    paths = [checkpoints.rank.get(fraction=fraction).output.trials for fraction in FRACTIONS]
    return read_selected(tuple((path, Path(path).stat().st_mtime_ns) for path in paths))


@cache
def read_selected(rankings):
    """The same from tables at these times: many rules ask, and each table is read but once."""
    # Imported here, since pandas is slow to load and jobs need not wait for it.
    from twostep.ranking import trials_to_retrain
    from twostep.tables import read_ranking

    try:
        tables = [read_ranking(path, config["search"]["n_trials"]) for path, _ in rankings]
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return trials_to_retrain(tables, config["retrain"], seed=config["seed"])


def record_file(wildcards):
    """The shard that holds the record of a trial."""
    check_trial(wildcards)
    shard = int(wildcards.trial) // config["search"]["shard_size"]
    return rules.search_shard.output.records.format(fraction=wildcards.fraction, shard=shard)


def retrained(wildcards, *, pattern):
    """The files of all retrained models."""
    return expand(pattern, trial=selected_trials(), seed=SEEDS)


def generate_mb(wildcards, attempt):
    """Memory of a part of the embedded data: up to 1 kB a sample."""
    return attempt * (needs.BASE_MB + config["generate"]["samples_per_file"] // 1000)


def generate_minutes(wildcards, attempt):
    """Time of a part, at a fifth of the usual speed."""
    minutes = 30 + config["generate"]["samples_per_file"] // 40_000
    return min(MOST_MINUTES, attempt * minutes)


def draw_mb(wildcards, attempt):
    """Memory of drawing the list: a trial takes between 1 and 2 kB."""
    return attempt * (needs.BASE_MB + int(wildcards.size) // 500)


def search_mb(wildcards, input, attempt):
    """Memory of a shard: its data and the largest network that it may train."""
    largest = needs.largest_configuration(config["search"]["space"])
    return attempt * needs.training_mb(input.manifest, largest)


def forecast_mb(wildcards, input, attempt):
    """Memory of timing the largest network, too."""
    largest = needs.largest_configuration(config["search"]["space"])
    return attempt * needs.training_mb(input.subsets[0], largest)


def search_minutes(wildcards, input, attempt):
    """Time of a shard: a shard of average networks."""
    search = config["search"]
    middle = needs.middle_configuration(search["space"])
    minutes = needs.training_minutes(input.manifest, middle, search["budget"], search["shard_size"])
    return min(MOST_MINUTES, attempt * minutes)


def retrain_mb(wildcards, input, attempt):
    """Memory of retraining one trial."""
    configuration = configurations()[int(wildcards.trial)]
    return attempt * needs.training_mb(input.manifest, configuration, checkpoints=True)


def retrain_minutes(wildcards, input, attempt):
    """Time of retraining one trial."""
    configuration = configurations()[int(wildcards.trial)]
    minutes = needs.training_minutes(input.manifest, configuration, config["retrain"]["budget"])
    return min(MOST_MINUTES, attempt * minutes)


def evaluate_minutes(wildcards, input, attempt):
    """Time of predicting the validation and the test split with one model."""
    return min(MOST_MINUTES, attempt * needs.evaluation_minutes(input.manifest, input.record))


def models_mb(wildcards, input, attempt, *, copies):
    """Memory of a job that holds some copies of the largest of its models, one at a time."""
    # There are none among what stands for the files that are not known yet.
    models = [Path(path) for path in input if path.endswith(".pt")]
    largest = max((model.stat().st_size for model in models), default=0)
    return attempt * int(needs.BASE_MB + 1e-6 * copies * largest)


def file_mb(wildcards, input, attempt, *, copies):
    """Memory of a job that holds some copies of the content of its input files."""
    return attempt * int(needs.BASE_MB + copies * input.size_mb)


def trials_mb(wildcards, attempt, *, base):
    """Memory of a job that looks at all trials: up to 10 kB for each, in figures."""
    n_trials = config["search"]["n_trials"] * len(FRACTIONS)
    return attempt * (base + n_trials // 100)


def export_files(folder):
    """The files of one exported model."""
    names = dict(
        onnx="model.onnx",
        torchscript="model.pt",
        text="model.txt",
        reference="reference.csv",
        card="model_card.md",
    )
    return {key: f"{RESULTS}/export/{folder}/{name}" for key, name in names.items()}
