# What all rules share: the library, the resolved config, names of files, and the input functions
# that say which trials and shards a job needs.
import json
import sys
from contextlib import contextmanager
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path

from snakemake.exceptions import WorkflowError


def scripts_folder():
    """The folder of the scripts and the library on this machine.

    A hosted repository cannot be listed. Snakemake fetches each file that is asked for, into a folder
    of its own, where it stands beside the others as in the repository.
    """
    if isinstance(workflow.current_basedir, PathLike):
        return Path(workflow.current_basedir).parent / "scripts"
    files = Path(workflow.source_path("../files.txt"))
    if files.name != "files.txt":
        raise WorkflowError(
            "this workflow cannot be imported by `git+file:`, because Snakemake then changes names of "
            "its files: give `module` the path of the Snakefile in a clone"
        )
    for name in files.read_text(encoding="utf-8").split():
        workflow.source_path(f"../{name}")
    return files.parent / "scripts"


SCRIPTS = str(scripts_folder())

# The library is imported from its folder and need not be installed.
if SCRIPTS not in sys.path:
    sys.path.insert(0, SCRIPTS)

from twostep.config.config_files import check_no_repeats, check_no_template
from twostep.config.preflight import check_data, check_writable, list_files
from twostep.config.resolve import resolve_config
from twostep.data import file_versions
from twostep.data.sizes import fraction_name
from twostep.report.entries import figure_entries, page_entries
from twostep.training.network_file import plan_network
from twostep.training.objective import Objective
from twostep.trials.pilots import count_pilot_trials, list_pilots, pilot_shards
from twostep.trials.rounds import count_finalists, round_sizes
from twostep.trials.rungs import count_shards, rankings_of_step_2, rung_names
from twostep.trials.samplers import QMC, TPE, generation_of, known_trials, shard_ranges
from twostep.trials.space import count_configurations, largest_batch
from twostep.util.errors import UserError, describe_system_error
from twostep.util.files import read_json
from twostep.util.fingerprint import LIBRARY, hash_file, hash_script, hash_values
from twostep.util.origin import NAME, config_of_results
from twostep.util.own_copy import prefer_own_copy

# A process has one copy of the library, of which the rules of another one would know nothing.
if not LIBRARY.parent.samefile(SCRIPTS):
    raise WorkflowError(
        f"this workflow is imported from {LIBRARY.parents[2]} and from {Path(SCRIPTS).parents[1]}: "
        "give both modules the same path or tag, or run one after the other"
    )

prefer_own_copy()


def stop(sentence):
    """End the run with a sentence: a WorkflowError would put the place in this file around it."""
    raise SystemExit(f"Error: {sentence}") from None


# A mistake of the user's becomes one sentence before any job starts.
try:
    check_no_template(workflow.overwrite_configfiles)
    # Before the values are checked, of which some may be lost. Jobs that this run starts need not
    # read the files once more.
    if workflow.is_main_process:
        check_no_repeats(workflow.configfiles)
    config = resolve_config(config)
    RESULTS = f"results/{config['study']}"
    DATA_FILES = list_files(config["dataset"]["files"])
    NETWORK = plan_network(config["network"]["file"])
    # The jobs that this run starts need not look at the files' headers again.
    if workflow.is_main_process:
        check_writable(RESULTS)
        check_data(config, DATA_FILES, memory=f"{RESULTS}/journal/data_headers.json")
except UserError as error:
    stop(error)

if workflow.modifier.path_modifier.replace_prefix(RESULTS) != RESULTS:
    raise WorkflowError(
        "this workflow keeps results in results/<study>/ and cannot be imported with `prefix` or "
        "`replace_prefix`: take it out, and give each study a name of its own"
    )

FRACTIONS = {fraction_name(value): value for value in config["search"]["fractions"]}
# The rungs by their number, from 1 on, and what the subsets are needed for.
RUNGS = {str(i): rung for i, rung in enumerate(config["search"]["rungs"], start=1)}
SUBSETS = FRACTIONS | {fraction_name(rung["fraction"]): rung["fraction"] for rung in RUNGS.values()}
# The pilots of `snakemake advise` by their number, which only that target trains.
PILOTS = {
    str(i): pilot
    for i, pilot in enumerate(list_pilots(config["search"], config["advise"]), start=1)
}
PILOT_SUBSETS = {fraction_name(pilot["fraction"]): pilot["fraction"] for pilot in PILOTS.values()}
N_PILOT = count_pilot_trials(config["search"], config["advise"])
REPETITIONS = range(config["retrain"]["seeds"])
SAMPLER = config["search"]["sampler"]
# What is prepared of each split.
ARRAYS = ["inputs", "targets", *(["weights"] if config["dataset"]["sample_weight"] else [])]
FIGURES = figure_entries(
    list(FRACTIONS),
    rungs=rung_names(config["search"]),
    loss=config["training"]["loss"],
    own_networks=NETWORK is not None,
)
PAGES = page_entries(list(FRACTIONS), rungs=rung_names(config["search"]))
# What the study was last prepared from: beside the results, as Snakemake must not delete it.
DATA_RECORD = f"{RESULTS}/journal/data_files.json"
# One model file of step 2 and all that is told of it; `seed` is the number of the repetition.
MODEL_NAME = "trial_{trial}_seed_{repetition}"


def versions(*names):
    """The versions of libraries that decide results."""
    try:
        return ", ".join(f"{name} {version(name)}" for name in names)
    except PackageNotFoundError:
        # Only the jobs have them (--sdm conda), whose environment Snakemake watches itself.
        return ""


# Another version trains everything again: its results must not mix with those of the old one.
LIBRARIES = versions("torch", "numpy")


wildcard_constraints:
    fraction=r"[0-9.]+",
    size=r"\d+",
    rung=r"[1-9]\d*",
    pilot=r"[1-9]\d*",
    shard=r"\d+",
    generation=r"\d+",
    part=r"\d+",
    trial=r"\d+",
    repetition=r"\d+",
    finalists=r"\d+",


@contextmanager
def one_sentence():
    """For functions that Snakemake calls: end the run with a sentence about a file or a disk.

    To any other error in an input function Snakemake would add a traceback.
    """
    try:
        yield
    except UserError as error:
        stop(error)
    except OSError as error:
        stop(describe_system_error(error))


# Params


def to_json(section):
    """Sorted JSON: a mapping in params would trigger when only its order of keys changes."""
    return json.dumps(section, sort_keys=True)


def json_param(section):
    """A param that is JSON; a function, as Snakemake looks for wildcards in mere text."""
    return lambda wildcards: to_json(section)


# What all trials minimise; empty for the plain mean squared error.
OBJECTIVE = json_param(Objective.of(config).to_dict())


# What only some samplers need: a param that is not there changes no result of the others.
ENQUEUE = json_param(config["search"]["enqueue"])
DRAW_PARAMS = {
    **({"enqueue": ENQUEUE} if config["search"]["enqueue"] else {}),
    **({"sampler": QMC, "sobol": versions("scipy", "numpy")} if SAMPLER == QMC else {}),
}
# For rules whose configurations come from other lists with generations than without.
LIST_PARAMS = {"generation_size": config["search"]["generation_size"]} if SAMPLER == TPE else {}


# The file of networks of the user's own and what decides its results, which an edit changes and a
# comment does not; null for fully connected networks.
NETWORK_PARAM = json_param(NETWORK)


@cache
def code(rule):
    """The hash of a rule's script and of the library modules that it uses, unseen by Snakemake."""
    return hash_script(f"{SCRIPTS}/{rule}.py")


@cache
def data_version():
    """The version of the user's files, which changes with their content and not with a touch."""
    with one_sentence():
        version, changed = file_versions.data_version(
            DATA_RECORD, DATA_FILES, is_prepared=Path(f"{RESULTS}/prepare/{NAME}").exists()
        )
    if changed and workflow.is_main_process:
        logger.warning(
            f"The data of study {config['study']} have changed since it was prepared "
            f"({', '.join(changed[:3])}{', ...' if changed[3:] else ''}): what depends on them is "
            "done again."
        )
    return version


# Parts and shards


def blocks(n, size):
    """Ranges of at most `size` that cover 0 ... n - 1."""
    return [(first, min(first + size, n)) for first in range(0, n, size)]


PARTS = blocks(config["generate"]["n_samples"], config["generate"]["samples_per_file"])
# None has trials of two generations.
SHARDS = shard_ranges(config["search"])
PILOT_SHARDS = pilot_shards(config["search"], config["advise"])


def block(wildcards, *, name, n, size):
    """The range of the block whose number is in the wildcard `name`."""
    return blocks(n, size)[int(getattr(wildcards, name))]


# Trials


def check_trial(wildcards):
    """A trial that the study does not have cannot be asked for."""
    n_trials = config["search"]["n_trials"]
    if int(wildcards.trial) >= n_trials:
        stop(f"there is no trial {wildcards.trial}: search.n_trials is {n_trials}")


def list_of_trials(n_trials):
    """The list that holds the configurations of the trials 0 ... n_trials - 1.

    With generations, these are several files.
    """
    if SAMPLER == TPE:
        last = generation_of(config["search"], n_trials - 1)
        return expand(rules.generation.output[0], generation=range(last + 1))
    size = 1000
    while size < n_trials:
        size *= 10
    return rules.draw.output[0].format(size=size)


def list_of_shard(wildcards):
    """The list that holds the configurations of a shard."""
    return list_with_trial(SHARDS[int(wildcards.shard)][1] - 1)


def list_of_trial(wildcards):
    """The list that holds the configuration of a trial."""
    check_trial(wildcards)
    return list_with_trial(int(wildcards.trial))


def list_with_trial(trial):
    """The file with the configuration of a trial."""
    if SAMPLER == TPE:
        generation = generation_of(config["search"], trial)
        return rules.generation.output[0].format(generation=generation)
    return list_of_trials(trial + 1)


def known_list(wildcards):
    """The configurations that are known before any trial: with generations, those of the first."""
    return list_with_trial(0) if SAMPLER == TPE else list_of_trials(config["search"]["n_trials"])


def records_before(wildcards):
    """The records of all trials before a generation."""
    first = int(wildcards.generation) * config["search"]["generation_size"]
    if first >= config["search"]["n_trials"]:
        stop(
            f"there is no generation {wildcards.generation}: search.n_trials is "
            f"{config['search']['n_trials']}"
        )
    shards = [i for i, (_, stop) in enumerate(SHARDS) if stop <= first]
    return expand(rules.search_shard.output.records, fraction=list(FRACTIONS)[:1], shard=shards)


def record_files(wildcards):
    """The shard that holds the record of a trial of the search, as a list."""
    check_trial(wildcards)
    trial = int(wildcards.trial)
    [shard] = [i for i, (first, stop) in enumerate(SHARDS) if first <= trial < stop]
    return [rules.search_shard.output.records.format(fraction=wildcards.fraction, shard=shard)]


# Rungs


def rung_of(wildcards):
    """The rung with the number in the wildcard."""
    try:
        return RUNGS[wildcards.rung]
    except KeyError:
        stop(f"there is no rung {wildcards.rung}: search.rungs has {len(RUNGS)} entries")


def subset_of_rung(wildcards):
    """The manifest of the data that a rung is trained on."""
    fraction = fraction_name(rung_of(wildcards)["fraction"])
    return rules.subset.output.manifest.format(fraction=fraction)


def shards_of_rung(rung):
    """The numbers of the shards of a rung: known from the config, so that no job waits for it."""
    return range(count_shards(config["search"], config["retrain"], int(rung)))


def files_of_rung(wildcards, *, pattern):
    """One kind of file of all shards of a rung."""
    return expand(pattern, rung=wildcards.rung, shard=shards_of_rung(wildcards.rung))


def ranking_before(wildcards):
    """The table that the cut before a rung goes through: that of the search or the rung before."""
    before = int(wildcards.rung) - 1
    if before:
        return rules.rank_rung.output.trials.format(rung=before)
    return rules.rank.output.trials.format(fraction=next(iter(FRACTIONS)))


# Pilots


def pilot_of(wildcards):
    """The pilot with the number in the wildcard."""
    try:
        return PILOTS[wildcards.pilot]
    except KeyError:
        stop(f"there is no pilot {wildcards.pilot}: advise.pilots has {len(PILOTS)} entries")


def trials_of_pilot(wildcards):
    """The range of the trials of a shard of a pilot."""
    return PILOT_SHARDS[int(wildcards.shard)]


def files_of_pilots(pattern):
    """One kind of file of all shards of all pilots."""
    return [
        pattern.format(pilot=name, fraction=fraction_name(pilot["fraction"]), shard=shard)
        for name, pilot in PILOTS.items()
        for shard in range(len(PILOT_SHARDS))
    ]


# Finalists and controls


def tables_of_step_2():
    """The tables that step 2 chooses from, once they are there."""
    if RUNGS:
        return [checkpoints.rank_rung.get(rung=len(RUNGS)).output.trials]
    return [checkpoints.rank.get(fraction=fraction).output.trials for fraction in FRACTIONS]


def trials_of_step_2(n_finalists=None):
    """The trials to retrain: the best of each fraction and the controls, by id.

    All finalists that there are, or those of a round.
    """
    paths = tables_of_step_2()
    rankings = tuple((path, Path(path).stat().st_mtime_ns) for path in paths)
    if n_finalists is None:
        n_finalists = count_finalists(rounds_so_far(), config["retrain"]["top_k"])
    return read_trials_of_step_2(rankings, n_finalists)


@cache
def read_trials_of_step_2(rankings, n_finalists):
    """The same from tables at these times: many rules ask, and each table is read but once."""
    # Imported here, since pandas is slow to load and jobs need not wait for it.
    from twostep.trials.ranking import trials_to_retrain
    from twostep.util.tables import read_ranking

    with one_sentence():
        n_trials = None if RUNGS else config["search"]["n_trials"]
        tables = [read_ranking(path, n_trials) for path, _ in rankings]
    retrain = config["retrain"] | {"top_k": n_finalists}
    return trials_to_retrain(tables, retrain, seed=config["seed"])


def rounds_so_far():
    """The verdicts on the rounds of retraining, up to the first that is enough."""
    # The last round needs none: there are no more finalists.
    for finalists in round_sizes(config["retrain"])[:-1]:
        with one_sentence():
            verdict = read_json(checkpoints.judge_round.get(finalists=finalists).output[0])
        yield verdict
        if verdict["enough"]:
            return


def round_files(wildcards):
    """The files of these verdicts; none without `retrain.until`."""
    names = [verdict["finalists"] for verdict in rounds_so_far()]
    return expand(f"{RESULTS}/rounds/{{finalists}}.json", finalists=names)


def files_of_step_2(wildcards, *, pattern):
    """One kind of file of all retrained models."""
    return expand(pattern, trial=trials_of_step_2(), repetition=REPETITIONS)


# Exported models


def export_files(folder):
    """The files of one exported model."""
    names = dict(
        onnx="model.onnx",
        pt2="model.pt2",
        torchscript="model.pt",
        # Of fully connected networks alone.
        **({} if NETWORK else {"text": "model.txt"}),
        reference="reference.csv",
        card="model_card.md",
    )
    return {key: f"{RESULTS}/export/{folder}/{name}" for key, name in names.items()}


def files_of_portfolio(wildcards, *, keys):
    """Some of the exported files of each model of the portfolio, in the order of its table."""
    # Until the last cut is known, an earlier table must not ask for models.
    retrained = {(trial, seed) for trial in trials_of_step_2() for seed in REPETITIONS}
    path = checkpoints.choose_portfolio.get().output[0]

    # Imported here, since pandas is slow to load and jobs need not wait for it.
    from twostep.util.tables import read_table

    with one_sentence():
        table = read_table(path)
    files = export_files(MODEL_NAME)
    return [
        files[key].format(trial=trial, repetition=seed)
        for trial, seed in zip(table["trial"], table["seed"])
        # An earlier table may name others, which nobody asks for any more.
        if (trial, seed) in retrained
        for key in keys
    ]
