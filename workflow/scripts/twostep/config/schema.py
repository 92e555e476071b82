"""The schema of the config: defaults are filled in, numbers are typed, and mistakes told by it."""

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

from twostep.config.sentences import Foreign, describe_error, list_types
from twostep.util.errors import UserError

if TYPE_CHECKING:
    # What `extend` returns; there is no such class when the program runs.
    from jsonschema.validators import _Validator

SCHEMA = Path(__file__).parents[3] / "schemas" / "config.schema.yaml"
# YAML 1.1, which Snakemake reads, takes 1e-5 for text because it lacks a decimal point.
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
# Longer text spells no number that anyone means, and Python refuses to read very long ones.
MAX_DIGITS = 400
# What YAML makes of a value that is neither a list nor a mapping.
Scalar = str | int | float | datetime.date | None
# Of several mistakes, the one that most likely explains the others is reported.
URGENCY = {"additionalProperties": 0, "required": 1}


@functools.cache
def load_schema() -> dict:
    """Return the schema of the config; not to be changed by the caller."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def fill_and_check(config: dict) -> dict:
    """Return a copy of a config with every default filled in and every number typed.

    Raises UserError with one sentence for the mistake that most likely explains the others.
    """
    schema = load_schema()
    filled = _fill(config, schema)
    errors = list(_validator()(schema).iter_errors(filled))
    if errors:
        error = min(errors, key=lambda error: URGENCY.get(error.validator, 2))
        raise UserError(describe_error(error, schema))
    assert isinstance(filled, dict)  # as the schema wants it
    return filled


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
