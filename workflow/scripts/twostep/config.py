"""The config of a study: defaults filled in, mistakes reported in one sentence each."""

import copy
import difflib
import math
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from twostep.errors import UserError
from twostep.space import count_configurations

SCHEMA = Path(__file__).parents[2] / "schemas" / "config.schema.yaml"
KINDS = {
    "integer": "an integer",
    "number": "a number",
    "string": "a text",
    "array": "a list",
    "object": "a section with keys",
    "null": "null",
}


@cache
def load_schema() -> dict:
    """Return the schema of the config."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def resolve_config(config: dict) -> dict:
    """Return a copy of a config with every default filled in.

    Raises UserError, with one sentence that names the key, for the first mistake found: unknown
    keys first, since a misspelt key explains most of the others.
    """
    schema = load_schema()
    _check_keys(config, schema, "")
    resolved = _fill(config, schema)
    errors = sorted(
        Draft202012Validator(schema).iter_errors(resolved),
        key=lambda error: list(map(str, error.path)),
    )
    if errors:
        raise UserError(_sentence(errors[0]))
    _check_values(resolved)
    return resolved


def fraction_name(fraction: float) -> str:
    """Return the one name of a fraction, as in the paths of results: 1e-5 is "0.00001"."""
    return format(Decimal(repr(float(fraction))).normalize(), "f")


def _check_keys(value: object, schema: dict, path: str) -> None:
    """Raise UserError for a key that the schema does not have, naming the nearest one."""
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            _check_keys(item, schema["items"], f"{path}[{i}]")
    known = schema.get("properties")
    if not isinstance(value, dict) or known is None:
        return
    for key, item in value.items():
        if key not in known:
            raise UserError(f"{_join(path, key)}: unknown key{_hint(str(key), list(known))}")
        _check_keys(item, known[key], _join(path, key))


def _hint(key: str, known: list[str]) -> str:
    """Return the nearest known key of the same section, or where else there is such a key."""
    if nearest := difflib.get_close_matches(key, known, n=1, cutoff=0.6):
        return f"; did you mean {nearest[0]}?"
    places = [path for path in _all_paths(load_schema(), "") if path.split(".")[-1] == key]
    if places:
        return f"; did you mean {places[0]}?"
    return f"; the keys here are {', '.join(known)}"


def _all_paths(schema: dict, path: str) -> Iterator[str]:
    for key, child in schema.get("properties", {}).items():
        yield _join(path, key)
        yield from _all_paths(child, _join(path, key))


def _fill(value: object, schema: dict) -> object:
    """Return a copy of a value with defaults filled in and numbers read as numbers."""
    if isinstance(value, list):
        return [_fill(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return _number(value, schema.get("type", []))
    filled = dict(value)
    for key, child in schema.get("properties", {}).items():
        if key in value:
            filled[key] = _fill(value[key], child)
        elif "default" in child:
            filled[key] = copy.deepcopy(child["default"])
        elif child.get("type") == "object" and key not in schema.get("required", []):
            filled[key] = _fill({}, child)
    return filled


def _number(value: object, kinds: str | list[str]) -> object:
    """Return the number that a scalar stands for where a number is expected.

    YAML 1.1 reads 1e-5 (without a decimal point) as a text, and 20.0 is as good as 20.
    """
    if isinstance(value, str) and "string" not in kinds and {"number", "integer"} & {*_list(kinds)}:
        try:
            value = float(value)
        except ValueError:
            return value
    if isinstance(value, float) and "integer" in kinds and value.is_integer():
        return int(value)
    return value


def _sentence(error: ValidationError) -> str:
    """Return what is wrong, as one sentence that starts with the key."""
    path, value, limit = _path(error.absolute_path), error.instance, error.validator_value
    if error.validator == "required":
        missing = next(key for key in limit if key not in value)
        return f"{_join(path, missing)}: this key is missing and has no default"
    if error.validator == "type":
        expected = " or ".join(KINDS[kind] for kind in _list(limit))
        return f"{path}: expected {expected}, not {_describe(value)}"
    if error.validator == "enum":
        hint = difflib.get_close_matches(str(value), limit, n=1)
        meant = f"; did you mean {hint[0]}?" if hint else ""
        return f"{path}: {value!r} is not one of {', '.join(limit)}{meant}"
    if error.validator == "pattern":
        return (
            f"{path}: {value!r} is not a safe name for a folder: use up to 100 letters, digits, "
            "'.', '_' and '-', the first a letter or digit"
        )
    reasons = {
        "minimum": f"{value} is less than {limit}",
        "maximum": f"{value} is more than {limit}",
        "exclusiveMinimum": f"{value} is not more than {limit}",
        "exclusiveMaximum": f"{value} is not less than {limit}",
        "minItems": "the list is empty",
        "minLength": "the text is empty",
        "uniqueItems": f"{value} names something twice",
    }
    return f"{path}: {reasons[error.validator]}"


def _check_values(config: dict) -> None:
    """Raise UserError for values that are valid by themselves but do not go together."""
    for path, number in _numbers(config, ""):
        if not math.isfinite(number):
            raise UserError(f"{path}: {number} is not a finite number")
    _check_variables(config["dataset"])
    _check_space(config["search"]["space"])
    split, search, retrain = config["split"], config["search"], config["retrain"]
    if split["validation"] + split["test"] >= 1:
        raise UserError(
            f"split: validation ({split['validation']:g}) and test ({split['test']:g}) add up to "
            "1 or more and leave nothing for training"
        )
    names = [fraction_name(fraction) for fraction in search["fractions"]]
    if repeated := _repeated(names):
        raise UserError(f"search.fractions: {repeated} appears twice")
    for step, section in (("search", search), ("retrain", retrain)):
        if section["budget"]["max_epochs"] is None and section["budget"]["max_updates"] is None:
            raise UserError(
                f"{step}.budget: neither max_epochs nor max_updates is set, so that training might "
                "never end: set one of them"
            )
    if (exist := count_configurations(search["space"])) < search["n_trials"]:
        raise UserError(
            f"search.n_trials: {search['n_trials']} trials are more than the {exist} distinct "
            "configurations in search.space"
        )
    if retrain["top_k"] > search["n_trials"]:
        raise UserError(
            f"retrain.top_k: {retrain['top_k']} is more than the {search['n_trials']} trials "
            "of search.n_trials"
        )
    modes = config["generate"]["modes"]
    if "single" in modes and len(modes) > 1:
        raise UserError("generate.modes: the mode single goes with no other")


def _check_variables(dataset: dict) -> None:
    names = [entry["name"] for entry in (*dataset["inputs"], *dataset["outputs"])]
    if repeated := _repeated(names):
        raise UserError(f"dataset: variable {repeated!r} appears twice among inputs and outputs")


def _check_space(space: dict) -> None:
    for key in ("n_hidden_layers", "learning_rate", "weight_decay", "dropout"):
        if isinstance(space[key], dict) and space[key]["min"] > space[key]["max"]:
            low, high = space[key]["min"], space[key]["max"]
            raise UserError(f"search.space.{key}: min ({low:g}) is more than max ({high:g})")
    schema = load_schema()["properties"]["search"]["properties"]["space"]["properties"]
    for key in ("activation", "optimizer"):
        known = schema[key]["items"]["enum"]
        if isinstance(space[key], str) and space[key] not in known:
            raise UserError(f"search.space.{key}: {space[key]!r} is not one of {', '.join(known)}")


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, _join(path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _numbers(item, f"{path}[{i}]")
    elif isinstance(value, float):
        yield path, value


def _repeated(values: list[str]) -> str | None:
    return next((value for i, value in enumerate(values) if value in values[:i]), None)


def _describe(value: object) -> str:
    kinds = {bool: "yes or no", str: "the text", list: "a list", dict: "a section with keys"}
    if value is None:
        return "nothing"
    if isinstance(value, list | dict):
        return kinds[type(value)]
    return f"{kinds.get(type(value), 'the number')} {value!r}"


def _path(parts) -> str:
    path = ""
    for part in parts:
        path = f"{path}[{part}]" if isinstance(part, int) else _join(path, part)
    return path or "the config"


def _join(path: str, key: object) -> str:
    return f"{path}.{key}" if path and path != "the config" else str(key)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
