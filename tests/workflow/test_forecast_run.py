"""`snakemake forecast` prints what a study will cost, and trains nothing for good."""

import re


def test_a_study_is_forecast_before_it_is_run(fresh, tmp_path):
    study = fresh.copy(tmp_path)
    work = study.run("forecast")
    assert set(work.jobs) == {"prepare", "subset", "draw", "forecast"}
    assert not work.searched
    text = (study.results / "forecast.md").read_text()
    assert re.search(r"step 1 on fraction 0\.2, 6 trials \| [\d.]+ s", text)
    assert re.search(r"the same search on all data, with step 2's budget \| [\d.]+ s", text)
    # Another number of trials is another forecast, from the same data.
    study.config["search"]["n_trials"] = 12
    assert set(study.run("forecast").jobs) == {"forecast"}
    assert "12 trials" in (study.results / "forecast.md").read_text()
