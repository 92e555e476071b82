"""Configs that nobody should write: a valid one, mutated as a structure or as text."""

import copy
import datetime
import itertools
import json
from dataclasses import dataclass, field

import yaml
from hypothesis import strategies as st

from twostep.config.schema import load_schema
from twostep.config.sentences import list_keys

# A study that runs to its end in seconds.
CONFIG = {
    "study": "small",
    "seed": 1,
    "dataset": {
        "files": "data.nc",
        "sample_dimension": "nsamples",
        "inputs": [{"name": "tair"}, {"name": "num_aer", "transform": "log10"}],
        "outputs": [{"name": "fn"}],
    },
    "search": {
        "n_trials": 2,
        "fractions": [0.5],
        "shard_size": 2,
        "n_validation": 40,
        "budget": {"max_epochs": 2},
        "space": {"n_hidden_layers": {"min": 1, "max": 2}, "width": [4, 8], "batch_size": 32},
    },
    "retrain": {"top_k": 1, "controls": 1, "budget": {"max_epochs": 2}},
}
# Names of data files that exist in the study's folder, each a copy of the valid file.
ODD_FILES = [
    "with space.nc",
    "quo'te.nc",
    'double"quote.nc',
    "-dash.nc",
    "--help",
    "ünïcödé-数据.nc",
    "$(touch CANARY).nc",
    "`touch CANARY`.nc",
    "; touch CANARY;.nc",
    "{fraction}.nc",
    "{brace.nc",
    "new\nline.nc",
    "*star.nc",
    "[x].nc",
    "a%20b%s.nc",
    "#hash.nc",
    "back\\slash.nc",
    "tilde~.nc",
    "& ampersand.nc",
    "<script>.nc",
    "file:data.nc",
    "control\x1b[31m.nc",
    "e" * 200 + ".nc",
]
TEXTS = [
    "",
    " ",
    "\n",
    "a\nb",
    "\x00",
    "a\x00b",
    "\x1b[31mred",
    "\u202ereversed",
    "\ud800",
    "\u2028",
    "é",
    "数据",
    "x" * 300,
    "long " * 4000,
    "{fraction}",
    "{}",
    "{0.__class__}",
    "{{x}}",
    "{",
    "$(touch CANARY)",
    "`touch CANARY`",
    "; touch CANARY",
    "a && touch CANARY",
    "| touch CANARY",
    "'",
    '"',
    '"; import os; os.system("touch CANARY")',
    "--help",
    "-rf",
    "-",
    "/etc/passwd",
    "/",
    "../../elsewhere",
    "a/../../b",
    "..",
    ".",
    "~",
    "[",
    "data*.nc",
    "./data.nc",
    ".//data.nc",
    "data.nc/",
    "data.nc ",
    "http://127.0.0.1:9/data.nc",
    "s3://bucket/data.nc",
    "\\",
    "%s %(x)s %",
    "null",
    "1e5",
    "1e-400",
    "1" * 500,
    "nan",
    "inf",
    "True",
    "<script>alert(1)</script>",
    "!!python/object/apply:os.system ['touch CANARY']",
    "?exec",
    "__class__",
    "small",
    "tair",
    "fn",
    "mode",
    "label",
]
NUMBERS = [
    *(0, -1, 1, 2, 7, 64, 1000, 10**6, 2**31, 2**63, 2**64, 10**30, 10**308, 10**4000, -(10**400)),
    *(0.0, -0.0, 0.1, 0.5, 0.999, 1.5, 1e308, -1e308, 1e-308, 5e-324, 1e22),
    *(float("nan"), float("inf"), float("-inf")),
]
OTHERS = [
    None,
    True,
    False,
    [],
    {},
    [[]],
    [{}],
    {"": ""},
    {"min": 1, "max": 2},
    {"min": 2, "max": 1},
    {"min": 1e-300, "max": 1e300},
    list(range(1000)),
    [float("nan")] * 3,
    {"x" * 500: 1},
    {"a\nb": 1},
    {1: 1, None: 2},
    datetime.date(2024, 1, 31),
    datetime.datetime(2024, 1, 31, 12),
    b"\x00\xff",
    {"a", "b"},
]


def _nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


FILES = st.sampled_from(ODD_FILES) | st.lists(st.sampled_from(ODD_FILES), min_size=2, max_size=3)
VALUES = (
    st.sampled_from(TEXTS)
    | st.sampled_from(NUMBERS)
    | st.sampled_from(OTHERS)
    | st.text(max_size=30)
    | st.integers()
    | st.floats()
    | st.integers(1, 60).map(_nested)
    | st.recursive(
        st.sampled_from(TEXTS[:30]) | st.none() | st.integers() | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
KEYS = st.sampled_from(TEXTS) | st.text(max_size=20) | st.sampled_from([5, 1.5, True, None, 10**60])
PATHS = [path for path, _ in list_keys(load_schema())]
SECTIONS = ["", "dataset", "search", "search.space", "search.budget", "split", "dataset.inputs[]"]


@dataclass(frozen=True)
class ConfigCase:
    """A mutated config: what was done to it, and its bytes."""

    what: str
    content: bytes
    # Files that the study's folder must hold.
    files: list[str] = field(default_factory=list)


def set_value(config: dict, path: str, value: object) -> None:
    """Set the value at a path such as "dataset.inputs[].name", making the mappings above it."""
    *parents, key = path.split(".")
    section = config
    for parent in parents:
        name = parent.removesuffix("[]")
        found = section.get(name) if isinstance(section, dict) else None
        if parent.endswith("[]"):
            found = found[0] if isinstance(found, list) and found else None
        if not isinstance(found, dict):
            found = {}
            section[name] = [found] if parent.endswith("[]") else found
        section = found
    section[key.removesuffix("[]")] = value


def delete(config: dict, path: str) -> None:
    """Take the key at a path out, if it is there."""
    *parents, key = path.split(".")
    for parent in parents:
        config = config.get(parent.removesuffix("[]"), {})
        config = config[0] if isinstance(config, list) and config else config
        if not isinstance(config, dict):
            return
    config.pop(key, None)


@st.composite
def structures(draw) -> tuple[str, dict]:
    """Draw what was done to the valid config, and the outcome, before it is written."""
    config, done = copy.deepcopy(CONFIG), []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        kind = draw(st.sampled_from(["set", "set", "set", "file", "delete", "unknown"]))
        if kind == "file":
            path, value = "dataset.files", draw(FILES)
            set_value(config, path, value)
        elif kind == "delete":
            path, value = draw(st.sampled_from(PATHS)), None
            delete(config, path)
        elif kind == "unknown":
            section, value = draw(st.sampled_from(SECTIONS)), draw(VALUES)
            set_value(config, f"{section}.new".lstrip("."), value)
            path = section
            _rename_new(config, draw(KEYS))
        else:
            path, value = draw(st.sampled_from(PATHS)), draw(VALUES)
            set_value(config, path, value)
        done.append(f"{kind} {path} {_brief(value)}")
    return "; ".join(done), config


def _rename_new(value: object, key: object) -> None:
    """Give the key "new", wherever it was put, another name."""
    if isinstance(value, dict):
        if "new" in value:
            value[key] = value.pop("new")
        for entry in list(value.values()):
            _rename_new(entry, key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        _rename_new(value[0], key)


def _brief(value: object) -> str:
    try:
        text = ascii(value)
    except ValueError:
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


class _Dumper(yaml.SafeDumper):
    """Writes what Python cannot: numbers of thousands of digits, as hexadecimal ones."""

    def ignore_aliases(self, data: object) -> bool:
        return True


_Dumper.add_representer(
    int,
    lambda dumper, value: dumper.represent_scalar(
        "tag:yaml.org,2002:int", str(value) if abs(value) < 10**4000 else hex(value)
    ),
)


def write_yaml(config: dict) -> str:
    """Return a config as YAML of ASCII characters."""
    return yaml.dump(config, Dumper=_Dumper, allow_unicode=False)


TEXT = write_yaml(CONFIG)
LINES = [
    "a: !!python/object/apply:os.system ['touch CANARY']",
    "a: !!python/object/new:os.system ['touch CANARY']",
    'seed: !!python/object/apply:eval [\'open("CANARY", "w")\']',
    "a: !!python/name:os.system",
    "study: !!python/name:os.system",
    "study: !!python/tuple [a, b]",
    "study: !!set {a, b}",
    "seed: !!binary YWJj",
    "seed: !!timestamp 2024-01-31",
    "seed: 2024-13-45",
    "study: !!str 5",
    "study: !!int five",
    "seed: !unknown 5",
    "study: small",
    "study: other",
    "seed: 0o17",
    "seed: 017",
    "seed: 190:20:30",
    "seed: 0x" + "f" * 5000,
    "seed: " + "9" * 5000,
    "seed: " + "9" * 4000,
    "? 0x" + "f" * 5000 + "\n: 1",
    "? " + "9" * 5000 + "\n: 1",
    "? [a, b]\n: 1",
    "? {a: b}\n: 1",
    "split: &a {method: *a}",
    "split: &a {other: [*a]}",
    "other: &a [*a]",
    "generate: &a {modes: [*a]}",
    "split: &a {method: random, <<: *a}",
    "split: {<<: {method: blocks}}",
    "split: {<<: 5}",
    "a0: &a0 [x, x, x]\na1: &a1 [*a0, *a0]\na2: [*a1, *a1]",
    "other: " + "[" * 60 + "]" * 60,
    "other: " + "{a: " * 60 + "}" * 60,
    "other: " + "[" * 2000,
    "\tseed: 3",
    "seed:\t3",
    "---\nstudy: second",
    "...",
    "%YAML 9.9",
    "- a list",
    "just text",
    "key without value:",
    ": value without key",
    "'unclosed",
    '"unclosed',
    "[unclosed",
    "{unclosed: 1",
    "seed: |\n  1",
    "seed: >-\n  1",
    "&anchor",
    "*missing",
    "@reserved",
    "`reserved`",
    "seed: \x07",
    "\ufeffseed: 1",
    "#" * 5000,
]


def _laughs(names: str, of_list: bool) -> str:
    """Return text whose last name stands for 9 ** len(names) entries."""
    lines = [f"{names[0]}: &{names[0]} {'[1, 1]' if of_list else '{a: 1, b: 1}'}"]
    for before, name in itertools.pairwise(names):
        entries = [f"*{before}"] * 9 if of_list else [f"{key}: *{before}" for key in "abcdefghi"]
        brackets = "[]" if of_list else "{}"
        lines.append(f"{name}: &{name} {brackets[0]}{', '.join(entries)}{brackets[1]}")
    return "\n".join(lines)


LAUGHS = [
    _laughs("klmnopqrs", of_list=True),
    "split: {method: [&k [1, 1], &l [*k, *k, *k], &m [*l, *l, *l]]}",
    "generate:\n"
    + "\n".join(f"  {line}" for line in _laughs("klmnopqrs", of_list=True).splitlines())
    + "\n  modes: *s",
]


@st.composite
def texts(draw) -> tuple[str, bytes]:
    """Draw what was done to the text of the valid config, and the outcome."""
    content, done = TEXT.encode(), []
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        kind = draw(
            st.sampled_from(["line", "line", "line", "cut", "byte", "bytes", "tabs", "twice"])
        )
        at = draw(st.integers(0, max(0, len(content) - 1)))
        if kind == "line":
            line = draw(st.sampled_from(LINES + LAUGHS))
            lines = content.split(b"\n")
            number = draw(st.sampled_from([0, len(lines) - 1, draw(st.integers(0, len(lines)))]))
            lines.insert(number, line.encode("utf-8", "surrogatepass"))
            content, kind = b"\n".join(lines), f"line {number} {_brief(line)}"
        elif kind == "cut":
            content = content[:at]
        elif kind == "byte":
            content = content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]
        elif kind == "bytes":
            content = content[:at] + draw(st.binary(max_size=20)) + content[at:]
        elif kind == "tabs":
            content = content.replace(b"  ", b"\t", draw(st.integers(1, 9)))
        else:
            content = content + b"\n" + content[at:]
        done.append(f"{kind} at {at}")
    return "; ".join(done), content


@st.composite
def config_cases(draw) -> ConfigCase:
    """Draw a mutated config as it lies in a file."""
    if draw(st.integers(0, 9)) < 3:
        what, content = draw(texts())
        return ConfigCase(f"text: {what}", content)
    what, config = draw(structures())
    if draw(st.integers(0, 4)) == 0:
        try:
            text = json.dumps(config)
            return ConfigCase(f"JSON: {what}", text.encode())
        except (TypeError, ValueError):
            pass
    return ConfigCase(f"structure: {what}", write_yaml(config).encode("utf-8", "surrogatepass"))
