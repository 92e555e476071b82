"""What results were made from: what a job refuses to read, and what planning does again."""

import json
from pathlib import Path

import pytest

from twostep.util.errors import UserError
from twostep.util.origin import (
    NAME,
    Origin,
    check_inputs,
    describe_difference,
    find_outdated,
    origin_path,
    portable,
    read_origin,
    stamp,
    write_origin,
)

BUDGET = {"budget": json.dumps({"max_epochs": 4, "patience": None}), "seed": 1, "trials": [0, 3]}


def make(folder: Path, name: str, text: str, inputs: dict, **settings) -> None:
    """Write a result with its origin."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    origin = Origin(name.partition("/")[0], {}, BUDGET | settings, inputs, {name: stamp(path)})
    write_origin(origin, folder)


@pytest.fixture
def folder(tmp_path):
    """A study of two shards and a ranking of them."""
    folder = tmp_path / "results" / "x"
    for i in (0, 1):
        make(folder, f"search/shard_{i}.jsonl", f"record {i}", {})
    shards = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.jsonl")}
    make(
        folder,
        "rank/trials.csv",
        "table",
        {name: stamp(path)["sha256"] for name, path in shards.items()},
    )
    return folder


def outdated(folder, **expected):
    """Which files are to be made again if all jobs are to have these settings."""
    files, sentence = find_outdated(folder, lambda origin: origin.settings | expected)
    return [str(Path(path).relative_to(folder)) for path in files], sentence


def test_nothing_is_outdated(folder):
    assert outdated(folder) == ([], "")


def test_other_settings_make_all_outdated_and_the_first_is_told(folder):
    files, sentence = outdated(folder, seed=2)
    assert files == ["rank/trials.csv", "search/shard_0.jsonl", "search/shard_1.jsonl"]
    # What comes first in a study is named.
    first = f"{folder}/search/shard_0.jsonl"
    assert sentence == f"{first} was made with another value of seed (1, not 2)"


def test_the_sentence_is_about_the_first_that_is_told(folder):
    files, sentence = find_outdated(
        folder,
        lambda origin: origin.settings | {"seed": 2},
        lambda origin: origin.rule == "rank",
    )
    assert len(files) == 3
    assert sentence.startswith(f"{folder}/rank/trials.csv was made with another value of seed")


def test_an_input_that_was_replaced_makes_its_reader_outdated(folder):
    make(folder, "search/shard_1.jsonl", "another record", {})
    assert outdated(folder)[0] == ["rank/trials.csv"]
    assert "was made from another search/shard_1.jsonl" in outdated(folder)[1]


def test_an_input_that_was_deleted_does_not(folder):
    (folder / "search" / "shard_1.jsonl").unlink()
    assert outdated(folder) == ([], "")


def test_a_result_that_was_edited_or_has_no_origin_is_outdated(folder):
    (folder / "search" / "shard_0.jsonl").write_text("recorD 0")
    assert outdated(folder)[0] == ["search/shard_0.jsonl"]
    assert outdated(folder)[1] == f"{folder}/search/shard_0.jsonl is not what its job wrote"
    (folder / "search" / f"shard_0.{NAME}").write_text("{")
    assert outdated(folder)[0] == [
        "rank/trials.csv",
        "search/shard_0.jsonl",
        f"search/shard_0.{NAME}",
    ]


def test_a_study_of_an_older_version_is_outdated_as_a_whole(folder):
    for path in folder.rglob(f"*{NAME}"):
        path.unlink()
    files, sentence = outdated(folder)
    assert len(files) == 3 and "older version" in sentence


def test_jobs_of_another_config_and_files_that_are_no_results_are_left_alone(folder):
    (folder / "journal").mkdir()
    (folder / "journal" / "data_files.json").write_text("{}")
    assert find_outdated(folder, lambda origin: None) == ([], "")


def test_a_job_takes_what_was_made_as_planned(folder):
    path = folder / "search" / "shard_0.jsonl"
    # Its own settings are no other job's business, and the user's files have no origin.
    plan = {"search": {"budget": BUDGET["budget"], "seed": 1}}
    found = check_inputs([path, folder.parent / "data.nc"], folder, plan)
    assert found == {"search/shard_0.jsonl": stamp(path)["sha256"]}


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.write_text("recorD 0"), "shard_0.jsonl is damaged"),
        (lambda path: path.with_suffix(f".{NAME}").unlink(), "has no origin.json beside it"),
        (
            lambda path: make(path.parents[1], "search/shard_0.jsonl", "0", {}, seed=3),
            r"shard_0.jsonl was made with another value of seed \(3, not 1\)",
        ),
    ],
)
def test_a_job_refuses_what_was_not(folder, damage, sentence):
    path = folder / "search" / "shard_0.jsonl"
    damage(path)
    with pytest.raises(UserError, match=sentence):
        check_inputs([path], folder, {"search": {"budget": BUDGET["budget"], "seed": 1}})


def test_settings_do_not_know_where_the_study_is():
    settings = {"journal": "results/x/journal/search", "trials": (0, 3), "seed": 1}
    assert portable(settings, Path("results/x")) == {"trials": [0, 3], "seed": 1}


def test_origins_lie_beside_the_results():
    assert origin_path(["a/shard_0.jsonl", "a/shard_0.timings.jsonl"]) == Path(f"a/shard_0.{NAME}")
    assert origin_path(["a/trials.csv", "a/timings.csv"]) == Path(f"a/{NAME}")
    assert read_origin(Path("nowhere")) is None


@pytest.mark.parametrize(
    ("new", "told"),
    [
        ({}, ""),
        ({"seed": 2}, "another value of seed (1, not 2)"),
        ({"trials": [0, 5]}, "another value of trials ([0, 3], not [0, 5])"),
        ({"budget": '{"max_epochs": 9}'}, "another value of budget.max_epochs (4, not 9)"),
        ({"code": "a"}, "other code"),
        ({"version": "b"}, "other data files"),
        ({"seed": "long " * 20}, "another value of seed"),
    ],
)
def test_a_difference_is_told_by_its_key(new, told):
    assert describe_difference(BUDGET, BUDGET | new).startswith(told)
    assert bool(told) == bool(describe_difference(BUDGET, BUDGET | new))


def test_each_flipped_bit_of_an_origin_makes_it_none_or_changes_nothing(folder):
    path = folder / "search" / f"shard_0.{NAME}"
    origin, content = read_origin(path), path.read_bytes()
    assert origin
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert read_origin(path) in (None, origin)
