"""`snakemake advise` in a real run: its pilot, and the search that takes its trials."""

import re


def test_a_pilot_is_trained_once_and_reused_by_the_search(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    study.config["search"] |= {"n_trials": 14, "shard_size": 14}
    study.config["search"]["space"]["learning_rate"] = {"min": 0.003, "max": 0.01}
    study.config["advise"] = {
        "n_pilot": 12,
        "pilots": [{"fraction": 0.1, "budget": {"max_epochs": 2}}, {"fraction": 0.2}],
    }
    work = study.run("advise")
    assert work.jobs["pilot_shard"] == 4
    assert work.jobs["advise"] == 1
    assert work.trials("0.1") == work.trials("0.2") == list(range(12))
    text = (study.results / "advise.md").read_text()
    assert re.search(r"^\| 0\.1 \| 128 \| at most 2 epochs", text, re.M)
    assert "The recommended plan" in text or "Cannot tell: " in text
    # Another wish is another text from the same trials. The search has fraction and budget of the
    # second pilot, and takes its trials, too.
    study.config["advise"]["regret"] = 0.5
    work = study.run("advise", "search")
    assert work.jobs["pilot_shard"] == 0
    assert work.jobs["advise"] == 1
    assert work.trials("0.2") == [12, 13]
