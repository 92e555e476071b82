"""The schema of the config and the mistakes found by it, in words."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import ValidationError

from twostep.util.text import LONGEST_WORD, did_you_mean, nearest, shorten


@dataclass(frozen=True)
class Foreign:
    """Stands for a value of a type that YAML can make and no config may have, such as a set."""

    kind: str


def list_keys(schema: dict, prefix: str = "") -> Iterator[tuple[str, dict]]:
    """Yield the path and the schema of every key, e.g. "dataset.inputs[].name", in order."""
    for branch in schema.get("anyOf", [schema]):
        for key, entry in branch.get("properties", {}).items():
            path = f"{prefix}.{key}".lstrip(".")
            yield path, entry
            yield from list_keys(entry, path)
        if "items" in branch:
            yield from list_keys(branch["items"], f"{prefix}[]")


def describe_allowed(schema: dict) -> str:
    """Return in words which values a key may have."""
    if "title" in schema:
        return schema["title"]
    if "anyOf" in schema:
        return ", or ".join(describe_allowed(branch) for branch in schema["anyOf"])
    if "enum" in schema:
        one_of = "one of " if len(schema["enum"]) > 1 else ""
        return one_of + ", ".join(schema["enum"])
    return " or ".join(_describe_type(kind, schema) for kind in list_types(schema))


def _describe_type(kind: str, schema: dict) -> str:
    if kind in ("integer", "number"):
        return f"{'an integer' if kind == 'integer' else 'a number'}{_describe_range(schema)}"
    if kind == "array":
        return f"a non-empty list, each entry {describe_allowed(schema['items'])}"
    if kind == "object":
        return f"a mapping with the keys {', '.join(schema['properties'])}"
    return {"string": "text", "boolean": "true or false"}.get(kind, kind)


def list_types(schema: dict) -> list[str]:
    """Return the types of a schema without alternatives; one with an enum is of text."""
    types = schema.get("type", "string")
    return types if isinstance(types, list) else [types]


def _describe_range(schema: dict) -> str:
    if {"minimum", "maximum"} <= set(schema):
        return f" from {schema['minimum']} to {schema['maximum']}"
    words = {
        "minimum": "of at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    bounds = [f"{text} {schema[bound]}" for bound, text in words.items() if bound in schema]
    return f" {' and '.join(bounds)}" if bounds else ""


def describe_error(error: ValidationError, schema: dict) -> str:
    """Return what a person should read about an error."""
    path = list(error.absolute_path)
    # An error that is made by hand may lack these; one that a validator finds has them all.
    given: Any = error.instance
    wanted: Any = error.validator_value
    broken = error.schema
    assert isinstance(broken, dict)
    if error.validator == "additionalProperties":
        return _unknown_key(path, given, broken["properties"], schema)
    if error.validator == "required":
        key = next(key for key in wanted if key not in given)
        allowed = describe_allowed(broken["properties"][key])
        return f"{_join([*path, key])} is missing: it must be {allowed}"
    if error.validator == "uniqueItems":
        repeated = next(x for i, x in enumerate(given) if x in given[:i])
        return f"{_join(path)} must not name {describe_given(repeated)} twice"
    allowed = describe_allowed(broken)
    hint = ""
    if error.validator == "enum":
        hint = did_you_mean(nearest(given, wanted))
    elif given is None and "default" in broken:
        hint = "; take the line out to get the default"
    elif wanted == "string" and isinstance(given, bool | int | float | datetime.date):
        hint = "; put it in quotes"
    return f"{_join(path)} must be {allowed}, not {describe_given(given)}{hint}"


def _unknown_key(path: list[str | int], given: dict, known: dict, schema: dict) -> str:
    """Return the sentence about a key of `given` that is not known, with those that may be meant.

    `known` are the schemas of the keys that may be there, `schema` is that of the whole config.
    """
    key = next(key for key in given if key not in known)
    name = " ".join(key.split()) if isinstance(key, str) else describe_given(key)
    if not name.isprintable() or not 0 < len(name) <= LONGEST_WORD:
        name = _quoted(name)
    near = [_join([*path, match]) for match in nearest(key, known)]
    elsewhere = [place for place, _ in list_keys(schema) if place.split(".")[-1] == key]
    # A key of a section is more likely than that of an entry in a list.
    elsewhere = [place for place in elsewhere if "[]" not in place] or elsewhere
    # Keys such as `min` are in so many places that naming them helps nobody.
    hint = did_you_mean(near + (elsewhere if len(elsewhere) <= 3 else []))
    listed = f"; known here: {', '.join(known)}"
    return f"{_join([*path, name])} is not a known key{hint or listed}"


def _join(path: list[str | int]) -> str:
    """Return a key's path, e.g. "dataset.inputs, entry 2, transform"."""
    text = "the config" if not path else ""
    for part in path:
        if isinstance(part, int):
            text += f", entry {part + 1}"
        else:
            separator = ", " if ", entry" in text else "."
            text += f"{separator if text else ''}{part}"
    return text


def describe_given(value: object) -> str:
    """Return in words what a config has, in a few of them however long it is."""
    if value is None:
        return "empty (null)"
    if isinstance(value, bool):
        return f"{str(value).lower()} (as YAML reads yes, no, on and off, too)"
    if isinstance(value, list | dict):
        kind = "list" if isinstance(value, list) else "mapping"
        return f"a {kind}" if value else f"an empty {kind}"
    if isinstance(value, str) and not value.strip():
        return "empty text"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Foreign):
        return f"a value of the type {value.kind}"
    return shorten(str(value).removesuffix(".0"), LONGEST_WORD)


def _quoted(text: str) -> str:
    """Return the beginning of a text in quotes, what cannot be printed as an escape sequence."""
    # Escape sequences are several letters each.
    quoted = repr(shorten(text, LONGEST_WORD))
    if len(quoted) <= LONGEST_WORD + 2:
        return quoted
    return f"{quoted[: LONGEST_WORD - 2]}...{quoted[0]}"
