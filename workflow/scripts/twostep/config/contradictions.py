"""Values of a config that the schema allows, and that cannot both be meant."""

import math
from collections.abc import Iterator

from twostep.config.data_contradictions import (
    contradictions_in_data,
    contradictions_in_split,
    contradictions_with_classes,
)
from twostep.config.enqueued import contradictions_in_sampler
from twostep.config.schema import load_schema
from twostep.config.sentences import describe_given, list_keys
from twostep.parcel.header import DIMENSIONS
from twostep.trials.constraints import make_constraints, why_impossible
from twostep.trials.hyperparameters import KEY
from twostep.trials.networks import smallest_network
from twostep.trials.rounds import FEWEST_CONTROLS, FEWEST_FINALISTS, round_sizes
from twostep.trials.rungs import count_controls, count_shards
from twostep.trials.samplers import is_adaptive, shard_ranges
from twostep.trials.settings import USED_WITH, is_used, schedules
from twostep.trials.space import count_configurations

# Snakemake plans 2,000 jobs in 10 seconds and 10,000 in a minute, and far more of them never.
MAX_JOBS = 20_000
STEPS = ("search", "retrain")
PATIENCE = ("patience_epochs", "patience_updates")


def find_contradictions(config: dict) -> Iterator[str]:
    """Yield a sentence for each pair of values that cannot both be meant."""
    yield from contradictions_in_data(config)
    yield from _contradictions_in_training(config["training"])
    yield from _contradictions_in_precision(config)
    if config["training"]["loss"] == "cross_entropy":
        yield from contradictions_with_classes(config["dataset"])
    modes = config["generate"]["modes"]
    if "single" in modes and len(modes) > 1:
        yield "generate.modes must not combine 'single', which stands for one mode, with others"
    yield from contradictions_in_split(config["split"])
    for section, budget in _budgets(config):
        if budget["max_epochs"] is None and budget["max_updates"] is None:
            yield (f"{section} must limit max_epochs, max_updates or both, and has null for both")
        yield from _contradictions_with_schedules(section, budget, config["search"]["space"])
    yield from _contradictions_in_space(config["search"]["space"])
    yield from _contradictions_in_constraints(config)
    defaults = dict(list_keys(load_schema()))
    yield from contradictions_in_sampler(
        config["search"], defaults["search.generation_size"]["default"]
    )
    yield from _contradictions_in_jobs(config)
    n_trials, top_k = config["search"]["n_trials"], config["retrain"]["top_k"]
    n_distinct = count_configurations(config["search"]["space"])
    if n_trials > n_distinct:
        yield (
            f"search.n_trials is {n_trials}, but search.space has only {n_distinct} different "
            "configurations: take fewer trials or a larger space"
        )
    yield from _contradictions_in_rounds(config["retrain"])
    if top_k > n_trials:
        yield (
            f"retrain.top_k is {top_k}, but search.n_trials is only {n_trials}: no more trials can "
            "be retrained than there are"
        )
    yield from _contradictions_in_rungs(config["search"], top_k)
    if len(config["advise"]["pilots"]) == 1:
        yield (
            "advise.pilots has a single entry, but losses on two sizes of data are needed to tell "
            "how they agree: add an entry with another fraction, or take it out"
        )


def allowed_activations(loss: str) -> tuple[str, ...]:
    """Return the output activations that a loss may have, the default first."""
    return {
        "cross_entropy": ("softmax",),
        "binary_cross_entropy": ("sigmoid",),
    }.get(loss, ("sigmoid", "linear"))


def _budgets(config: dict) -> Iterator[tuple[str, dict]]:
    """Yield each budget of the config with the path of its section."""
    for step in STEPS:
        yield f"{step}.budget", config[step]["budget"]
    for i, rung in enumerate(config["search"]["rungs"]):
        yield f"search.rungs, entry {i + 1}, budget", rung["budget"]
    for i, pilot in enumerate(config["advise"]["pilots"]):
        yield f"advise.pilots, entry {i + 1}, budget", pilot["budget"]


def _contradictions_in_rungs(search: dict, top_k: int) -> Iterator[str]:
    """Yield why the rungs do not lead from the search to the retraining of `top_k` trials."""
    rungs = search["rungs"]
    if rungs and len(search["fractions"]) > 1:
        yield (
            f"search.fractions has {len(search['fractions'])} entries, but search.rungs needs a "
            "single one to start from: take the others out, or the rungs"
        )
    before, n_before = "search.n_trials", search["n_trials"]
    for i, rung in enumerate(rungs):
        key = f"search.rungs, entry {i + 1}, top_k"
        if rung["top_k"] >= n_before:
            yield (
                f"{key} is {rung['top_k']}, but it must be less than {before}, which is "
                f"{n_before}: make it smaller"
            )
        before, n_before = f"that of entry {i + 1}", rung["top_k"]
    yield from _contradictions_in_levels(search)
    if rungs and top_k >= n_before:
        yield (
            f"retrain.top_k is {top_k}, but it must be less than top_k of the last entry of "
            f"search.rungs, which is {n_before}: make it smaller"
        )


def _contradictions_in_levels(search: dict) -> Iterator[str]:
    """Yield why a rung trains on no more than the search or the rung before it."""
    before, fraction, budget = "search.fractions", search["fractions"][0], search["budget"]
    for i, rung in enumerate(search["rungs"]):
        key = f"search.rungs, entry {i + 1}"
        if rung["fraction"] < fraction:
            yield (
                f"{key}, fraction is {rung['fraction']:g}, but it must be at least that of "
                f"{before}, which is {fraction:g}: make it larger"
            )
        elif rung["fraction"] == fraction and not _is_larger(rung["budget"], budget):
            yield (
                f"{key} has neither a larger fraction nor a larger budget than {before}: raise "
                "its fraction or its max_epochs"
            )
        before, fraction, budget = f"entry {i + 1}", rung["fraction"], rung["budget"]


def _is_larger(budget: dict, than: dict) -> bool:
    """Return whether a limit of a budget is larger; null is no limit."""

    def limits(budget: dict) -> list[float]:
        return [math.inf if budget[name] is None else budget[name] for name in than]

    return any(a > b for a, b in zip(limits(budget), limits(than), strict=True))


def _contradictions_in_rounds(retrain: dict) -> Iterator[str]:
    """Yield why no round could ever be the last one."""
    if retrain["until"]["probability"] is None:
        return
    if retrain["controls"] < FEWEST_CONTROLS:
        yield (
            f"retrain.controls is {retrain['controls']}, but retrain.until needs at least "
            f"{FEWEST_CONTROLS} controls: set it to 12 or more"
        )
    most = max(round_sizes(retrain)[:-1], default=0)
    if most < FEWEST_FINALISTS:
        yield (
            f"retrain.until can end nothing before retrain.top_k, which is {retrain['top_k']}, "
            f"because a round before it needs at least {FEWEST_FINALISTS} finalists: set "
            f"retrain.until.round_size to {FEWEST_FINALISTS} or more, and top_k above it"
        )


def _contradictions_in_training(training: dict) -> Iterator[str]:
    loss, activation = training["loss"], training["output_activation"]
    allowed = allowed_activations(loss)
    if activation not in allowed:
        yield (
            f"training.output_activation is {activation}, but training.loss = {loss} needs "
            f"{' or '.join(allowed)}: take one of them out, or change it"
        )
    defaults = dict(list_keys(load_schema()))
    if loss != "huber" and training["huber_delta"] != defaults["training.huber_delta"]["default"]:
        yield (
            f"training.huber_delta has no effect, because training.loss is {loss}: take it out, or "
            "set training.loss to huber"
        )


def _contradictions_in_precision(config: dict) -> Iterator[str]:
    """Yield a sentence for each thing that is not trained in another precision than float32."""
    precision = config["search"]["precision"]
    if precision == "float32":
        return
    if config["training"]["gpu"]:
        yield (
            f"search.precision is {precision}, but training.gpu is 1, and GPUs train in float32 "
            "alone: take one of them out"
        )
    if config["network"]["file"] is not None:
        yield (
            f"search.precision is {precision}, but network.file is "
            f"{describe_given(config['network']['file'])}, and networks of your own train in "
            "float32 alone: take search.precision out"
        )


def _contradictions_in_space(space: dict) -> Iterator[str]:
    own = {f"{KEY}.{name}": values for name, values in space.get(KEY, {}).items()}
    for key, values in {**space, **own}.items():
        if key == KEY:
            continue
        if isinstance(values, dict) and values["min"] > values["max"]:
            yield (
                f"search.space.{key}: min ({values['min']:g}) must not be larger than max "
                f"({values['max']:g})"
            )
        elif isinstance(values, dict) and values.get("log") and values["min"] <= 0:
            yield (
                f"search.space.{key}: min is {values['min']:g}, and has no logarithm: take a min "
                "above 0, or log: false"
            )
    defaults = dict(list_keys(load_schema()))
    for key, (other, needed) in USED_WITH.items():
        if space[key] != defaults[f"search.space.{key}"]["default"] and not is_used(key, space):
            names = " or ".join(needed)
            yield (
                f"search.space.{key} has no effect, because search.space.{other} does not have "
                f"{names}: take it out, or add {names}"
            )


def _contradictions_in_constraints(config: dict) -> Iterator[str]:
    """Yield a sentence if no network of the space can be allowed, whatever the data are like.

    Sizes of networks of the user's own are known once these are drawn.
    """
    if KEY in config["search"]["space"]:
        return
    n_inputs, n_outputs = _least_features(config)
    constraints = make_constraints(
        config["search"]["constraints"], n_inputs=n_inputs, n_outputs=n_outputs
    )
    if constraints:
        impossible = why_impossible(smallest_network(config["search"]["space"]), constraints)
        if impossible:
            yield impossible


def _least_features(config: dict) -> tuple[int, int]:
    """Return how many inputs and outputs there are, at least: files may have several of each."""
    dataset, n_modes = config["dataset"], len(config["generate"]["modes"])
    if dataset["constant_features"] == "drop":
        return 1, 1
    n_inputs, n_outputs = (
        sum(
            n_modes if dataset["files"] is None and "mode" in DIMENSIONS[entry["name"]] else 1
            for entry in dataset[role]
        )
        for role in ("inputs", "outputs")
    )
    return n_inputs, n_outputs


def _contradictions_with_schedules(section: str, budget: dict, space: dict) -> Iterator[str]:
    """Yield a sentence for each patience of a budget where the learning rate has a schedule."""
    for limit in PATIENCE:
        if schedules(space) and budget[limit] is not None:
            yield (
                f"{_key_in(section, limit)} is {budget[limit]}, but search.space."
                f"learning_rate_schedule has {schedules(space)[0]}, which needs the whole budget "
                "without patience: take one of them out"
            )


def _key_in(section: str, key: str) -> str:
    return f"{section}{', ' if ', entry' in section else '.'}{key}"


def _contradictions_in_jobs(config: dict) -> Iterator[str]:
    """Yield a sentence for each stage of more jobs than Snakemake can plan."""
    generate, search, retrain = config["generate"], config["search"], config["retrain"]
    n_fractions = len(search["fractions"])
    n_shards = n_fractions * len(shard_ranges(search))
    n_shards += sum(count_shards(search, retrain, i + 1) for i in range(len(search["rungs"])))
    n_controls = count_controls(search, retrain, len(search["rungs"]) + 1)
    stages = (
        (
            n_shards,
            "search.shard_size" + (" and search.generation_size" if is_adaptive(search) else ""),
            "take a larger one",
        ),
        (
            (n_fractions * retrain["top_k"] + n_controls) * retrain["seeds"],
            "retrain.top_k, retrain.controls, retrain.seeds and search.fractions",
            "take fewer of them",
        ),
        (
            -(-generate["n_samples"] // generate["samples_per_file"]),
            "generate.samples_per_file",
            "take a larger number",
        ),
    )
    for n_jobs, keys, advice in stages:
        if n_jobs > MAX_JOBS:
            yield (
                f"{keys} would make {n_jobs:,} jobs, and Snakemake cannot plan more than "
                f"{MAX_JOBS:,} in a stage: {advice}"
            )
