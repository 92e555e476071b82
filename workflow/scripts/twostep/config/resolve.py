"""The config of a study: its defaults and its checks, in words that its author understands.

Imported whenever the Snakefile is read, hence without the numerical libraries.
"""

import datetime
import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import yaml
from jsonschema import Draft202012Validator, TypeChecker, ValidationError
from jsonschema.validators import extend

from twostep.config.enqueued import contradictions_in_sampler
from twostep.config.own_networks import contradictions_in_networks, settle_networks
from twostep.config.sentences import (
    Foreign,
    describe_error,
    describe_given,
    list_keys,
    list_types,
)
from twostep.parcel.header import DIMENSIONS
from twostep.trials.constraints import make_constraints, why_impossible
from twostep.trials.hyperparameters import KEY
from twostep.trials.networks import smallest_network
from twostep.trials.rounds import FEWEST_CONTROLS
from twostep.trials.rungs import count_controls, count_shards
from twostep.trials.samplers import is_adaptive, shard_ranges
from twostep.trials.settings import USED_WITH, is_used, schedules
from twostep.trials.space import count_configurations
from twostep.util.errors import UserError
from twostep.util.text import suggest

if TYPE_CHECKING:
    # What `extend` returns; there is no such class when the program runs.
    from jsonschema.validators import _Validator

SCHEMA = Path(__file__).parents[3] / "schemas" / "config.schema.yaml"
# The dimension of the embedded data set along which its samples lie.
GENERATED_DIMENSION = "sample"
# YAML 1.1, which Snakemake reads, takes 1e-5 for text because it lacks a decimal point.
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# Longer text spells no number that anyone means, and Python refuses to read very long ones.
MAX_DIGITS = 400
# Snakemake plans 2,000 jobs in 10 seconds and 10,000 in a minute, and far more of them never.
MAX_JOBS = 20_000
# What YAML makes of a value that is neither a list nor a mapping.
Scalar = str | int | float | datetime.date | None
# Of several mistakes, the one that most likely explains the others is reported.
URGENCY = {"additionalProperties": 0, "required": 1}
STEPS = ("search", "retrain")
PATIENCE = ("patience_epochs", "patience_updates")


def resolve_config(config: dict) -> dict:
    """Return a new config with every default filled in and every number typed.

    Raises UserError with one sentence for the first mistake: the key's path, what is wrong and
    what is allowed. A resolved config resolves to itself.
    """
    schema = load_schema()
    resolved = _fill(config, schema)
    errors = list(_validator()(schema).iter_errors(resolved))
    if errors:
        error = min(errors, key=lambda error: URGENCY.get(error.validator, 2))
        raise UserError(describe_error(error, schema))
    assert isinstance(resolved, dict)  # as the schema wants it
    dimensions = resolved["dataset"]["sample_dimension"]
    if isinstance(dimensions, str):
        resolved["dataset"]["sample_dimension"] = [dimensions]
    mistake = next(contradictions_in_networks(resolved, config), None)
    if mistake:
        raise UserError(mistake)
    settle_networks(resolved)
    training = resolved["training"]
    if training["output_activation"] is None:
        training["output_activation"] = _activations(training["loss"])[0]
    if schedules(resolved["search"]["space"]):
        _take_out_patience(resolved, config)
    for entry in (*resolved["search"]["rungs"], *resolved["advise"]["pilots"]):
        entry["budget"] = {**resolved["search"]["budget"], **entry["budget"]}
    contradiction = next(_contradictions(resolved), None)
    if contradiction:
        raise UserError(contradiction)
    return resolved


def _activations(loss: str) -> tuple[str, ...]:
    """Return the output activations that a loss may have, the default first."""
    return {
        "cross_entropy": ("softmax",),
        "binary_cross_entropy": ("sigmoid",),
    }.get(loss, ("sigmoid", "linear"))


def _take_out_patience(resolved: dict, given: dict) -> None:
    """Set each patience that was not given to null: a schedule uses up the whole budget."""
    for step in STEPS:
        budget = given.get(step, {}).get("budget", {})
        resolved[step]["budget"] |= {limit: None for limit in PATIENCE if limit not in budget}


@functools.cache
def load_schema() -> dict:
    """Return the schema of the config; not to be changed by the caller."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def _branch(schema: dict, value: object) -> dict:
    """Return the alternative of a schema that a value of this kind was meant for."""
    branches = schema.get("anyOf", [schema])
    kinds: dict[str, type] = {"object": dict, "array": list, "null": type(None)}
    for branch in branches:
        kind = kinds.get(list_types(branch)[0])
        is_scalar = not isinstance(value, tuple(kinds.values()))
        if isinstance(value, kind) if kind else is_scalar:
            return branch
    return branches[0]


def _fill(value: object, schema: dict) -> object:
    """Return a copy of a value with defaults filled in and numbers typed, mistakes as they are.

    Only where the schema expects a list or a mapping is there a look into it: anchors of YAML can
    make others endless, or too large to be copied, compared or shown.
    """
    branch = _branch(schema, value)
    if isinstance(value, dict):
        if isinstance(branch.get("additionalProperties"), dict):
            # The names are the user's.
            return {
                _fill(key, {}): _fill(entry, branch["additionalProperties"])
                for key, entry in value.items()
            }
        if "properties" not in branch:
            return {"...": None} if value else {}
        known = branch["properties"]
        defaults = {key: entry["default"] for key, entry in known.items() if "default" in entry}
        given = {**defaults, **value}
        # The schema's order, whatever the file's.
        keys = [key for key in known if key in given] + [key for key in given if key not in known]
        return {
            _fill(key, {}): _fill(given[key], known[key]) if key in known else None for key in keys
        }
    if isinstance(value, list):
        if "items" not in branch:
            return [None] if value else []
        return [_fill(entry, branch["items"]) for entry in value]
    if not isinstance(value, str | int | float | datetime.date | None):
        return Foreign(type(value).__name__)
    return _as_number(value, list_types(branch)[0])


def _as_number(value: Scalar, kind: str) -> Scalar:
    """Return a number, or text that spells one, as the type that the schema wants."""
    if isinstance(value, int) and not _is_finite(value):
        # No float holds it: neither ranges nor sentences could cope with all its digits.
        return math.inf if value > 0 else -math.inf
    if kind not in ("integer", "number") or isinstance(value, bool):
        return value
    number: Scalar = value
    if isinstance(value, str) and len(value) <= MAX_DIGITS and NUMBER.fullmatch(value):
        number = int(value) if value.lstrip("+-").isdigit() else float(value)
    if not _is_finite(number):
        return value
    if kind == "number":
        return float(number)
    return int(number) if number == int(number) else number


def _is_finite(value: object) -> TypeGuard[float]:
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


@functools.cache
def _validator() -> "type[_Validator]":
    """Return a validator that knows which alternative was meant and what a finite number is."""

    def any_of(
        validator: "_Validator", branches: list[dict], instance: object, schema: dict
    ) -> Iterator[ValidationError]:
        for error in validator.descend(instance, _branch(schema, instance)):
            if not error.path and error.validator not in URGENCY:
                # The mistake is in the value itself: all alternatives are worth mentioning.
                error.schema = schema
            yield error

    def is_number(checker: TypeChecker, instance: object) -> bool:
        return not isinstance(instance, bool) and _is_finite(instance)

    checker = Draft202012Validator.TYPE_CHECKER.redefine("number", is_number)
    return extend(Draft202012Validator, {"anyOf": any_of}, type_checker=checker)


def _contradictions(config: dict) -> Iterator[str]:
    """Yield a sentence for each pair of values that cannot both be meant."""
    yield from _contradictions_in_data(config)
    yield from _contradictions_in_training(config["training"])
    yield from _contradictions_in_precision(config)
    if config["training"]["loss"] == "cross_entropy":
        yield from _contradictions_with_classes(config["dataset"])
    modes = config["generate"]["modes"]
    if "single" in modes and len(modes) > 1:
        yield "generate.modes must not combine 'single', which stands for one mode, with others"
    yield from _contradictions_in_split(config["split"])
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
            "advise.pilots has a single entry, but one size of data cannot tell how losses agree "
            "with those on another size: add an entry with another fraction, or take it out"
        )


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
    if rungs and top_k >= n_before:
        yield (
            f"retrain.top_k is {top_k}, but it must be less than top_k of the last entry of "
            f"search.rungs, which is {n_before}: make it smaller"
        )


def _contradictions_in_rounds(retrain: dict) -> Iterator[str]:
    """Yield why no round could ever be the last one."""
    if retrain["until"]["probability"] is None:
        return
    if retrain["controls"] < FEWEST_CONTROLS:
        yield (
            f"retrain.controls is {retrain['controls']}, but retrain.until needs at least "
            f"{FEWEST_CONTROLS} controls: set it to 12 or more"
        )


def _contradictions_in_data(config: dict) -> Iterator[str]:
    dataset = config["dataset"]
    names = {role: [entry["name"] for entry in dataset[role]] for role in ("inputs", "outputs")}
    for role, named in names.items():
        for i, name in enumerate(named):
            if name in named[:i]:
                yield f"dataset.{role} must not name {describe_given(name)} twice"
    for name in names["inputs"]:
        if name in names["outputs"]:
            yield f"{describe_given(name)} is in both dataset.inputs and dataset.outputs"
    if dataset["files"] is None:
        yield from _contradictions_with_generated(config, names)


def _contradictions_with_generated(config: dict, names: dict[str, list[str]]) -> Iterator[str]:
    """Yield a sentence for each thing that the generated data do not have; `names` are by role."""
    dataset = config["dataset"]
    if dataset["group"] is not None:
        yield (
            f"dataset.group is {describe_given(dataset['group'])}, but dataset.files is null, and "
            "generated data have no groups: take it out or name the files"
        )
    source = "the embedded parcel model, which is used because dataset.files is null,"
    for role, named in names.items():
        for i, name in enumerate(named):
            if name not in DIMENSIONS:
                yield (
                    f"dataset.{role}, entry {i + 1}: {source} has no variable "
                    f"{describe_given(name)}{suggest(name, DIMENSIONS)}"
                )
    for role in names:
        for i, entry in enumerate(dataset[role]):
            if entry["units"] is not None:
                yield (
                    f"dataset.{role}, entry {i + 1}, units is {describe_given(entry['units'])}, "
                    f"but {source} has units of its own: take this key out"
                )
    if dataset["sample_dimension"] != [GENERATED_DIMENSION]:
        given = ", ".join(describe_given(name) for name in dataset["sample_dimension"])
        yield (
            f"dataset.sample_dimension is {given}, but {source} has its samples along "
            f"'{GENERATED_DIMENSION}'"
        )
    single = {
        "split.variable": config["split"]["variable"],
        "dataset.sample_weight": dataset["sample_weight"],
    }
    for key, name in single.items():
        if name is not None and DIMENSIONS.get(name) != (GENERATED_DIMENSION,):
            yield (
                f"{key}: {source} has no variable {describe_given(name)} with one value for each "
                "sample"
            )


def _contradictions_in_training(training: dict) -> Iterator[str]:
    loss, activation = training["loss"], training["output_activation"]
    allowed = _activations(loss)
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


def _contradictions_with_classes(dataset: dict) -> Iterator[str]:
    """Yield a sentence for each thing that classes cannot have."""
    classes = "training.loss = cross_entropy"
    if len(dataset["outputs"]) > 1:
        yield (
            f"dataset.outputs has {len(dataset['outputs'])} entries, but {classes} takes a single "
            "one, a variable of integers or text that names the classes"
        )
    if dataset["files"] is None:
        yield (
            f"{classes} needs classes, but dataset.files is null, and the embedded parcel model "
            "has none: name the files, or choose another loss"
        )
    for key, default, why in (
        ("transform", "none", "classes have no transform"),
        ("weight", 1, "a single output has no other weight"),
        ("missing", "drop", "a sample without its class has no part in the loss anyway"),
    ):
        given = dataset["outputs"][0][key]
        if given != default:
            yield (
                f"dataset.outputs, entry 1, {key} is {describe_given(given)}, but {classes} takes "
                f"{default} alone, because {why}"
            )


def _contradictions_in_split(split: dict) -> Iterator[str]:
    if split["validation"] + split["test"] >= 1:
        yield (
            f"split.validation ({split['validation']:g}) and split.test ({split['test']:g}) must "
            "add up to less than 1, because the training split gets the rest"
        )
    method, variable = split["method"], split["variable"]
    if method in ("group", "variable") and variable is None:
        yield f"split.variable is missing: it must name the variable for split.method = {method}"
    if method == "random" and variable is not None:
        yield (
            f"split.variable is {describe_given(variable)}, but split.method = random uses none: "
            "take it out, or choose blocks, group or variable"
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
