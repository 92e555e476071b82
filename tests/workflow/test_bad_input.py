"""Bad input is one clear sentence before any work, and touches nothing.

Real Snakemake shows it for one mistake of each kind: in the config, in the names of files, in their
headers, in their contents. Others of a kind are refused by the same calls, without its start.
"""

import copy
from contextlib import chdir

import prepare
import pytest
from small_study import Study

from twostep.config.preflight import check_data, list_files
from twostep.config.resolve import resolve_config
from twostep.util.errors import UserError


def set_in(config, path, value):
    *parents, key = path.split(".")
    for parent in parents:
        config = config.setdefault(parent, {})
    config[key] = value


def sentences(process, fragments):
    """Return the lines of a failed run that say what they should."""
    assert process.returncode != 0
    assert "Traceback" not in process.stderr
    return [line for line in process.stderr.splitlines() if all(text in line for text in fragments)]


@pytest.fixture(scope="module")
def odd_files(fresh):
    """Files in the study's folder that are not what they should be."""
    content = (fresh.folder / "data.nc").read_bytes()
    (fresh.folder / "cut off.nc").write_bytes(content[: len(content) // 2])
    (fresh.folder / "text.nc").write_text("tair,fn\n280,0.5\n")
    (fresh.folder / "nothing.nc").write_bytes(b"")
    (fresh.folder / "folder").mkdir()
    return fresh


def sentence_of_planning(study):
    """Return what planning says of a study that it refuses; the calls are those of common.smk."""
    with chdir(study.folder), pytest.raises(UserError) as error:
        config = resolve_config(copy.deepcopy(study.config))
        check_data(config, list_files(config["dataset"]["files"]), memory="headers.json")
    return str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "fragments"),
    [
        ("dataset.files", "missing.nc", ["dataset.files", "no file missing.nc"]),
        ("dataset.files", "folder", ["dataset.files", "folder is a folder"]),
        ("dataset.files", "text.nc", ["text.nc cannot be opened as a NetCDF file"]),
        ("dataset.files", "cut off.nc", ["cut off.nc cannot be opened as a NetCDF file"]),
        ("dataset.files", "nothing.nc", ["nothing.nc cannot be opened as a NetCDF file"]),
        ("dataset.files", ["data.nc", "data.nc"], ["dataset.files: data.nc is named twice"]),
        ("dataset.sample_dimension", "sample", ["data.nc", "did you mean 'nsamples'?"]),
        ("dataset.sample_dimension", [], ["dataset.sample_dimension", "an empty list"]),
        ("dataset.outputs", [{"name": "fm"}], ["data.nc", "'fm'", "did you mean 'fn'?"]),
        ("dataset.outputs", [{"name": "tair"}], ["'tair'", "dataset.inputs and dataset.outputs"]),
        ("dataset.inputs", [{"name": "label"}], ["data.nc", "'label' is not numeric"]),
        ("dataset.inputs", [{"name": "tair"}] * 2, ["must not name 'tair' twice"]),
        ("split", {"method": "group", "variable": "day"}, ["data.nc", "'day'", "split.variable"]),
        ("split", {"validation": 0.6, "test": 0.4}, ["split.validation (0.6)", "(0.4)"]),
        ("search.n_trails", 6, ["search.n_trails", "n_trials"]),
        ("retrian", {"top_k": 1}, ["retrian", "retrain"]),
        ("search.n_trials", "many", ["search.n_trials", "many", "integer"]),
        ("search.fractions", [0.04], ["search.fractions", "51", "one batch of 64"]),
        ("search.space.batch_size", 2000, ["1280 training samples", "one batch of 2000"]),
        ("search.fractions", [1.5], ["search.fractions", "1.5"]),
        ("retrain.top_k", 7, ["retrain.top_k", "7", "6"]),
        ("search.n_trials", 13, ["search.n_trials", "13", "12"]),
        ("study", "../elsewhere", ["study", "../elsewhere"]),
        ("study", "-rf", ["study", "-rf"]),
    ],
)
def test_planning_refuses_with_one_sentence(odd_files, path, value, fragments):
    study = Study(odd_files.folder, copy.deepcopy(odd_files.config))
    set_in(study.config, path, value)
    sentence = sentence_of_planning(study)
    assert all(text in sentence for text in fragments) and "\n" not in sentence


@pytest.mark.parametrize(
    ("path", "value", "fragments"),
    [
        ("search.n_trails", 6, ["search.n_trails", "n_trials"]),
        ("dataset.files", "missing.nc", ["dataset.files", "no file missing.nc"]),
        ("dataset.outputs", [{"name": "fm"}], ["data.nc", "'fm'", "did you mean 'fn'?"]),
    ],
)
def test_one_sentence_before_any_work(odd_files, tmp_path, path, value, fragments):
    study = odd_files.copy(tmp_path)
    set_in(study.config, path, value)
    before = sorted(tmp_path.rglob("*"))
    process = study.snakemake()
    assert len(sentences(process, fragments)) == 1, process.stderr
    created = {path for path in tmp_path.rglob("*") if ".snakemake" not in path.parts}
    assert {path.name for path in created - set(before)} <= {"study.yaml", "__pycache__"} | {
        path.name for path in created if path.suffix == ".pyc"
    }


def test_results_that_cannot_be_written_are_told_before_any_work(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    (tmp_path / "results").write_text("in the way")
    process = study.snakemake()
    assert len(sentences(process, ["results is a file", "move it away"])) == 1, process.stderr
    assert (tmp_path / "results").read_text() == "in the way"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (
            "dataset.outputs",
            [{"name": "signed"}],
            "output 'signed' has 1,",
        ),
        (
            "dataset.inputs",
            [{"name": "fixed"}],
            "features with the same value in all",
        ),
        (
            "dataset.inputs",
            [{"name": "empty"}],
            "'empty' has no usable value: all 1,600 are",
        ),
        (
            "dataset.inputs",
            [{"name": "signed", "transform": "log10"}],
            "799 of 1,600 rows (49.9 %) cannot be used, more than dataset.max_dropped",
        ),
        (
            "split",
            {"method": "variable", "variable": "part"},
            "the validation split is empty",
        ),
        (
            "split",
            {"method": "group", "variable": "part"},
            "1 groups by 'part' do not suffice for three splits",
        ),
    ],
)
def test_prepare_refuses_bad_contents_with_one_sentence(fresh, tmp_path, path, value, sentence):
    config = copy.deepcopy(fresh.config)
    set_in(config, path, value)
    config = resolve_config(config)
    with pytest.raises(UserError) as error:
        prepare.main(
            files=[str(fresh.folder / "data.nc")],
            dataset=config["dataset"],
            split=config["split"],
            output_activation=config["training"]["output_activation"],
            seed=1,
            manifest=str(tmp_path / "prepare" / "manifest.json"),
            data_record=str(tmp_path / "data_files.json"),
            version="",
        )
    assert str(error.value).startswith(sentence)
    assert not list((tmp_path / "prepare").glob("*"))


def test_bad_contents_stop_in_prepare(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    study.config["dataset"]["outputs"] = [{"name": "signed"}]
    sentence = "output 'signed' has 1,"
    process = study.snakemake()
    assert len(sentences(process, [f"Error: {sentence}"])) == 1, process.stderr
    assert not list((study.results / "prepare").glob("*"))
    assert sentence in (study.results / "logs/prepare.log").read_text()


def test_a_space_of_too_few_allowed_networks_stops_in_draw_with_one_sentence(fresh, tmp_path):
    """3 inputs, 2 outputs: 4, 8, 4-4 and 4-8 units are the networks of up to 74 parameters."""
    study = fresh.copy(tmp_path)
    study.config["search"]["constraints"] = {"max_parameters": 74}
    process = study.snakemake("search")
    fragments = ["Error: search.constraints leaves too few", "4 were found", "n_trials is 6"]
    assert len(sentences(process, fragments)) == 1, process.stderr
    assert not list(study.results.glob("search/*/shard_*"))
    # As many trials as there are run.
    study.config["search"]["n_trials"] = 4
    assert study.run("search").trials("0.2") == [0, 1, 2, 3]
    # The list of these is too short for more, and drawing it again says why.
    study.config["search"]["n_trials"] = 5
    process = study.snakemake("search")
    fragments = ["configurations_1000.jsonl ends before trial 4: delete it and run the same"]
    assert len(sentences(process, fragments)) == 1, process.stderr


def test_a_constraint_that_nothing_meets_stops_in_draw(fresh, tmp_path):
    """While planning, the two inputs are known, and not that one of them has two entries."""
    study = fresh.copy(tmp_path)
    study.config["search"]["constraints"] = {"max_operations": 19}
    process = study.snakemake("search")
    fragments = ["Error: search.constraints.max_operations is 19", "at least 20 operations"]
    assert len(sentences(process, fragments)) == 1, process.stderr
