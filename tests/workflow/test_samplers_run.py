"""An adaptive search in a real run: its bytes do not depend on how the work is divided."""

import json

import pandas as pd

TABLE = "results/small/rank/0.2/trials.csv"
OWN = {"hidden_widths": [16, 16], "learning_rate": 0.002}


def listed(study, generation):
    lines = (study.results / f"search/generation_{generation}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_generations_are_the_same_to_the_byte_however_the_work_is_divided(fresh, tmp_path):
    study = fresh.copy(tmp_path / "one")
    study.config["search"] |= {
        "sampler": "tpe",
        "generation_size": 4,
        "n_trials": 7,
        "enqueue": [OWN],
    }
    study.config["search"]["space"]["learning_rate"] = {"min": 0.0003, "max": 0.01}
    other = fresh.copy(tmp_path / "other")
    other.config["search"] |= study.config["search"] | {"shard_size": 2, "n_trials": 10}

    work = study.run(TABLE, "--cores", "1")
    assert work.trials("0.2") == list(range(7))
    # Shards of 3 and 1 trials, then of 3: none goes beyond its generation.
    assert (work.jobs["generation"], work.jobs["search_shard"], work.jobs["draw"]) == (2, 3, 0)
    assert listed(study, 0)[0]["configuration"].items() >= OWN.items()
    # A list is that of a whole generation, though the study needs a part of it.
    assert [entry["trial"] for entry in listed(study, 1)] == [4, 5, 6, 7]
    first = pd.read_csv(study.folder / TABLE)

    # As if killed in the second generation; and more trials than before.
    (study.results / "search/generation_1.jsonl").unlink()
    (study.results / "search/0.2/shard_2.jsonl").unlink()
    study.config["search"]["n_trials"] = 10
    work = study.run(TABLE)
    assert work.trials("0.2") == [7, 8, 9]
    grown = pd.read_csv(study.folder / TABLE)
    kept = grown[grown["trial"] < 7].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept.drop(columns="rank"), first.drop(columns="rank"))
    assert "Nothing to be done" in study.snakemake(TABLE).stderr

    other.run(TABLE)
    assert (other.folder / TABLE).read_bytes() == (study.folder / TABLE).read_bytes()
