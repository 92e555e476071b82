"""Bad input is one clear sentence before any work, and touches nothing."""

import pytest


def set_in(config, path, value):
    *parents, key = path.split(".")
    for parent in parents:
        config = config[parent]
    config[key] = value


@pytest.mark.parametrize(
    ("path", "value", "fragments"),
    [
        ("dataset.files", "missing.nc", ["dataset.files", "no file missing.nc"]),
        ("dataset.sample_dimension", "sample", ["data.nc", "did you mean 'nsamples'?"]),
        ("dataset.outputs", [{"name": "fm"}], ["data.nc", "'fm'", "did you mean 'fn'?"]),
        ("search.n_trails", 6, ["search.n_trails", "n_trials"]),
        ("retrian", {"top_k": 1}, ["retrian", "retrain"]),
        ("search.n_trials", "many", ["search.n_trials", "many", "integer"]),
        ("search.fractions", [0.04], ["search.fractions", "51", "one batch of 64"]),
        ("search.fractions", [1.5], ["search.fractions", "1.5"]),
        ("retrain.top_k", 7, ["retrain.top_k", "7", "6"]),
        ("search.n_trials", 13, ["search.n_trials", "13", "12"]),
        ("study", "../elsewhere", ["study", "../elsewhere"]),
    ],
)
def test_one_sentence_before_any_work(fresh, tmp_path, path, value, fragments):
    study = fresh.copy(tmp_path)
    set_in(study.config, path, value)
    before = sorted(tmp_path.rglob("*"))
    process = study.snakemake()
    assert process.returncode != 0
    assert "Traceback" not in process.stderr
    sentences = [
        line for line in process.stderr.splitlines() if all(text in line for text in fragments)
    ]
    assert len(sentences) == 1, process.stderr
    created = {path for path in tmp_path.rglob("*") if ".snakemake" not in path.parts}
    assert {path.name for path in created - set(before)} <= {"study.yaml", "__pycache__"} | {
        path.name for path in created if path.suffix == ".pyc"
    }


def test_bad_contents_stop_in_prepare_with_one_sentence(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    study.config["dataset"]["outputs"] = [{"name": "tair"}]
    study.config["dataset"]["inputs"] = [{"name": "num_aer"}]
    process = study.snakemake()
    assert process.returncode != 0
    assert "Traceback" not in process.stderr
    sentence = "Error: output 'tair' has 1,600 values outside [0, 1]"
    assert sum(line.startswith(sentence) for line in process.stderr.splitlines()) == 1
    assert not list((study.results / "prepare").glob("*"))
