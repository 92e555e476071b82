"""Hostile and silly input to the library: a result, or one sentence that a person can read.

Long campaigns with the real workflow are in tests/campaigns.
"""

import copy
import math
import struct

import matplotlib
import netCDF4
import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from twostep.config.config_files import check_no_repeats, check_no_template
from twostep.config.preflight import list_files
from twostep.config.resolve import resolve_config
from twostep.config.schema import load_schema
from twostep.config.sentences import list_keys
from twostep.data.prepare import prepare
from twostep.data.source import read_headers
from twostep.figures.style import describe_loss
from twostep.util import wording
from twostep.util.errors import LONGEST_SENTENCE, UserError

VALID = {
    "study": "mine",
    "dataset": {"files": "data.nc", "inputs": [{"name": "x"}], "outputs": [{"name": "y"}]},
}
# Each test runs in a second or two.
FAST = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# Python can make no text of them, hence neither can hypothesis show them.
TOO_LONG = {"huge": 16**5000, "negative": -(16**5000), "tuple": ("a", 16**5000)}
ENDLESS = st.sampled_from(list(TOO_LONG)).map(lambda name: TOO_LONG[name])
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["\0", "a\nb", "\x1b[31m", "\ud800", "\u202e", "{x}", "$(touch x)", "--help", "x" * 100_000]
)
VALUES = st.recursive(
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=5)
    | st.sampled_from([10**308, 5e-324, {"a"}, len])
    | ENDLESS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KEYS = TEXTS | ENDLESS | st.sampled_from([1.5, None, True])
PATHS = [path for path, _ in list_keys(load_schema())]


def put(config: dict, path: str, value: object) -> None:
    """Set the value at a path such as "dataset.inputs[].name"."""
    *parents, key = path.split(".")
    for parent in parents:
        name = parent.removesuffix("[]")
        found = config.get(name)
        if parent.endswith("[]"):
            found = found[0] if isinstance(found, list) and found else None
        if not isinstance(found, dict):
            found = {}
            config[name] = [found] if parent.endswith("[]") else found
        config = found
    config[key] = value


def check_outcome(config: object) -> None:
    """Resolve a config, which must succeed for good or tell why not."""
    try:
        resolved = resolve_config(config)
    except UserError as error:
        sentence = str(error)
        assert sentence and sentence.isprintable()
        assert len(sentence) <= 320
        return
    assert resolve_config(resolved) == resolved


@FAST
@given(st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=3))
def test_any_values_resolve_for_good_or_are_one_sentence(changes):
    config = copy.deepcopy(VALID)
    for path, value in changes:
        put(config, path, value)
    check_outcome(config)


@FAST
@given(st.sampled_from(["", "dataset.", "search.", "search.space.", "dataset.inputs[]."]), KEYS)
def test_any_unknown_key_is_one_sentence(section, key):
    config = copy.deepcopy(VALID)
    put(config, f"{section}placeholder", 1)
    target = config
    for parent in section.split(".")[:-1]:
        target = target[parent.removesuffix("[]")]
        target = target[0] if isinstance(target, list) else target
    target[key] = target.pop("placeholder")
    check_outcome(config)


def laughs(levels: int) -> list:
    """Return a list that stands for 9 ** levels entries."""
    value: list = [1]
    for _ in range(levels):
        value = [value] * 9
    return value


def endless() -> dict:
    """Return a mapping that is an entry of itself, as anchors of YAML can make it."""
    value = {"method": "blocks"}
    value["variable"] = value
    return value


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [laughs(12), endless(), [endless()]], ids=["laughs", "own", "in"])
def test_what_anchors_make_endless_is_not_looked_into(path, value):
    config = copy.deepcopy(VALID)
    put(config, path, value)
    check_outcome(config)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("study: !!set {a, b}", "a digit, not a value of the type set"),
        ("study: !!binary AP8=", "a digit, not a value of the type bytes"),
        ("? 0x" + "f" * 900 + "\n: 1", "inf is not a known key"),
        ("? " + "k" * 5000 + "\n: 1", "kkk...' is not a known key"),
        ('"\\e[31m": 1', r"'\x1b[31m' is not a known key"),
        ('"": 1', "'' is not a known key"),
    ],
)
def test_what_yaml_can_say_is_told_in_words(text, fragment):
    with pytest.raises(UserError) as caught:
        resolve_config({**VALID, **yaml.load(text, Loader=yaml.FullLoader)})
    assert fragment in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("path", "value", "fragment"),
    [
        ("search", {"n_trials": 10**6, "shard_size": 1}, "search.shard_size would make 1,000,000"),
        ("generate", {"n_samples": 10**9, "samples_per_file": 1}, "generate.samples_per_file"),
        ("retrain", {"top_k": 1000, "seeds": 1000}, "retrain.top_k, retrain.controls"),
    ],
)
def test_more_jobs_than_can_be_planned_are_refused(path, value, fragment):
    config = copy.deepcopy(VALID)
    put(config, path, value)
    with pytest.raises(UserError, match=fragment):
        resolve_config(config)


@pytest.mark.parametrize("key", ["__use_yte__: true", '"\\x5f_use_yte__": 1'])
def test_a_config_that_is_a_template_is_refused(tmp_path, key):
    (tmp_path / "plain.yaml").write_text("study: mine\n")
    (tmp_path / "template.yaml").write_text(f"study: mine\n{key}\n?print(1): 2\n")
    check_no_template([tmp_path / "plain.yaml"])
    with pytest.raises(UserError, match=r"template\.yaml has the key __use_yte__"):
        check_no_template([tmp_path / "plain.yaml", tmp_path / "template.yaml"])


@pytest.mark.parametrize(
    ("text", "key", "lines"),
    [
        ("study: a\nsearch: {n_trials: 5}\nstudy: b\n", "study", "line 1 and in line 3"),
        ("study: a\nsearch:\n  seed: 1\n  'seed': 2\n", "seed", "line 3 and in line 4"),
        ('{"study": "a",\n "search": {"x": [{"y": 1,\n "y": 2}]}}', "y", "line 2 and in line 3"),
        ("one: &a {x: 1}\ntwo: {<<: *a,\n x: 2,\n x: 3}\n", "x", "line 3 and in line 4"),
    ],
)
def test_a_repeated_key_of_a_config_file_is_refused(tmp_path, text, key, lines):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"study\.yaml has the key {key} twice, in {lines}"):
        check_no_repeats([path])


@pytest.mark.parametrize(
    "text",
    [
        # Overwritten values, several merges, an alias as key, the same key in two mappings.
        "one: &a {x: 1, y: 2}\ntwo: {<<: *a, x: 2}\n",
        "one: &a {x: 1}\ntwo: &b {x: 2}\nthree: {<<: *a, <<: *b}\nfour: {<<: [*a, *b]}\n",
        "one: &k x\ntwo: {*k : 1, y: *k}\nthree: *k\n",
        "1: a\n'1': b\n",
        # JSON that is no YAML.
        '{\n\t"study":\t"mine"\n}',
        "",
    ],
)
def test_a_key_that_is_not_repeated_is_taken(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text)
    check_no_repeats([tmp_path / "study.yaml", tmp_path / "a stream, which is no file"])


NAMES = [
    "with space.nc",
    "quo'te.nc",
    'double"quote.nc',
    "-dash.nc",
    "--help",
    "数据.nc",
    "$(touch x).nc",
    "`touch x`.nc",
    "; touch x;.nc",
    "new\nline.nc",
    "*star.nc",
    "[x].nc",
    "back\\slash.nc",
    "%s.nc",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_found(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"")
    assert list_files(name) == [name]


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("{x}.nc", "{x}.nc has braces"),
        ("open{.nc", "open{.nc has braces"),
    ],
)
def test_braces_in_names_of_files_are_refused(tmp_path, monkeypatch, name, fragment):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"")
    for entry in (name, "*.nc"):
        with pytest.raises(UserError) as caught:
            list_files(entry)
        assert fragment in str(caught.value)


@pytest.mark.parametrize(
    "entry", ["a\0b", "a\0*/b", "x" * 100_000, "\ud800", "\ud800*", "[", "[!", "\n", "a\0/**"]
)
def test_a_name_that_no_file_can_have_is_one_sentence(tmp_path, monkeypatch, entry):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        list_files(entry)
    assert "there is no file" in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) <= LONGEST_SENTENCE + 5


def write_small(path, file_format: str) -> bytes:
    """Write a small valid file and return its content."""
    rng = np.random.default_rng(1)
    with netCDF4.Dataset(path, "w", format=file_format) as data:
        data.createDimension("sample", 60)
        data.createDimension("mode", 2)
        x = data.createVariable("x", "f4", ("sample", "mode"))
        x.units = "K"
        x[:] = rng.random((60, 2))
        data.createVariable("y", "f8", ("sample",))[:] = rng.random(60)
    return path.read_bytes()


DATASET = {
    "inputs": [{"name": "x", "transform": "none"}],
    "outputs": [{"name": "y", "transform": "none"}],
    "max_dropped": 0.5,
    "constant_features": "refuse",
}
SPLIT = {"method": "random", "validation": 0.2, "test": 0.2, "variable": None, "n_blocks": 5}


def prepare_or_tell(path, folder) -> None:
    """Prepare a file, which must leave a whole folder, or one sentence and no manifest."""
    try:
        source = read_headers([str(path)], ["x", "y"], ["sample"])
        prepare(source, DATASET, SPLIT, output_activation="linear", seed=1, folder=folder)
    except UserError as error:
        assert str(error).isprintable() and len(str(error)) <= LONGEST_SENTENCE + 5
        assert not (folder / "manifest.json").exists()
    else:
        assert (folder / "manifest.json").exists()
        (folder / "manifest.json").unlink()


# Not of NetCDF-4: a byte of it may end the process within its library.
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("file_format", ["NETCDF3_CLASSIC", "NETCDF3_64BIT_DATA"])
@settings(FAST, max_examples=50)
@given(data=st.data())
def test_damaged_files_are_prepared_or_one_sentence(tmp_path, file_format, data):
    path = tmp_path / "data.nc"
    content = bytearray(write_small(path, file_format))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, data.draw(st.sampled_from([320, len(content)])) - 1))
        kind = data.draw(st.sampled_from(["byte", "word", "cut", "grow"]))
        if kind == "byte":
            content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
        elif kind == "word":
            word = data.draw(st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1]))
            content[at : at + 4] = struct.pack(">I", word)
        elif kind == "cut":
            del content[max(at, 1) :]
        else:
            content[at:at] = data.draw(st.binary(max_size=8))
    path.write_bytes(bytes(content))
    prepare_or_tell(path, tmp_path / "prepared")


@pytest.mark.parametrize("length", [0, 1, 7, 100, 1000, 4096, 6000])
def test_a_netcdf4_file_that_was_cut_off_is_one_sentence(tmp_path, length):
    path = tmp_path / "data.nc"
    content = write_small(path, "NETCDF4")
    path.write_bytes(content[:length])
    assert length < len(content)
    with pytest.raises(UserError, match="cannot be opened as a NetCDF file"):
        read_headers([str(path)], ["x", "y"], ["sample"])


ATTRIBUTES = st.sampled_from(
    ["", "text", "\x07", "x" * 10_000, 0.0, -1.0, math.nan, math.inf, 1e300, np.uint64(9)]
) | st.lists(st.sampled_from([0.0, math.nan, 1e300]), min_size=2, max_size=3)


@settings(FAST, max_examples=40)
@given(
    st.sampled_from(["units", "long_name", "scale_factor", "add_offset", "missing_value"])
    | st.sampled_from(["valid_range", "valid_min", "valid_max", "_Unsigned"]),
    ATTRIBUTES,
)
def test_odd_attributes_are_prepared_or_one_sentence(tmp_path, key, value):
    path = tmp_path / "data.nc"
    write_small(path, "NETCDF4")
    with netCDF4.Dataset(path, "a") as data:
        data["x"].setncattr(key, value)
    prepare_or_tell(path, tmp_path / "prepared")


def test_texts_of_a_file_become_one_line_of_printable_characters(tmp_path):
    path = tmp_path / "data.nc"
    write_small(path, "NETCDF4")
    with netCDF4.Dataset(path, "a") as data:
        data["x"].units = "K\n\x07 per\tday"
        data["x"].long_name = "long " * 1000
        data.createVariable("mode", str, ("mode",))[:] = np.array(["a\nb", "c"], object)
    features = read_headers([str(path)], ["x"], ["sample"]).features
    assert [feature.name for feature in features] == ["x[a b]", "x[c]"]
    assert features[0].units == "K per day"
    assert len(features[0].long_name) == 200 and features[0].long_name.endswith("...")


def test_a_cell_of_a_table_stays_one():
    assert wording.table([["name", "unit"], ["a|b", "<script>"]]).splitlines() == [
        "| name | unit |",
        "| --- | --- |",
        "| a/b | «script» |",
    ]


@settings(FAST, max_examples=40)
@given(
    st.sampled_from([r"$\frac", "$$", "a$b$c", r"$\undefined$", r"\$", "m^{-3}_{", "x" * 10_000])
    | st.text(st.characters(codec="ascii", categories=["L", "P", "S"]), max_size=25),
    st.sampled_from(["", r"$\frac$", "a_{b"]),
)
def test_any_unit_and_name_can_be_drawn(units, long_name):
    output = {"transform": "none", "variable": "y", "long_name": long_name, "units": units}
    label = describe_loss("sigmoid", [output])
    assert len(label) < 120
    with matplotlib.rc_context():
        figure = Figure(figsize=(3, 2))
        text = figure.text(0.5, 0.5, f"Loss\n({label})")
        figure.canvas.draw()
    # As it is in the file, not as a formula.
    assert not text._preprocess_math(text.get_text())[1]
